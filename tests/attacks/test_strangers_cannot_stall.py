"""Connections without end, and requests that never end, cost right requests nothing."""

import asyncio
import gc
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace

import pytest

from sidecar.admin.shared_pages import Shared
from sidecar.http.addresses import TcpAddress
from sidecar.http.limits import Limits, admin_limits, limits_of_each
from sidecar.http.messages import NO_HEADERS, Response
from sidecar.http.room import ByteBudget, Room
from sidecar.http.server import serving
from sidecar.http.strangers import MOST_PEERS, PeerRate
from tests.doubles import credentials
from tests.faces.kit import ANY_PORT, Source, container_face
from tests.waiting import HANGS_AFTER, until

HALF_SENT = {
    "nothing": b"",
    "a letter": b"G",
    "a request line": b"GET /v1/credentials HTTP/1.1\r\n",
    "a head without end": b"GET /v1/credentials HTTP/1.1\r\nHost: localhost\r\nX: " + b"y" * 8000,
    "a body that does not come": b"PUT / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n",
    "a chunk that does not come": b"PUT / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n3e8\r\n",
    "an expectation": b"PUT / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n",
    "a method that is none": b"GETT /v1/cred",
}
FOR_EVER = Limits(read=3600, idle=3600)
"""Strangers have all the time that a test may take: who is answered did not wait for their end."""
RIGHT = b"GET /v1/credentials HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


@asynccontextmanager
async def a_face(limits: Limits, budget: ByteBudget | None = None) -> AsyncIterator[int]:
    face = container_face(Source(holds=credentials()))
    async with serving(face, lambda *_: None, [ANY_PORT], limits, budget=budget) as (address,):
        assert isinstance(address, TcpAddress)
        yield address.port


@asynccontextmanager
async def crowd(port: int, size: int, said: bytes) -> AsyncIterator[Sequence[asyncio.StreamReader]]:
    """So many connections that say this and no more."""
    async with AsyncExitStack() as stack:
        readers = []
        for _ in range(size):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            stack.callback(writer.close)
            writer.write(said)
            readers.append(reader)
        yield readers


async def answered(port: int) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(RIGHT)
    async with asyncio.timeout(HANGS_AFTER):
        head = await reader.readline()
    writer.close()
    return head


@pytest.mark.parametrize("said", HALF_SENT.values(), ids=HALF_SENT.keys())
async def test_a_full_port_answers_whoever_sends_a_whole_request(said: bytes) -> None:
    async with a_face(replace(FOR_EVER, connections=20, refused_at_once=4)) as port, crowd(port, 60, said):
        for _ in range(20):
            assert await answered(port) == b"HTTP/1.1 200 OK\r\n"


async def test_half_sent_requests_hold_few_bytes_on_all_ports_together() -> None:
    budget = ByteBudget(100_000)
    said = HALF_SENT["a head without end"]
    async with a_face(FOR_EVER, budget) as first, a_face(FOR_EVER, budget) as second:
        async with crowd(first, 40, said), crowd(second, 40, said):
            await until(lambda: budget.used > 0)
            assert budget.used <= 100_000
            assert await answered(first) == await answered(second) == b"HTTP/1.1 200 OK\r\n"
        await until(lambda: budget.used == 0)


@dataclass(eq=False)
class Holder:
    """A connection of which only the state counts."""

    since: float = 0
    idle: bool = True
    receiving: bool = False
    spent: bool = False
    ended: list["Holder"] = field(default_factory=list)

    def close(self) -> None:
        self.ended.append(self)

    abort = close


def test_making_room_takes_no_longer_with_more_connections() -> None:
    def seconds_for(size: int) -> float:
        room = Room(ByteBudget())
        for _ in range(size):
            room.moved(Holder(idle=False, receiving=True))
        newcomers = [Holder() for _ in range(200)]
        gc.disable()  # it would look at all of them
        try:
            began = time.process_time()
            for newcomer in newcomers:
                room.make(newcomer)
            return time.process_time() - began
        finally:
            gc.enable()

    assert min(seconds_for(50_000) for _ in range(3)) < 20 * max(seconds_for(50), 1e-4)


def test_the_oldest_of_those_who_hold_most_goes_first() -> None:
    budget = ByteBudget(1000)
    small, large = Room(budget), Room(budget)
    modest, greedy, late = (Holder(idle=False, receiving=True) for _ in range(3))
    for room, holder, size in ((small, modest, 100), (large, greedy, 600), (large, late, 299)):
        room.moved(holder)
        room.received(holder, size)
    assert not greedy.ended

    greedy.close = lambda: large.left(greedy)  # type: ignore[method-assign]
    greedy.abort = greedy.close  # type: ignore[method-assign]
    large.received(late, 400)
    assert budget.used == 500
    assert not modest.ended


# --- how often -----------------------------------------------------------------------------------------------------


def test_a_peer_may_connect_so_often_in_a_second_and_others_do_not_pay() -> None:
    seconds = 0.0
    rate = PeerRate(lambda: seconds, most=50)
    assert sum(rate.admits("10.0.0.7") for _ in range(10_000)) == 50
    assert rate.admits("10.0.0.1")
    seconds = 1.0
    assert rate.admits("10.0.0.7")


def test_peers_without_end_are_not_remembered_without_end() -> None:
    rate = PeerRate(lambda: 0)
    for number in range(100_000):
        rate.admits(f"peer {number}")
    assert len(rate._windows) <= MOST_PEERS


class Hand:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> float:
        return self.seconds

    def wall(self) -> float:
        return self.seconds


def test_a_page_is_written_four_times_a_second_whoever_asks() -> None:
    clock, written = Hand(), 0

    def write(_: str) -> Response:
        nonlocal written
        written += 1
        return Response(200, b"page", NO_HEADERS)

    page = Shared(clock, write)
    for _ in range(1000):
        page()
        clock.seconds += 0.001
    assert written <= 4


def test_the_admin_port_has_few_places() -> None:
    assert admin_limits(limits_of_each(servers=4)).connections <= 64
