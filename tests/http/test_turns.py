"""Sockets in turns of the loop: whatever one of them does, the others are looked after, and the end comes once."""

import asyncio
import socket
from collections.abc import AsyncIterator
from functools import partial

import pytest

from sidecar.http.platform import READ, WRITE
from sidecar.http.turns import LOOKS, Turns
from tests.waiting import HANGS_AFTER


@pytest.fixture
async def turns() -> AsyncIterator[Turns]:
    turns = Turns()
    yield turns
    turns.close()


@pytest.fixture
async def caught() -> list[object]:
    caught: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: caught.append(context["exception"]))
    return caught


async def a_turn(until: list[str], count: int) -> None:
    async with asyncio.timeout(HANGS_AFTER):
        while len(until) < count:
            await asyncio.sleep(0)


async def test_all_that_is_ready_is_called_in_one_turn_and_then_its_end_once(turns: Turns) -> None:
    calls: list[str] = []
    pairs = [socket.socketpair() for _ in range(3)]

    def ready(events: int) -> None:
        assert events == READ
        calls.append("ready")
        if calls.count("ready") == 1:
            turns.at_end(lambda: calls.append("end"))
        if len(calls) == 3:
            for ours, _ in pairs:
                turns.forget(ours)

    for ours, theirs in pairs:
        turns.watch(ours, READ, ready)
        theirs.send(b"a")
    await a_turn(calls, 4)
    assert calls == ["ready"] * 3 + ["end"]
    for pair in pairs:
        for each in pair:
            each.close()


async def test_whatever_one_does_the_others_are_looked_after(turns: Turns, caught: list[object]) -> None:
    calls: list[str] = []
    pairs = [socket.socketpair() for _ in range(3)]

    def ready(ours: socket.socket, _: int) -> None:
        turns.forget(ours)
        calls.append("ready")
        turns.at_end(lambda: calls.append("end"))
        if len(calls) == 1:
            raise RuntimeError("a defect")

    for ours, theirs in pairs:
        turns.watch(ours, READ, partial(ready, ours))
        theirs.send(b"a")
    await a_turn(calls, 6)
    assert (calls, len(caught)) == (["ready"] * 3 + ["end"] * 3, 1)
    for pair in pairs:
        for each in pair:
            each.close()


async def test_a_socket_is_watched_for_what_was_asked_last_and_forgotten_as_often_as_one_likes(turns: Turns) -> None:
    calls: list[int] = []
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.send(b"a")
        turns.watch(ours, READ, lambda _: pytest.fail("nobody asked for that any more"))
        turns.watch(ours, WRITE, calls.append)
        async with asyncio.timeout(HANGS_AFTER):
            while not calls:
                await asyncio.sleep(0)
        turns.forget(ours)
        turns.forget(ours)
        calls.clear()
        await asyncio.sleep(0.01)
        assert calls == []


async def test_who_becomes_ready_in_a_turn_is_called_in_it(turns: Turns) -> None:
    calls: list[str] = []
    first, firsts_peer = socket.socketpair()
    second, seconds_peer = socket.socketpair()

    def ready(name: str, ours: socket.socket, _: int) -> None:
        turns.forget(ours)
        seconds_peer.send(b"b")
        turns.at_end(lambda: calls.append("end"))
        calls.append(name)

    with first, firsts_peer, second, seconds_peer:
        turns.watch(first, READ, partial(ready, "first", first))
        turns.watch(second, READ, partial(ready, "second", second))
        firsts_peer.send(b"a")
        await a_turn(calls, 4)
    assert calls == ["first", "second", "end", "end"]


async def test_who_is_always_ready_lets_others_have_their_turn(turns: Turns) -> None:
    calls: list[str] = []
    ours, theirs = socket.socketpair()

    def ready(_: int) -> None:
        calls.append("ready")
        turns.at_end(lambda: None)

    with ours, theirs:
        theirs.send(b"a")
        turns.watch(ours, READ, ready)
        asyncio.get_running_loop().call_soon(calls.append, "another")
        await a_turn(calls, LOOKS + 2)
        turns.forget(ours)
    assert calls.index("another") <= LOOKS


async def test_after_the_end_all_may_be_forgotten() -> None:
    turns = Turns()
    near, far = socket.socketpair()
    with near, far:
        turns.watch(near, READ, print)
        turns.close()
        turns.forget(near)


async def test_outside_of_a_turn_there_is_an_end_too(turns: Turns) -> None:
    for _ in range(2):
        calls: list[str] = []
        turns.at_end(lambda calls=calls: calls.append("count"))  # type: ignore[misc]
        assert calls == []
        await a_turn(calls, 1)
        assert calls == ["count"]
