"""Clients that come, ask once and leave: who is recognised has gone before there is a connection to keep."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

import pytest

from sidecar.http import recognised
from sidecar.http.connection import State
from sidecar.http.limits import Limits
from sidecar.http.messages import Repeatable, Reply, Request, Response
from sidecar.http.serializer import Serializer
from tests.http.peer import QUICK, MirrorServer, Repeating, mirror_server, request

PATIENT = 30
"""Seconds that the kernel waits for first bytes: no load of the machine makes a visit a connection without them."""
LEAVES, STAYS = request("GET", "/a", "Connection: close"), request("GET", "/a")


@pytest.fixture(autouse=True)
def _the_second_never_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was recognised once stays so, however slow the machine is."""
    monkeypatch.setattr("sidecar.http.handler.Serializer", lambda: Serializer(lambda: 0))
    monkeypatch.setattr(recognised, "FORGOTTEN_AFTER", 3600)


@pytest.fixture
async def server() -> AsyncIterator[MirrorServer]:
    async with mirror_server(face=Repeating(), first_bytes_within=PATIENT) as server:
        yield server


async def test_all_get_the_answer_of_the_first_and_each_is_counted(server: MirrorServer) -> None:
    for _ in range(5):
        peer = await server.peer()
        answer = await peer.ask(LEAVES)
        assert (answer.status, answer.closes, answer.document["path"]) == (200, True, "/a")
        assert await peer.rest() == b""
    await server.until(lambda: server.answered == [200] * 5)
    assert len(server.face.seen) == 1


async def test_who_stays_has_a_connection_and_is_counted_once(server: MirrorServer) -> None:
    await server.ask(STAYS)
    peer = await server.peer()
    for _ in range(3):
        assert not (await peer.ask(STAYS)).closes
    await server.until(lambda: server.answered == [200] * 4)
    assert (len(server.face.seen), len(server.pool)) == (1, 2)


async def test_who_sends_more_than_was_recognised_is_read_to_the_end(server: MirrorServer) -> None:
    await server.ask(LEAVES)
    peer = await server.peer()
    peer.send(STAYS + LEAVES)
    assert [(await peer.answer()).closes for _ in range(2)] == [False, True]
    assert await peer.rest() == b""


async def test_who_vanishes_disturbs_nobody(server: MirrorServer) -> None:
    await server.ask(LEAVES)
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", server.port)) as client:
            client.sendall(LEAVES)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    assert (await server.ask(LEAVES)).status == 200


async def test_a_full_port_answers_them_all_the_same_and_ends_nobody_for_it() -> None:
    async with mirror_server(
        Limits(connections=1, sweep=QUICK.sweep), face=Repeating(), first_bytes_within=PATIENT
    ) as server:
        await server.ask(LEAVES)
        kept = await server.peer()
        await kept.ask(STAYS)
        assert (await server.ask(LEAVES)).status == 200
        assert (await kept.ask(STAYS)).status == 200


class Long(Repeating):
    """Its answers are longer than the kernel has room for."""

    def answer(self, request: Request) -> Reply:
        self.seen.append(request)
        return Repeatable(Response(200, b"a" * 2**24, {}), lambda: True)


async def test_what_the_kernel_has_no_room_for_is_sent_as_the_client_reads_on() -> None:
    async with mirror_server(face=Long(), first_bytes_within=PATIENT) as server:
        whole = await server.ask(LEAVES)
        peer = await server.peer()
        peer.send(LEAVES)
        await server.until_it_is(State.CLOSING)
        assert (await peer.answer()).body == whole.body
        assert await peer.rest() == b""
        await server.until(lambda: server.answered == [200] * 2)
        assert len(server.face.seen) == 1


async def test_a_full_port_cuts_such_an_answer_rather_than_add_to_it() -> None:
    limits = Limits(connections=0, sweep=QUICK.sweep)
    async with mirror_server(face=Long(), first_bytes_within=PATIENT) as server:
        await server.ask(LEAVES)
        server.pool.limits = limits
        peer = await server.peer()
        peer.send(LEAVES)
        await server.until(lambda: server.answered == [200] * 2)
        assert b"HTTP/1.1 503" not in await peer.rest()
        assert server.states == []


async def test_once_the_server_ends_none_is_recognised() -> None:
    leaving = asyncio.Event()
    async with mirror_server(leaving=leaving.is_set, face=Repeating(), first_bytes_within=PATIENT) as server:
        await server.ask(LEAVES)
        leaving.set()
        assert (await server.ask(LEAVES)).closes
        assert len(server.face.seen) == 2


async def test_a_request_that_came_whole_is_answered_whoever_comes_behind_it() -> None:
    """What came with a connection is read as it is accepted: else it would seem idle, and make room for others."""
    async with mirror_server(Limits(connections=4, sweep=QUICK.sweep), first_bytes_within=PATIENT) as server:
        with contextlib.ExitStack() as closing:
            whole, *crowd = [
                closing.enter_context(socket.create_connection(("127.0.0.1", server.port))) for _ in range(20)
            ]
            whole.sendall(LEAVES)
            for each in crowd:
                each.sendall(b"GET")
            whole.setblocking(False)  # so far the server has had no turn
            assert (await asyncio.get_running_loop().sock_recv(whole, 4096)).startswith(b"HTTP/1.1 200")
