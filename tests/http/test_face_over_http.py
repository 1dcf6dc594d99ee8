"""A face over real sockets, spoken to in bytes: no client library smooths anything over."""

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest

from sidecar.core.errors import NoCredentials
from sidecar.http.messages import Request, Response
from sidecar.observe.logs import JsonLines, TextLines
from sidecar.terminal.colour import Colour
from tests.conftest import Canary
from tests.doubles import KEY_CANARY, SESSION_CANARY, TOKEN_CANARY, credentials
from tests.faces.kit import AUTH_TOKEN, OneToken, Requests, Source, container_face, served
from tests.waiting import HANGS_AFTER

GET = b"GET /v1/credentials HTTP/1.1\r\nHost: 127.0.0.1\r\n"
END = b"\r\n"
CLOSE = b"Connection: close\r\n"


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


class Connection:
    """A client that writes bytes and reads one whole answer at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def ask(self, data: bytes, *, has_body: bool = True) -> Answer:
        self._writer.write(data)
        async with asyncio.timeout(HANGS_AFTER):
            status, *lines = (await self._reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = dict(line.split(": ", 1) for line in lines if line)
            length = int(headers["Content-Length"]) if has_body else 0
            return Answer(int(status.split()[1]), headers, await self._reader.readexactly(length))

    async def rest(self) -> bytes:
        """All that still comes until the server closes."""
        async with asyncio.timeout(HANGS_AFTER):
            return await self._reader.read()

    async def close(self) -> None:
        self._writer.close()
        await self._writer.wait_closed()


async def connected(port: int) -> Connection:
    return Connection(*await asyncio.open_connection("127.0.0.1", port))


@pytest.fixture
async def requests() -> Requests:
    return Requests()


@pytest.fixture
async def connection(requests: Requests) -> AsyncIterator[Connection]:
    """A connection to a served container face that holds credentials."""
    async with served(container_face(Source(credentials())), requests) as port:
        connection = await connected(port)
        yield connection
        await connection.close()


# --- one good answer -------------------------------------------------------------------------------------------


async def test_a_good_answer_has_length_date_type_and_says_nothing_of_its_server(connection: Connection) -> None:
    before = int(time.time())
    answer = await connection.ask(GET + END)
    assert (answer.status, json.loads(answer.body)["Code"]) == (200, "Success")
    assert before <= parsedate_to_datetime(answer.headers.pop("Date")).timestamp() <= time.time()
    assert answer.headers == {
        "Content-Type": "application/json",
        "Content-Length": str(len(answer.body)),
        "Cache-Control": "no-store",
        "Server": "irsa-sidecar",
    }


async def test_one_connection_serves_many_requests(connection: Connection, requests: Requests) -> None:
    bodies = {(await connection.ask(GET + END)).body for _ in range(20)}
    assert len(bodies) == 1
    assert requests.seen == [("container", 200)] * 20


async def test_requests_that_were_sent_together_are_answered_in_order(connection: Connection) -> None:
    head = b"HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n"
    first = await connection.ask(head + GET + END, has_body=False)
    second = await connection.ask(b"")
    assert first.headers["Content-Length"] == str(len(second.body))


async def test_head_has_the_headers_and_no_body(connection: Connection) -> None:
    answer = await connection.ask(b"HEAD /v1/credentials HTTP/1.1\r\nHost: 127.0.0.1\r\n" + CLOSE + END, has_body=False)
    assert answer.status == 200
    assert int(answer.headers["Content-Length"]) > 300
    assert await connection.rest() == b""


async def test_http_1_0_is_answered_and_the_connection_closed(connection: Connection) -> None:
    answer = await connection.ask(b"GET / HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n")
    assert (answer.status, await connection.rest()) == (200, b"")


async def test_a_client_that_asks_to_close_sees_the_end(connection: Connection) -> None:
    assert (await connection.ask(GET + CLOSE + END)).status == 200
    assert await connection.rest() == b""


@pytest.mark.parametrize(
    "spelling", [b"Authorization: ", b"authorization: ", b"AUTHORIZATION:", b"Authorization:  \t "], ids=repr
)
async def test_header_names_are_compared_without_case(spelling: bytes) -> None:
    async with served(container_face(Source(credentials()), authorization=OneToken())) as port:
        connection = await connected(port)
        assert (await connection.ask(GET + spelling + AUTH_TOKEN.encode() + END + END)).status == 200
        assert (await connection.ask(GET + END)).status == 401
        await connection.close()


@pytest.mark.parametrize("target", [b"/v1/credentials?id=7", b"/?", b"http://127.0.0.1/v1/credentials"], ids=repr)
async def test_query_and_absolute_form_do_not_change_the_path(connection: Connection, target: bytes) -> None:
    assert (await connection.ask(b"GET " + target + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")).status == 200


async def test_a_body_that_nobody_asked_for_does_no_harm(connection: Connection) -> None:
    for _ in range(2):
        assert (await connection.ask(GET + b"Content-Length: 5\r\n\r\nhello")).status == 200


async def test_a_body_that_was_only_promised_is_not_waited_for(connection: Connection) -> None:
    promised = b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 3000000\r\n\r\n"
    assert (await connection.ask(promised)).status == 405


# --- refusals --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"GET /nowhere HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 404),
        (b"DELETE / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 405),
        (b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n", 403),
        (b"GET / HTTP/1.0\r\n\r\n", 403),
    ],
)
async def test_a_refusal_is_counted_and_leaves_the_connection_usable(
    connection: Connection, requests: Requests, data: bytes, status: int
) -> None:
    answer = await connection.ask(data)
    assert answer.status == status
    assert json.loads(answer.body)["message"] == json.loads(answer.body)["Message"]
    assert requests.seen == [("container", status)]
    if b"HTTP/1.1" in data:
        assert (await connection.ask(GET + END)).status == 200


async def test_nothing_valid_is_503_with_retry_after() -> None:
    nothing = NoCredentials(None, cause="Nothing yet.", fix="Wait.", retry_after=3)
    async with served(container_face(Source(after_waiting=nothing))) as port:
        connection = await connected(port)
        answer = await connection.ask(GET + END)
        assert (answer.status, answer.headers["Retry-After"]) == (503, "3")
        await connection.close()


SECRET = KEY_CANARY.encode()
MALFORMED = {
    "no HTTP at all": SECRET + b"\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + SECRET,
    "a header without a colon": GET + b"Authorization " + SECRET + END + END,
    "a control character": GET + b"Authorization: \x00" + SECRET + END + END,
    "a header beyond the limit": GET + b"Authorization: " + SECRET * 1000 + END + END,
    "a path beyond the limit": b"GET /" + SECRET * 500 + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    "too many headers": GET + b"".join(b"X-%d: %s\r\n" % (n, SECRET) for n in range(500)) + END,
    "another version": b"GET / HTTP/3.9\r\nAuthorization: " + SECRET + b"\r\n\r\n",
    "a negative length": GET + b"Authorization: " + SECRET + b"\r\nContent-Length: -1\r\n\r\n",
    "two lengths": GET + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two hosts": GET + b"Host: " + SECRET + END + END,
    "no host": b"GET / HTTP/1.1\r\nAuthorization: " + SECRET + b"\r\n\r\n",
    "a target that is no path": b"GET " + SECRET + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
}


@pytest.mark.parametrize("case", MALFORMED)
async def test_what_is_not_a_request_is_refused_without_an_echo_and_without_a_line_in_the_log(
    connection: Connection, case: str, caplog: pytest.LogCaptureFixture, canary: Canary
) -> None:
    caplog.set_level(logging.INFO)
    answer = await connection.ask(MALFORMED[case])
    assert answer.status in {400, 431, 414, 505}
    assert json.loads(answer.body)["message"] == json.loads(answer.body)["Message"]
    canary.saw(answer.body)
    assert caplog.records == []
    assert await connection.rest() == b""


# --- clients and faces that misbehave --------------------------------------------------------------------------


class Slow:
    """A face whose answer takes until it is told to end."""

    name = "slow"

    def __init__(self) -> None:
        self.begun, self.may_end, self.ended = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def answer(self, request: Request) -> Response:  # noqa: ARG002 (every face is given one)
        self.begun.set()
        await self.may_end.wait()
        self.ended.set()
        return Response(200, b"late", {})


async def test_a_client_that_hangs_up_cancels_nothing() -> None:
    face, requests = Slow(), Requests()
    async with asyncio.timeout(HANGS_AFTER), served(face, requests) as port:
        connection = await connected(port)
        _, writer = connection._reader, connection._writer
        writer.write(GET + END)
        await face.begun.wait()
        await connection.close()
        face.may_end.set()
        await face.ended.wait()
    assert requests.seen == [("slow", 200)]


async def test_a_request_in_flight_is_answered_before_the_listener_goes() -> None:
    face = Slow()
    async with asyncio.timeout(HANGS_AFTER), asyncio.TaskGroup() as group:
        async with served(face) as port:
            connection = await connected(port)
            answer = group.create_task(connection.ask(GET + END))
            await face.begun.wait()
            asyncio.get_running_loop().call_soon(face.may_end.set)
        assert (await answer).body == b"late"
        await connection.close()


class Broken:
    """A face with a defect, whose exception quotes a secret."""

    name = "broken"

    async def answer(self, request: Request) -> Response:  # noqa: ARG002 (every face is given one)
        raise RuntimeError(f"{TOKEN_CANARY} {KEY_CANARY} {SESSION_CANARY}")


async def test_a_defect_is_500_for_one_request_and_logged_by_its_place_alone(
    caplog: pytest.LogCaptureFixture, canary: Canary
) -> None:
    async with served(Broken()) as port:
        for _ in range(2):
            connection = await connected(port)
            answer = await connection.ask(GET + END)
            await connection.close()
            assert answer.status == 500
            canary.saw(answer.body)
    assert [record.levelname for record in caplog.records] == ["ERROR"], "once, whoever asks again"
    for formatter in (JsonLines(), TextLines(Colour(on=False))):
        line = formatter.format(caplog.records[0])
        assert "RuntimeError" in line
        assert Path(__file__).name in line


async def test_a_hundred_clients_at_once_are_all_served() -> None:
    requests = Requests()

    async def one(port: int) -> int:
        connection = await connected(port)
        answer = await connection.ask(GET + END)
        await connection.close()
        return answer.status

    async with served(container_face(Source(credentials())), requests) as port:
        assert set(await asyncio.gather(*(one(port) for _ in range(100)))) == {200}
    assert len(requests.seen) == 100
