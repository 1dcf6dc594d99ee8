"""How connections end: by half, by accident, by our own exit. Nothing that was started is left behind."""

import asyncio
import gc
import socket
import time

from sidecar.http.connection import Connection, State
from sidecar.http.limits import Limits
from sidecar.http.parser import RequestParser
from sidecar.http.visits import READ_AT_ONCE
from tests.http.peer import MirrorServer, mirror_server, request
from tests.waiting import HANGS_AFTER

PATIENT = Limits(drain=HANGS_AFTER, linger=0.05, sweep=0.01)
"""At exit, whatever is under way may end, however slow the machine is."""
QUICK = Limits(drain=0.2, sweep=0.01)


# --- the client ------------------------------------------------------------------------------------------------


async def test_a_client_that_closes_its_half_still_gets_its_answers() -> None:
    async with mirror_server() as server:
        peer = await server.peer()
        peer.send(request("GET", "/wait") + request("GET", "/b"))
        peer.finish()
        await server.face.waiting.wait()
        server.face.may_go.set()
        assert [(await peer.answer()).document["path"] for _ in range(2)] == ["/wait", "/b"]
        assert await peer.rest() == b""


async def test_a_client_that_closes_its_half_without_a_word_gets_none() -> None:
    async with mirror_server() as server:
        peer = await server.peer()
        peer.finish()
        assert await peer.rest() == b""
        assert server.answered == []


async def test_a_request_that_ends_too_early_is_400_after_the_answers_before_it() -> None:
    async with mirror_server() as server:
        peer = await server.peer()
        peer.send(request("GET", "/late") + request("PUT", "/", "Content-Length: 9") + b"abc")
        peer.finish()
        assert [(await peer.answer()).status for _ in range(2)] == [503, 400]
        assert await peer.rest() == b""


async def test_a_client_that_vanishes_cancels_its_own_wait_and_no_other() -> None:
    async with mirror_server() as server:
        gone, stays = await server.peer(), await server.peer()
        gone.send(request("GET", "/wait"))
        await server.face.waiting.wait()
        stays.send(request("GET", "/wait"))
        await server.until(lambda: len(server.face.seen) == 2)
        gone.reset()
        await server.face.cancelled.wait()
        server.face.may_go.set()
        assert (await stays.answer()).status == 200
        assert server.answered == [200]


async def test_a_client_may_vanish_at_any_byte() -> None:
    async with mirror_server() as server:
        data = request("PUT", "/wait", "Content-Length: 3", "Expect: 100-continue") + b"abc"
        for length in range(0, len(data) + 1, 7):
            peer = await server.peer()
            await peer.send_slowly(data[:length])
            peer.reset()
        await server.until(lambda: len(server.pool) == 0)
        assert (await server.ask(request())).status == 200


async def test_a_last_answer_is_read_though_its_client_sent_more_than_we_read() -> None:
    """Closed at once, the connection would be reset, and the answer lost with it."""
    async with mirror_server(QUICK) as server:
        with socket.create_connection(("127.0.0.1", server.port)) as client:
            client.sendall(request("GET", "/", "Connection: close") + b"x" * READ_AT_ONCE)
            await server.until(lambda: len(server.answered) == 1 and len(server.pool) == 1)
            assert client.recv(99).startswith(b"HTTP/1.1 200 OK\r\n")


# --- the service -----------------------------------------------------------------------------------------------


async def leave_while_waiting(server: MirrorServer) -> None:
    """Called within the block, so that it ends with a request under way."""
    await server.face.waiting.wait()
    asyncio.get_running_loop().call_later(0.02, server.face.may_go.set)


async def test_once_it_is_leaving_each_answer_is_its_connections_last_and_new_clients_are_served() -> None:
    leaving = asyncio.Event()
    async with mirror_server(leaving=leaving.is_set) as server:
        peer = await server.peer()
        assert not (await peer.ask(request())).closes
        leaving.set()
        assert (await peer.ask(request())).closes
        assert await peer.rest() == b""
        assert (await server.ask(request())).status == 200


async def test_at_exit_requests_under_way_are_answered_and_told_to_close() -> None:
    async with asyncio.TaskGroup() as group:
        async with mirror_server(PATIENT, clock=time.monotonic) as server:
            server.outlive()
            peer = await server.peer()
            peer.send(request("GET", "/wait") + request("GET", "/never"))
            answer = group.create_task(peer.answer())
            await leave_while_waiting(server)
        assert (await answer).closes
        assert await peer.rest() == b""
        assert [seen.path for seen in server.face.seen] == ["/wait"]
        await peer.close()


async def test_at_exit_an_answer_is_read_though_its_client_had_sent_more_than_we_read() -> None:
    async with mirror_server(PATIENT, clock=time.monotonic) as server:
        server.outlive()
        client = socket.create_connection(("127.0.0.1", server.port))
        client.sendall(request("GET", "/wait") + request())
        await server.face.waiting.wait()
        client.sendall(request() * 100)
        await leave_while_waiting(server)
    with client:
        assert client.recv(99).startswith(b"HTTP/1.1 200 OK\r\n")


async def test_at_exit_a_request_that_is_arriving_may_arrive() -> None:
    async with asyncio.TaskGroup() as group:
        async with mirror_server(PATIENT, clock=time.monotonic) as server:
            server.outlive()
            peer = await server.peer()
            await peer.ask(request())
            peer.send(request()[:9])
            await server.until_it_is(State.RECEIVING)
            asyncio.get_running_loop().call_later(0.02, peer.send, request()[9:])
            answer = group.create_task(peer.answer())
        assert ((await answer).status, (await answer).closes) == (200, True)
        await peer.close()


async def test_at_exit_idle_connections_close_at_once_and_nobody_is_accepted() -> None:
    async with mirror_server(Limits(drain=3600)) as server:
        server.outlive()
        peer = await server.peer()
        assert (await peer.ask(request())).status == 200
    assert await peer.rest() == b""
    await peer.close()
    try:
        await server.peer()
    except ConnectionRefusedError:
        return
    raise AssertionError("somebody listens")


async def test_at_exit_what_takes_too_long_is_cut_and_its_task_cancelled() -> None:
    async with mirror_server(QUICK) as server:
        server.outlive()
        waiting, deaf = await server.peer(), await server.peer()
        deaf.stop_reading()
        deaf.send(request("GET", "/huge"))
        waiting.send(request("GET", "/wait"))
        await server.face.waiting.wait()
        server.face.may_go.clear()
    assert server.face.cancelled.is_set()
    deaf.read_on()
    for peer in (waiting, deaf):
        await peer.see_the_end()
        await peer.close()


async def test_at_exit_who_was_let_in_by_the_kernel_is_answered_too() -> None:
    async with mirror_server(PATIENT, clock=time.monotonic) as server:
        server.outlive()
        late = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(100)]  # while nobody accepts
        for each in late:
            each.sendall(request())
    for each in late:
        with each, each.makefile("rb") as said:
            assert said.readline() == b"HTTP/1.1 200 OK\r\n"


async def test_nobody_wakes_up_for_a_server_that_has_gone() -> None:
    async with mirror_server(QUICK) as server:
        await server.ask(request())
    swept = server.pool.sweeps
    await asyncio.sleep(5 * QUICK.sweep)
    assert server.pool.sweeps == swept


async def test_nothing_is_left_when_the_block_ends() -> None:
    """Not a task, not a connection, not a parser: the collector has nothing to find."""
    before = asyncio.all_tasks()
    gc.collect()
    gc.disable()
    try:
        async with mirror_server() as server:
            for data in (request(), request("GET", "/late"), b"nonsense\r\n", request("PUT", "/", "Expect: x")):
                peer = await server.peer()
                await peer.ask(data)
                await peer.close()
            await server.until(
                lambda: not any(isinstance(left, Connection | RequestParser) for left in gc.get_objects())
            )
    finally:
        gc.enable()
    assert asyncio.all_tasks() == before
