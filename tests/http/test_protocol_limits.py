"""Clients that are slow, many or silent: each meets a bound, and nobody else notices."""

import asyncio
import socket
from dataclasses import replace

import pytest

from sidecar.http.connection import State
from sidecar.http.limits import MOST_CONNECTIONS, Limits, limits_of_each
from tests.http.peer import MirrorServer, mirror_server, request

LIMITS = Limits(drain=0.05, sweep=0.005)
"""Those of the service, looked at often; the clock moves when a test moves it."""


async def none_is_open(server: MirrorServer) -> None:
    """Until the server has let go of all its connections."""
    await server.until(lambda: len(server.pool) == 0)


# --- time ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("begun", [b"G", b"GET / HTTP/1.1\r\nHost:", request("PUT", "/", "Content-Length: 2") + b"x"])
async def test_a_request_that_does_not_end_is_408(begun: bytes) -> None:
    async with mirror_server(LIMITS) as server:
        peer = await server.peer()
        peer.send(begun)
        await server.until_it_is(State.RECEIVING)
        await server.later(LIMITS.read - 1)
        assert server.answered == []
        await server.later(1)
        answer = await peer.answer()
        assert (answer.status, answer.closes, answer.document["code"]) == (408, True, "RequestTooSlow")


async def test_trickling_does_not_buy_time() -> None:
    async with mirror_server(LIMITS) as server:
        peer = await server.peer()
        await peer.send_slowly(b"GET / HTTP/1.1\r\n")
        await server.until_it_is(State.RECEIVING)
        for _ in range(int(LIMITS.read)):
            assert server.answered == []
            await peer.send_slowly(b"A: b\r\n")
            await server.later(1)
        assert (await peer.answer()).status == 408


async def test_the_second_request_has_a_time_of_its_own() -> None:
    async with mirror_server(LIMITS) as server:
        peer = await server.peer()
        peer.send(request()[:5])
        await server.until_it_is(State.RECEIVING)
        for _ in range(3):
            await server.later(LIMITS.read - 1)
            assert (await peer.ask(request()[5:] + request()[:5])).status == 200
        await server.later(LIMITS.read)
        assert (await peer.answer()).status == 408


async def test_a_connection_that_says_nothing_is_closed_without_a_word() -> None:
    async with mirror_server(LIMITS) as server:
        silent, answered = await server.peer(), await server.peer()
        await server.until_it_is(State.IDLE, State.IDLE)
        await server.later(LIMITS.idle - 1)
        assert (await answered.ask(request())).status == 200
        await server.later(1)
        assert await silent.rest() == b""
        await server.later(LIMITS.idle - 2)
        assert server.states == [State.IDLE]
        await server.later(1)
        assert await answered.rest() == b""
        assert server.answered == [200]


async def test_empty_lines_do_not_keep_a_connection() -> None:
    async with mirror_server(LIMITS) as server:
        peer = await server.peer()
        for _ in range(3):
            await peer.send_slowly(b"\r\n")
            await server.later(LIMITS.idle / 3)
        await peer.see_the_end()


async def test_an_answer_that_does_not_come_is_503_and_its_task_ends() -> None:
    async with mirror_server(LIMITS) as server:
        peer = await server.peer()
        peer.send(request("GET", "/wait"))
        await server.face.waiting.wait()
        await server.later(LIMITS.answer - 1)
        assert not server.face.cancelled.is_set()
        await server.later(1)
        answer = await peer.answer()
        assert (answer.status, answer.headers["retry-after"]) == (503, "1")
        await server.face.cancelled.wait()
        assert (await peer.ask(request())).status == 200


async def test_a_face_that_will_not_be_cancelled_loses_its_connection() -> None:
    async with mirror_server(LIMITS) as server:
        peer = await server.peer()
        peer.send(request("GET", "/stubborn"))
        await server.until_it_is(State.ANSWERING)
        await server.later(LIMITS.answer)
        assert server.states == [State.CANCELLING]
        await server.later(LIMITS.linger)
        await peer.see_the_end()
        server.face.may_go.set()


async def test_a_client_that_does_not_read_is_cut_off() -> None:
    async with mirror_server(replace(LIMITS, pipelined=100)) as server:
        peer = await server.peer()
        peer.stop_reading()
        peer.send(request("GET", "/large") * 60)
        await server.until_it_is(State.SENDING)
        await server.later(LIMITS.write - 1)
        assert server.states == [State.SENDING]
        await server.later(1)
        await none_is_open(server)
        assert len(server.face.seen) < 60, "a face is not asked for what cannot be sent"


async def test_a_request_behind_an_answer_that_its_client_does_not_read_is_not_put_to_the_face() -> None:
    async with mirror_server(LIMITS) as server:
        peer = await server.peer()
        peer.stop_reading()
        peer.send(request("GET", "/huge") + request("GET", "/wait"))
        await server.until_it_is(State.SENDING)
        assert [seen.path for seen in server.face.seen] == ["/huge"]
        await server.later(LIMITS.write)
        await none_is_open(server)


async def test_a_client_that_reads_late_gets_everything() -> None:
    async with mirror_server(replace(LIMITS, pipelined=100)) as server:
        peer = await server.peer()
        peer.stop_reading()
        peer.send(request("GET", "/large") * 40)
        await server.until_it_is(State.SENDING)
        asked = len(server.face.seen)
        peer.read_on()
        assert [len((await peer.answer()).body) for _ in range(40)] == [300_000] * 40
        assert asked < 40


async def test_a_client_whose_requests_wait_is_not_read_from() -> None:
    async with mirror_server(LIMITS) as server:
        peer = await server.peer()
        peer.send(request("GET", "/wait") + request())
        await server.face.waiting.wait()
        peer.send(request() * 500_000)
        await asyncio.sleep(0.05)  # nothing happens, and nothing can tell so
        assert peer.unsent > 0
        server.face.may_go.set()
        assert [(await peer.answer()).status for _ in range(2)] == [200, 200]
        peer.reset()


@pytest.mark.parametrize(
    ("more", "state"), [(b"", State.CLOSING), (b"x" * 99, State.FINISHING)], ids=["all is read", "more was sent"]
)
async def test_a_last_answer_that_its_client_does_not_read_is_cut_off(more: bytes, state: State) -> None:
    async with mirror_server(LIMITS) as server:
        peer = await server.peer()
        peer.stop_reading()
        peer.send(request("GET", "/huge", "Connection: close") + more)
        await server.until_it_is(state)
        await server.later(LIMITS.write - 1)
        assert server.states == [state]
        await server.later(1)
        await none_is_open(server)


async def test_a_refusal_is_the_last_that_its_client_hears() -> None:
    async with mirror_server(LIMITS) as server:
        peer = await server.peer()
        assert (await peer.ask(b"nonsense\r\n")).status == 400
        assert await peer.rest() == b""


async def test_a_refused_client_that_never_stops_is_cut_off() -> None:
    async with mirror_server(LIMITS) as server:
        peer = await server.peer()
        assert (await peer.ask(b"nonsense\r\n")).status == 400
        assert await peer.rest() == b""
        assert server.states == [State.LINGERING]
        await server.later(LIMITS.linger)
        await none_is_open(server)


async def test_an_old_connection_is_closed_with_its_next_answer() -> None:
    async with mirror_server(replace(LIMITS, idle=2 * LIMITS.total)) as server:
        peer = await server.peer()
        await server.until_it_is(State.IDLE)
        await server.later(LIMITS.total - 1)
        assert not (await peer.ask(request())).closes
        await server.later(1)
        assert (await peer.ask(request())).closes
        assert await peer.rest() == b""


# --- numbers ---------------------------------------------------------------------------------------------------


async def test_the_longest_idle_makes_room_for_who_comes() -> None:
    async with mirror_server(replace(LIMITS, connections=2)) as server:
        first, second = await server.peer(), await server.peer()
        for peer in (second, first, second):
            assert (await peer.ask(request())).status == 200
            server.clock.now += 1
        assert (await server.ask(request())).status == 200
        assert await first.rest() == b""
        assert (await second.ask(request())).status == 200


async def test_when_all_are_busy_the_next_is_503_and_one_line_says_so(caplog: pytest.LogCaptureFixture) -> None:
    async with mirror_server(replace(LIMITS, connections=1)) as server:
        busy = await server.peer()
        busy.send(request("GET", "/wait"))
        await server.face.waiting.wait()
        for _ in range(3):
            answer = await (await server.peer()).answer()
            assert (answer.status, answer.closes, answer.headers["retry-after"]) == (503, True, "1")
        server.face.may_go.set()
        assert (await busy.answer()).status == 200
        assert (await server.ask(request())).status == 200
    assert [record.message for record in caplog.records] == ["too many connections"]


async def test_a_burst_of_a_thousand_clients_is_answered_whole_and_none_is_refused() -> None:
    async with mirror_server(replace(LIMITS, connections=2000)) as server:
        burst = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(1000)]  # while nobody accepts
        for number, client in enumerate(burst):
            client.sendall(request("GET", "/wait" if number % 2 else "/", "Connection: close"))
        await server.until(lambda: len(server.pool) == 500 and len(server.face.seen) == 1000)
        server.face.may_go.set()
        await none_is_open(server)
        for client in burst:
            with client, client.makefile("rb") as said:
                assert said.readline() == b"HTTP/1.1 200 OK\r\n"


async def test_far_too_many_are_not_even_told() -> None:
    async with mirror_server(replace(LIMITS, connections=1, refused_at_once=1)) as server:
        busy = await server.peer()
        busy.send(request("GET", "/wait"))
        await server.face.waiting.wait()
        assert (await (await server.peer()).answer()).status == 503
        await (await server.peer()).see_the_end()
        server.face.may_go.set()
        assert (await busy.answer()).status == 200


def test_clients_leave_the_process_file_descriptors_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    for soft, most in ((1024, 192), (1_048_576, MOST_CONNECTIONS), (-1, MOST_CONNECTIONS), (64, 4), (24, 1)):
        monkeypatch.setattr("resource.getrlimit", lambda _, soft=soft: (soft, soft))
        assert limits_of_each(4).connections == most


@pytest.mark.parametrize("soft", [32, 64, 100, 256, 1024])
def test_clients_that_are_refused_do_not_take_the_last_descriptors_either(
    soft: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("resource.getrlimit", lambda _: (soft, soft))
    limits = limits_of_each(4)
    assert soft - 4 * (limits.connections + limits.refused_at_once) >= 24
