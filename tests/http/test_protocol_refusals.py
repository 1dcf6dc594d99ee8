"""What is not a request, or not one for us: refused as RFC 9112 says, explained, never echoed, and then closed."""

from collections.abc import AsyncIterator

import pytest

from sidecar.http.limits import Limits
from tests.http.corpus import CHUNKED, MALFORMED, REFUSED_OTHERWISE, SECRET
from tests.http.peer import MirrorServer, mirror_server, request

REFUSED = {name: (400, data) for name, data in MALFORMED.items()} | REFUSED_OTHERWISE


@pytest.fixture
async def server() -> AsyncIterator[MirrorServer]:
    async with mirror_server() as server:
        yield server


@pytest.mark.parametrize("case", REFUSED)
async def test_it_is_refused_with_a_reason_and_the_connection_ends(server: MirrorServer, case: str) -> None:
    status, data = REFUSED[case]
    peer = await server.peer()
    answer = await peer.ask(data)
    peer.finish()
    assert (answer.status, answer.closes, await peer.rest()) == (status, True, b"")
    assert answer.headers["content-type"] == "application/json"
    document = answer.document
    assert (document["code"], document["message"]) == (document["Code"], document["Message"])
    assert (server.face.seen, server.answered) == ([], [status])


@pytest.mark.parametrize("case", REFUSED)
async def test_it_is_refused_as_well_when_it_arrives_in_two_parts(server: MirrorServer, case: str) -> None:
    status, data = REFUSED[case]
    peer = await server.peer()
    await peer.send_slowly(data[: len(data) // 2], data[len(data) // 2 :])
    assert (await peer.answer()).status == status


@pytest.mark.parametrize("case", MALFORMED)
async def test_it_is_refused_after_a_good_request_on_the_same_connection_and_the_good_one_answered(
    server: MirrorServer, case: str
) -> None:
    peer = await server.peer()
    peer.send(request("GET", "/good") + MALFORMED[case])
    assert [(await peer.answer()).status for _ in range(2)] == [200, 400]
    assert [seen.path for seen in server.face.seen] == ["/good"]


async def test_a_refusal_repeats_nothing_and_logs_nothing_that_was_sent(
    server: MirrorServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    for data in (
        request("GET", f"/{SECRET}#"),
        request("GET", "/", f"Authorization: {SECRET}\x00"),
        request("GET", "/", f"{SECRET} : a"),
        request("GET", f"/{SECRET}", f"Host: {SECRET}"),
        request("PUT", "/", f"Expect: {SECRET}"),
    ):
        peer = await server.peer()
        peer.send(data)
        peer.finish()
        assert SECRET.encode() not in await peer.rest()
    assert SECRET not in str([vars(record) for record in caplog.records])


async def test_a_refused_head_has_no_body(server: MirrorServer) -> None:
    peer = await server.peer()
    assert (await peer.ask(request("HEAD", "/", host=False), body=False)).status == 400
    assert await peer.rest() == b""


async def test_a_client_that_goes_on_sending_reads_why_it_was_refused() -> None:
    """Closed at once, the connection would be reset, and the answer lost with it."""
    async with mirror_server() as server:
        peer = await server.peer()
        peer.send(request("PUT", "/", "Content-Length: 900000"))
        await peer.send_slowly(*[b"x" * 100_000] * 4)
        assert (await peer.answer()).status == 413
        assert await peer.rest() == b""


async def test_what_wastes_space_between_the_bytes_that_count_is_refused_too() -> None:
    async with mirror_server(Limits(message=4096)) as server:
        padded = b"PUT / HTTP/1.1\r\nA:" + b" " * 3000
        peer = await server.peer()
        await peer.send_slowly(padded, b" " * 3000)
        assert (await peer.answer()).status == 431
        peer = await server.peer()
        await peer.send_slowly(CHUNKED, b"1;a=" + b"b" * 3000, b"b" * 3000)
        assert (await peer.answer()).status == 413
