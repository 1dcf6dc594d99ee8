"""Clients that are slow, many or silent: each meets a bound, and nobody else notices."""

import asyncio
import socket
from dataclasses import replace

import pytest

from sidecar.http.limits import MOST_CONNECTIONS, Limits, most_connections
from tests.http.peer import Wire, request, wired

NEVER = 3600.0
PATIENT = Limits(read=NEVER, answer=NEVER, write=NEVER, idle=NEVER, linger=NEVER, drain=0.05, sweep=0.01)
SHORT = 0.05


async def none_is_open(wire: Wire) -> None:
    """Until the server has let go of all its connections."""
    await wire.until(lambda: wire.plane.open == 0)


# --- time ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("begun", [b"G", b"GET / HTTP/1.1\r\nHost:", request("PUT", "/", "Content-Length: 2") + b"x"])
async def test_a_request_that_does_not_end_is_408(begun: bytes) -> None:
    async with wired(replace(PATIENT, read=SHORT)) as wire:
        answer = await wire.ask(begun)
        assert (answer.status, answer.closes, answer.document["code"]) == (408, True, "RequestTooSlow")


async def test_trickling_does_not_buy_time() -> None:
    async with wired(replace(PATIENT, read=0.1)) as wire:
        peer = await wire.peer()
        answering = asyncio.create_task(peer.answer())
        await peer.send_slowly(b"GET / HTTP/1.1\r\n")
        while not answering.done():
            await peer.send_slowly(b"A: b\r\n")
        assert (await answering).status == 408


async def test_the_second_request_has_a_time_of_its_own() -> None:
    async with wired(replace(PATIENT, read=0.3)) as wire:
        peer = await wire.peer()
        peer.send(request()[:5])
        for _ in range(3):
            await asyncio.sleep(0.15)
            assert (await peer.ask(request()[5:] + request()[:5])).status == 200
        assert (await peer.answer()).status == 408


async def test_a_connection_that_says_nothing_is_closed_without_a_word() -> None:
    async with wired(replace(PATIENT, idle=SHORT)) as wire:
        assert await (await wire.peer()).rest() == b""
        peer = await wire.peer()
        assert (await peer.ask(request())).status == 200
        assert await peer.rest() == b""
        assert wire.answered == [200]


async def test_empty_lines_do_not_keep_a_connection() -> None:
    async with wired(replace(PATIENT, idle=0.1)) as wire:
        peer = await wire.peer()
        ending = asyncio.create_task(peer.see_the_end())
        while not ending.done():
            await peer.send_slowly(b"\r\n")
        await ending


async def test_an_answer_that_does_not_come_is_503_and_its_task_ends() -> None:
    async with wired(replace(PATIENT, answer=SHORT)) as wire:
        answer = await wire.ask(request("GET", "/wait"))
        assert (answer.status, answer.headers["retry-after"]) == (503, "1")
        await wire.face.cancelled.wait()


async def test_a_face_that_will_not_be_cancelled_loses_its_connection() -> None:
    async with wired(replace(PATIENT, answer=SHORT, linger=SHORT)) as wire:
        peer = await wire.peer()
        peer.send(request("GET", "/stubborn"))
        await peer.see_the_end()
        wire.face.may_go.set()


async def test_a_client_that_does_not_read_is_cut_off() -> None:
    async with wired(replace(PATIENT, write=SHORT, pipelined=100)) as wire:
        peer = await wire.peer()
        peer.stop_reading()
        peer.send(request("GET", "/large") * 60)
        await wire.until(lambda: len(wire.face.seen) > 1)
        await none_is_open(wire)
        assert len(wire.face.seen) < 60, "a face is not asked for what cannot be sent"


async def test_a_client_that_does_not_read_is_cut_off_though_another_answer_comes_meanwhile() -> None:
    async with wired(replace(PATIENT, write=SHORT)) as wire:
        peer = await wire.peer()
        peer.stop_reading()
        peer.send(request("GET", "/huge") + request("GET", "/wait"))
        await wire.face.waiting.wait()
        wire.face.may_go.set()
        await none_is_open(wire)


async def test_a_client_that_reads_late_gets_everything() -> None:
    async with wired(replace(PATIENT, pipelined=100)) as wire:
        peer = await wire.peer()
        peer.stop_reading()
        peer.send(request("GET", "/large") * 40)
        await wire.until(lambda: len(wire.face.seen) > 1)
        await asyncio.sleep(SHORT)
        asked = len(wire.face.seen)
        peer.read_on()
        assert [len((await peer.answer()).body) for _ in range(40)] == [300_000] * 40
        assert asked < 40


async def test_a_client_whose_requests_wait_is_not_read_from() -> None:
    async with wired(PATIENT) as wire:
        peer = await wire.peer()
        peer.send(request("GET", "/wait") + request())
        await wire.face.waiting.wait()
        peer.send(request() * 500_000)
        await asyncio.sleep(SHORT)
        assert peer.unsent > 0
        wire.face.may_go.set()
        assert [(await peer.answer()).status for _ in range(2)] == [200, 200]
        peer.reset()


async def test_a_closed_connection_whose_client_does_not_read_is_cut_off() -> None:
    async with wired(replace(PATIENT, write=SHORT, pipelined=100)) as wire:
        peer = await wire.peer()
        peer.stop_reading()
        peer.send(request("GET", "/huge", "Connection: close"))
        await wire.until(lambda: bool(wire.face.seen))
        await none_is_open(wire)


async def test_a_refusal_is_the_last_that_its_client_hears() -> None:
    async with wired(PATIENT) as wire:
        peer = await wire.peer()
        assert (await peer.ask(b"nonsense\r\n")).status == 400
        assert await peer.rest() == b""


async def test_a_refused_client_that_never_stops_is_cut_off() -> None:
    async with wired(replace(PATIENT, linger=SHORT)) as wire:
        peer = await wire.peer()
        assert (await peer.ask(b"nonsense\r\n")).status == 400
        assert await peer.rest() == b""
        await none_is_open(wire)


async def test_an_old_connection_is_closed_with_its_next_answer() -> None:
    async with wired(replace(PATIENT, total=SHORT)) as wire:
        peer = await wire.peer()
        assert not (await peer.ask(request())).closes
        await asyncio.sleep(2 * SHORT)
        assert (await peer.ask(request())).closes
        assert await peer.rest() == b""


async def test_one_timer_serves_all_connections_and_none_where_nobody_is_connected() -> None:
    async with wired(replace(PATIENT, sweep=0.1)) as wire:
        await asyncio.sleep(0.25)
        assert wire.plane.sweeps == 0
        for peer in [await wire.peer() for _ in range(9)]:
            assert (await peer.ask(request())).status == 200
        await asyncio.sleep(0.25)
        assert 2 <= wire.plane.sweeps <= 5
        await wire.let_go()
        await none_is_open(wire)
        swept = wire.plane.sweeps
        await asyncio.sleep(0.35)
        assert wire.plane.sweeps <= swept + 1


# --- numbers ---------------------------------------------------------------------------------------------------


async def test_the_longest_idle_makes_room_for_who_comes() -> None:
    async with wired(replace(PATIENT, connections=2)) as wire:
        first, second = await wire.peer(), await wire.peer()
        for peer in (second, first, second):
            assert (await peer.ask(request())).status == 200
        assert (await wire.ask(request())).status == 200
        assert await first.rest() == b""
        assert (await second.ask(request())).status == 200


async def test_when_all_are_busy_the_next_is_503_and_one_line_says_so(caplog: pytest.LogCaptureFixture) -> None:
    async with wired(replace(PATIENT, connections=1)) as wire:
        busy = await wire.peer()
        busy.send(request("GET", "/wait"))
        await wire.face.waiting.wait()
        for _ in range(3):
            answer = await (await wire.peer()).answer()
            assert (answer.status, answer.closes, answer.headers["retry-after"]) == (503, True, "1")
        wire.face.may_go.set()
        assert (await busy.answer()).status == 200
        assert (await wire.ask(request())).status == 200
    assert [record.message for record in caplog.records] == ["too many connections"]


async def test_a_burst_of_a_thousand_clients_is_answered_whole_and_none_is_refused() -> None:
    async with wired(replace(PATIENT, connections=2000)) as wire:
        burst = [socket.create_connection(("127.0.0.1", wire.port)) for _ in range(1000)]  # while nobody accepts
        for number, client in enumerate(burst):
            client.sendall(request("GET", "/wait" if number % 2 else "/", "Connection: close"))
        await wire.until(lambda: wire.plane.open == 500 and len(wire.face.seen) == 1000)
        wire.face.may_go.set()
        await none_is_open(wire)
        for client in burst:
            with client, client.makefile("rb") as said:
                assert said.readline() == b"HTTP/1.1 200 OK\r\n"


async def test_far_too_many_are_not_even_told() -> None:
    async with wired(replace(PATIENT, connections=1, refused_at_once=1)) as wire:
        busy = await wire.peer()
        busy.send(request("GET", "/wait"))
        await wire.face.waiting.wait()
        assert (await (await wire.peer()).answer()).status == 503
        await (await wire.peer()).see_the_end()
        wire.face.may_go.set()
        assert (await busy.answer()).status == 200


def test_clients_leave_the_process_file_descriptors_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    for soft, most in ((1024, 192), (1_048_576, MOST_CONNECTIONS), (-1, MOST_CONNECTIONS), (64, 1)):
        monkeypatch.setattr("resource.getrlimit", lambda _, soft=soft: (soft, soft))
        assert most_connections(4) == most
