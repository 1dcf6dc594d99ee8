"""What is not a request, or not one for us: refused as RFC 9112 says, explained, never echoed, and then closed."""

from collections.abc import AsyncIterator

import pytest

from sidecar.http.limits import Limits
from tests.http.corpus import CHUNKED, MALFORMED, REFUSED_OTHERWISE, SECRET
from tests.http.peer import Wire, request, wired

REFUSED = {name: (400, data) for name, data in MALFORMED.items()} | REFUSED_OTHERWISE


@pytest.fixture
async def wire() -> AsyncIterator[Wire]:
    async with wired() as wire:
        yield wire


@pytest.mark.parametrize("case", REFUSED)
async def test_it_is_refused_with_a_reason_and_the_connection_ends(wire: Wire, case: str) -> None:
    status, data = REFUSED[case]
    peer = await wire.peer()
    answer = await peer.ask(data)
    peer.finish()
    assert (answer.status, answer.closes, await peer.rest()) == (status, True, b"")
    assert answer.headers["content-type"] == "application/json"
    document = answer.document
    assert (document["code"], document["message"]) == (document["Code"], document["Message"])
    assert (wire.face.seen, wire.answered) == ([], [status])


@pytest.mark.parametrize("case", REFUSED)
async def test_it_is_refused_as_well_when_it_arrives_in_two_parts(wire: Wire, case: str) -> None:
    status, data = REFUSED[case]
    peer = await wire.peer()
    await peer.send_slowly(data[: len(data) // 2], data[len(data) // 2 :])
    assert (await peer.answer()).status == status


@pytest.mark.parametrize("case", MALFORMED)
async def test_it_is_refused_after_a_good_request_on_the_same_connection_and_the_good_one_answered(
    wire: Wire, case: str
) -> None:
    peer = await wire.peer()
    peer.send(request("GET", "/good") + MALFORMED[case])
    assert [(await peer.answer()).status for _ in range(2)] == [200, 400]
    assert [seen.path for seen in wire.face.seen] == ["/good"]


async def test_a_refusal_repeats_nothing_and_logs_nothing_that_was_sent(
    wire: Wire, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    for data in (
        request("GET", f"/{SECRET}#"),
        request("GET", "/", f"Authorization: {SECRET}\x00"),
        request("GET", "/", f"{SECRET} : a"),
        request("GET", f"/{SECRET}", f"Host: {SECRET}"),
        request("PUT", "/", f"Expect: {SECRET}"),
    ):
        peer = await wire.peer()
        peer.send(data)
        peer.finish()
        assert SECRET.encode() not in await peer.rest()
    assert SECRET not in str([vars(record) for record in caplog.records])


async def test_a_refused_head_has_no_body(wire: Wire) -> None:
    peer = await wire.peer()
    assert (await peer.ask(request("HEAD", "/", host=False), body=False)).status == 400
    assert await peer.rest() == b""


async def test_a_client_that_goes_on_sending_reads_why_it_was_refused() -> None:
    """Closed at once, the connection would be reset, and the answer lost with it."""
    async with wired(Limits(linger=0.05, sweep=0.02)) as wire:
        peer = await wire.peer()
        peer.send(request("PUT", "/", "Content-Length: 900000"))
        await peer.send_slowly(*[b"x" * 100_000] * 4)
        assert (await peer.answer()).status == 413
        assert await peer.rest() == b""


async def test_what_wastes_space_between_the_bytes_that_count_is_refused_too() -> None:
    async with wired(Limits(message=4096)) as wire:
        padded = b"PUT / HTTP/1.1\r\nA:" + b" " * 3000
        peer = await wire.peer()
        await peer.send_slowly(padded, b" " * 3000)
        assert (await peer.answer()).status == 431
        peer = await wire.peer()
        await peer.send_slowly(CHUNKED, b"1;a=" + b"b" * 3000, b"b" * 3000)
        assert (await peer.answer()).status == 413
