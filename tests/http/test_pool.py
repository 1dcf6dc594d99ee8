"""The pool's one timer, and what it does for a connection of which it knows nothing but when it is overdue."""

import asyncio
from dataclasses import dataclass, field

import pytest

from sidecar.http.limits import Limits
from sidecar.http.messages import Response
from sidecar.http.pool import ConnectionPool
from tests.virtual_time import in_virtual_time

LIMITS = Limits(sweep=1, drain=2)


@dataclass(eq=False)
class FakeConnection:
    deadline: float = 10
    idle: bool = True
    receiving: bool = False
    spent: bool = False
    since: float = 0
    overdue_at: list[float] = field(default_factory=list)
    ended: str = ""
    fails: bool = False

    def overdue(self) -> None:
        self.overdue_at.append(now())
        if self.fails:
            raise RuntimeError("a defect")
        self.deadline += 10

    def refuse(self, response: Response) -> None:
        self.ended = f"refused {response.status}"

    def close(self) -> None:
        self.ended = "closed"

    def abort(self) -> None:
        self.ended = "aborted"


def now() -> float:
    return asyncio.get_running_loop().time()


def a_pool(limits: Limits = LIMITS) -> ConnectionPool:
    return ConnectionPool(limits, now, lambda: False)


def timers() -> int:
    loop = asyncio.get_running_loop()
    return sum(not timer.cancelled() for timer in loop._scheduled)  # type: ignore[attr-defined]


@in_virtual_time
async def test_one_timer_serves_all_connections_and_none_where_nobody_is_connected() -> None:
    pool, connections = a_pool(), [FakeConnection() for _ in range(9)]
    assert timers() == 0
    for connection in connections:
        pool.add(connection)
    for _ in range(3):
        assert timers() == 1
        await asyncio.sleep(LIMITS.sweep + 0.1)
    for connection in connections:
        pool.discard(connection)
    await asyncio.sleep(LIMITS.sweep + 0.1)
    assert timers() == 0
    pool.add(connections[0])
    assert timers() == 1


@in_virtual_time
async def test_what_is_overdue_is_told_so_with_the_next_look_and_not_before() -> None:
    pool, early, late = a_pool(), FakeConnection(deadline=2.5), FakeConnection(deadline=4)
    pool.add(early)
    pool.add(late)
    await asyncio.sleep(5)
    assert (early.overdue_at, late.overdue_at) == ([3], [4])


@in_virtual_time
async def test_a_connection_that_fails_stops_no_timer() -> None:
    asyncio.get_running_loop().set_exception_handler(lambda _loop, _context: None)
    pool, broken = a_pool(), FakeConnection(deadline=1, fails=True)
    pool.add(broken)
    await asyncio.sleep(3.5)
    assert broken.overdue_at == [1, 2, 3]


@pytest.mark.parametrize(("idle", "ended"), [(True, "closed"), (False, "aborted")])
def test_draining_closes_the_idle_at_once_and_cuts_the_busy_after_a_while(*, idle: bool, ended: str) -> None:
    @in_virtual_time
    async def drain() -> None:
        pool, connection = a_pool(), FakeConnection(idle=idle)
        pool.add(connection)
        draining = asyncio.create_task(pool.drain())
        await asyncio.sleep(0)
        assert pool.closing()
        if idle:
            assert connection.ended == "closed"
            pool.discard(connection)
        await draining
        assert (now(), connection.ended, timers()) == (0 if idle else LIMITS.drain, ended, 0)

    drain()


@in_virtual_time
async def test_who_is_cancelled_while_draining_cuts_all_at_once() -> None:
    pool, connection = a_pool(), FakeConnection(idle=False)
    pool.add(connection)
    draining = asyncio.create_task(pool.drain())
    await asyncio.sleep(0)
    draining.cancel()
    await asyncio.gather(draining, return_exceptions=True)
    assert (now(), connection.ended, timers()) == (0, "aborted", 0)


@in_virtual_time
async def test_one_too_many_takes_the_place_of_the_longest_idle_or_is_refused_or_not_even_told() -> None:
    pool = a_pool(Limits(connections=2, refused_at_once=1))
    older, newer, third = FakeConnection(), FakeConnection(), FakeConnection()
    for connection in (newer, older):
        pool.add(connection)
    newer.since = 1  # it has asked meanwhile
    pool.add(third)
    assert (older.ended, newer.ended, third.ended) == ("closed", "", "")
    pool.discard(older)
    for connection in (newer, third):
        connection.idle = False
        pool.moved(connection)
    fourth, fifth = FakeConnection(idle=False), FakeConnection(idle=False)
    pool.add(fourth)
    pool.add(fifth)
    assert (fourth.ended, fifth.ended) == ("refused 503", "aborted")


@in_virtual_time
async def test_who_was_refused_has_nobodys_place_and_makes_no_room() -> None:
    pool = a_pool(Limits(connections=2, refused_at_once=2))
    first, second = FakeConnection(idle=False), FakeConnection(idle=False)
    refused, next_refused = FakeConnection(idle=False), FakeConnection(idle=False)
    for connection in (first, second, refused):
        pool.add(connection)
    refused.spent = True  # the refusal is written, and it need only read it
    pool.moved(refused)
    pool.add(next_refused)
    assert (refused.ended, next_refused.ended) == ("refused 503", "refused 503")
    pool.discard(first)
    second.idle = True
    pool.moved(second)
    admitted = FakeConnection()
    pool.add(admitted)
    assert (admitted.ended, second.ended, refused.ended) == ("", "", "refused 503")


@in_virtual_time
async def test_a_newcomer_that_has_its_answer_is_made_room_for_and_never_refused() -> None:
    """What the kernel had no room for is under way to it: nothing can come before that."""
    pool = a_pool(Limits(connections=1))
    idle, answered = FakeConnection(), FakeConnection(idle=False, spent=True)
    pool.add(idle)
    pool.add(answered)
    assert (idle.ended, answered.ended) == ("closed", "")
    busy, another = FakeConnection(idle=False), FakeConnection(idle=False, spent=True)
    full = a_pool(Limits(connections=1))
    full.add(busy)
    full.add(another)
    assert (busy.ended, another.ended) == ("", "aborted")


@in_virtual_time
async def test_where_nobody_is_idle_the_oldest_half_sent_request_makes_room() -> None:
    pool = a_pool(Limits(connections=3))
    busy, older, newer = (FakeConnection(idle=False, receiving=each) for each in (False, True, True))
    for connection in (busy, older, newer, FakeConnection()):
        pool.add(connection)
    assert (busy.ended, older.ended, newer.ended) == ("", "aborted", "")


def test_too_many_connections_are_logged_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    def told() -> list[str]:
        return [record.message for record in caplog.records if record.name.startswith("sidecar")]

    @in_virtual_time
    async def crowd() -> None:
        pool = a_pool(Limits(connections=1))
        for minute in range(3):
            for _ in range(50):
                busy = [FakeConnection(deadline=1e9, idle=False) for _ in range(3)]
                for connection in busy:
                    pool.add(connection)
                for connection in busy:
                    pool.discard(connection)
            assert told() == ["too many connections"] * (minute + 1)
            await asyncio.sleep(61)

    crowd()
