"""Requests as real clients send them, and a few that only the specification knows: each is answered as it says."""

import socket
import time
from collections.abc import AsyncIterator
from email.utils import parsedate_to_datetime

import pytest

from sidecar.http.limits import Limits
from sidecar.http.messages import Request, Response
from sidecar.http.serializer import Serializer
from sidecar.http.socket_transport import SocketTransport
from sidecar.http.turns import Turns
from tests.http.peer import MirrorServer, mirror_server, request


@pytest.fixture
async def server() -> AsyncIterator[MirrorServer]:
    async with mirror_server() as server:
        yield server


# --- what a face sees ------------------------------------------------------------------------------------------


async def test_a_face_sees_method_path_and_headers_with_lower_case_names(server: MirrorServer) -> None:
    await server.ask(request("GET", "/v1/credentials?x=1", "X-One: a", "x-ONE:  b \t", "Authorization: t\xf6ken"))
    assert server.face.seen == [
        Request("GET", "/v1/credentials", {"host": "127.0.0.1", "x-one": "a, b", "authorization": "t\udcf6ken"})
    ]


@pytest.mark.parametrize(
    ("target", "path"),
    [
        ("/a%20b/../c", "/a%20b/../c"),
        ("//latest", "//latest"),
        ("/?", "/"),
        ("http://127.0.0.1/v1/credentials?a", "/v1/credentials"),
        ("HTTP://127.0.0.1", "/"),
        ("http://127.0.0.1?a", "/"),
    ],
)
async def test_the_path_is_what_stands_before_the_query_untouched(server: MirrorServer, target: str, path: str) -> None:
    assert (await server.ask(request("GET", target))).document["path"] == path


async def test_an_absolute_target_names_the_host_where_http_1_0_sends_none(server: MirrorServer) -> None:
    await server.ask(request("GET", "http://127.0.0.1:99/x", version="1.0", host=False))
    assert server.face.seen[0].headers["host"] == "127.0.0.1:99"


async def test_the_bytes_may_arrive_one_at_a_time(server: MirrorServer) -> None:
    peer = await server.peer()
    data = request("PUT", "/x", "Content-Length: 2", "X-Empty:") + b"ab"
    await peer.send_slowly(*(data[i : i + 1] for i in range(len(data))))
    assert (await peer.answer()).document == {"method": "PUT", "path": "/x"}
    assert server.face.seen[0].headers == {"host": "127.0.0.1", "content-length": "2", "x-empty": ""}


async def test_the_same_bytes_mean_the_same_request_each_time(server: MirrorServer) -> None:
    peer = await server.peer()
    for target in ("/a", "/b", "/a", "/b"):
        assert (await peer.ask(request("GET", target))).document["path"] == target
    assert [seen.path for seen in server.face.seen] == ["/a", "/b", "/a", "/b"]


@pytest.mark.parametrize(
    "put",
    [
        pytest.param(request("PUT", "/t", "Content-Length: 0"), id="length 0"),
        pytest.param(request("PUT", "/t"), id="no length"),
        pytest.param(request("PUT", "/t", "Content-Length: 3") + b"abc", id="a body"),
        pytest.param(request("PUT", "/t", "Transfer-Encoding: chunked") + b"0\r\n\r\n", id="no chunk"),
        pytest.param(
            request("PUT", "/t", "Transfer-Encoding: Chunked") + b"2;x=y\r\nab\r\n1\r\nc\r\n0\r\nA: b\r\n\r\n",
            id="chunks",
        ),
        pytest.param(b"\r\n" + request("PUT", "/t"), id="an empty line before"),
    ],
)
async def test_a_put_is_read_however_its_body_is_framed(server: MirrorServer, put: bytes) -> None:
    peer = await server.peer()
    for _ in range(2):
        assert (await peer.ask(put)).document == {"method": "PUT", "path": "/t"}
    assert "a" not in server.face.seen[0].headers, "a trailer is no header"
    assert (await peer.ask(request())).status == 200


async def test_a_client_that_expects_100_continue_is_told_to_go_on(server: MirrorServer) -> None:
    peer = await server.peer()
    head = request("PUT", "/t", "Transfer-Encoding: chunked", "Expect: 100-Continue")
    assert (await peer.ask(head, body=False)).status == 100
    assert server.face.seen == []
    await peer.send_slowly(b"1\r\n", b"a\r\n", b"0\r\n\r\n")
    assert (await peer.answer()).document["path"] == "/t", "told once"


@pytest.mark.parametrize(
    "data",
    [
        request("PUT", "/t", "Content-Length: 1", "Expect: 100-continue") + b"x",
        request("GET", "/t", "Expect: 100-continue"),
        request("PUT", "/t", "Content-Length: 1", "Expect: 100-continue", version="1.0") + b"x",
    ],
    ids=["the body is here", "there is no body", "HTTP/1.0"],
)
async def test_nobody_is_told_to_go_on_who_does_not_wait_for_it(server: MirrorServer, data: bytes) -> None:
    peer = await server.peer()
    assert (await peer.ask(data)).status == 200
    if b"HTTP/1.1" in data:
        assert (await peer.ask(request())).status == 200


async def test_http_1_0_knows_no_expectations(server: MirrorServer) -> None:
    peer = await server.peer()
    await peer.send_slowly(request("PUT", "/t", "Content-Length: 1", "Expect: 100-continue", version="1.0"), b"x")
    assert (await peer.answer()).status == 200
    assert (await server.ask(request("GET", "/", "Expect: a-miracle", version="1.0"))).status == 200


async def test_100_continue_waits_for_the_answers_before_it(server: MirrorServer) -> None:
    peer = await server.peer()
    peer.send(request("GET", "/wait") + request("PUT", "/t", "Content-Length: 1", "Expect: 100-continue"))
    await server.face.waiting.wait()
    server.face.may_go.set()
    assert [(await peer.answer()).status, (await peer.answer(body=False)).status] == [200, 100]
    assert (await peer.ask(b"x")).document["path"] == "/t"


async def test_an_offer_to_upgrade_is_not_taken(server: MirrorServer) -> None:
    """Java's own client makes one with each request."""
    offer = request("GET", "/a", "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABk")
    peer = await server.peer()
    peer.send(offer + request("GET", "/b") + offer)
    assert [(await peer.answer()).document["path"] for _ in range(3)] == ["/a", "/b", "/a"]


async def test_thousands_of_offers_at_once_are_as_good_as_a_few(server: MirrorServer) -> None:
    offer = request("GET", "/", "Connection: Upgrade", "Upgrade: h2c")
    peer = await server.peer()
    peer.send(offer * 5000)
    assert [(await peer.answer()).closes for _ in range(16)] == [False] * 15 + [True]


async def test_what_follows_an_offer_to_upgrade_with_a_body_is_not_taken_for_a_request(server: MirrorServer) -> None:
    peer = await server.peer()
    body = request("GET", "/smuggled")
    length = f"Content-Length: {len(body)}"
    assert (await peer.ask(request("PUT", "/a", length, "Connection: Upgrade", "Upgrade: h2c") + body)).closes
    assert await peer.rest() == b""
    assert [seen.path for seen in server.face.seen] == ["/a"]


# --- what a client sees ----------------------------------------------------------------------------------------


async def test_an_answer_has_date_length_and_server_and_a_face_s_headers(server: MirrorServer) -> None:
    before = int(time.time())
    answer = await server.ask(request("GET", "/late"))
    assert before <= parsedate_to_datetime(answer.headers.pop("date")).timestamp() <= time.time()
    assert answer.headers == {"retry-after": "1", "content-length": "2", "server": "irsa-sidecar"}


def test_the_date_changes_with_the_second_and_the_answer_with_the_response() -> None:
    now = [0.9]
    renderer = Serializer(lambda: now[0])
    one, other = Response(200, b"1", {}), Response(404, b"2", {})
    first = renderer.serialize(one, b"", body=True)
    assert renderer.serialize(other, b"", body=True).startswith(b"HTTP/1.1 404 Not Found\r\n")
    assert renderer.serialize(one, b"", body=True) == first
    now[0] = 1.0
    second = renderer.serialize(one, b"", body=True)
    assert (b"00:00:00 GMT" in first, b"00:00:01 GMT" in second) == (True, True)


async def test_head_has_a_length_and_no_body(server: MirrorServer) -> None:
    peer = await server.peer()
    length = (await peer.ask(request("HEAD", "/get"), body=False)).headers["content-length"]
    assert length == str(len((await peer.ask(request("GET", "/get"))).body) + 1)  # HEAD is a letter longer than GET


@pytest.mark.parametrize("method", ["POST", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND"])
async def test_another_method_is_refused_by_the_face_which_knows_what_a_path_takes(
    server: MirrorServer, method: str
) -> None:
    peer = await server.peer()
    for path, allowed in (("/", "GET, HEAD, PUT"), ("/put", "PUT")):
        answer = await peer.ask(request(method, path))
        assert (answer.status, answer.headers["allow"]) == (405, allowed)
    assert (await peer.ask(request())).status == 200


@pytest.mark.parametrize(
    "data",
    [
        request("POST", "/", "Content-Length: 3"),
        request("CONNECT", "127.0.0.1:80"),
        request("OPTIONS", "*"),
        request("POST", "/", "Transfer-Encoding: gzip"),
    ],
    ids=["a body", "a tunnel", "everything", "a strange body"],
)
async def test_another_method_with_more_to_come_ends_the_connection(server: MirrorServer, data: bytes) -> None:
    peer = await server.peer()
    answer = await peer.ask(data)
    assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD, PUT")
    assert (answer.closes, await peer.rest()) == (True, b"")


@pytest.mark.parametrize(
    ("version", "connection", "stays", "says"),
    [
        ("1.1", None, True, None),
        ("1.1", "keep-alive", True, None),
        ("1.1", "close", False, "close"),
        ("1.1", "Keep-Alive, Close", False, "close"),
        ("1.0", None, False, "close"),
        ("1.0", "Keep-Alive", True, "keep-alive"),
    ],
)
async def test_the_client_decides_whether_the_connection_stays(
    server: MirrorServer, version: str, connection: str | None, stays: bool, says: str | None
) -> None:
    peer = await server.peer()
    wanted = () if connection is None else (f"Connection: {connection}",)
    for _ in range(2):  # read, then remembered
        answer = await peer.ask(request("GET", "/", *wanted, version=version))
        assert (answer.status, answer.headers.get("connection")) == (200, says)
        if not stays:
            assert await peer.rest() == b""
            peer = await server.peer()


async def test_what_follows_a_last_request_is_nobody_s(server: MirrorServer) -> None:
    peer = await server.peer()
    assert (await peer.ask(request("GET", "/", "Connection: close") + request("GET", "/more"))).status == 200
    assert await peer.rest() == b""
    assert [seen.path for seen in server.face.seen] == ["/"]


async def test_requests_sent_together_are_answered_in_order_though_the_first_must_wait(server: MirrorServer) -> None:
    peer = await server.peer()
    peer.send(b"".join(request("GET", f"/{name}") for name in ("wait", "b", "late", "d")))
    await server.face.waiting.wait()
    assert len(server.face.seen) == 1, "one at a time"
    server.face.may_go.set()
    answers = [await peer.answer() for _ in range(4)]
    assert [answer.document.get("path") for answer in answers] == ["/wait", "/b", None, "/d"]
    assert server.answered == [200, 200, 503, 200]


async def test_too_many_requests_at_once_end_with_a_close_after_the_last_that_is_answered() -> None:
    async with mirror_server(Limits(pipelined=3)) as server:
        peer = await server.peer()
        peer.send(request() * 9)
        assert [(await peer.answer()).closes for _ in range(3)] == [False, False, True]
        assert await peer.rest() == b""


async def test_while_one_request_waits_others_are_answered_on_other_connections(server: MirrorServer) -> None:
    waiting = await server.peer()
    waiting.send(request("GET", "/wait"))
    await server.face.waiting.wait()
    assert (await server.ask(request())).status == 200
    server.face.may_go.set()
    assert (await waiting.answer()).status == 200


async def test_small_answers_are_not_held_back_for_larger_ones(
    server: MirrorServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    delayed: list[int] = []

    def transport(accepted: socket.socket, turns: Turns) -> SocketTransport:
        delayed.append(accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        return SocketTransport(accepted, turns)

    monkeypatch.setattr("sidecar.http.server.SocketTransport", transport)
    assert (await server.ask(request())).status == 200
    assert [bool(option) for option in delayed] == [True]


async def test_a_defect_costs_one_answer_and_quotes_nothing(
    server: MirrorServer, caplog: pytest.LogCaptureFixture
) -> None:
    peer = await server.peer()
    answer = await peer.ask(request("GET", "/defect"))
    assert (answer.status, b"secret" in answer.body) == (500, False)
    assert "secret" not in str([vars(record) for record in caplog.records])
    assert (await peer.ask(request())).status == 200
