"""The clock that the broker's tests stand on is itself exact."""

import asyncio

import pytest

from tests.virtual_time import in_virtual_time


def now() -> float:
    return asyncio.get_running_loop().time()


@in_virtual_time
async def test_sleeping_lands_on_the_exact_instant() -> None:
    await asyncio.sleep(0.1)
    await asyncio.sleep(0.2)
    assert now() == 0.1 + 0.2
    await asyncio.sleep(100 * 86_400)
    assert now() == 0.1 + 0.2 + 100 * 86_400


@in_virtual_time
async def test_timers_fire_in_order_each_at_its_time() -> None:
    fired: list[tuple[str, float]] = []

    async def after(delay: float, name: str) -> None:
        await asyncio.sleep(delay)
        fired.append((name, now()))

    async with asyncio.TaskGroup() as group:
        for delay, name in ((3, "c"), (1, "a"), (2, "b")):
            group.create_task(after(delay, name))
    assert fired == [("a", 1), ("b", 2), ("c", 3)]


@in_virtual_time
async def test_a_cancelled_timer_moves_nothing() -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(5):
            await asyncio.sleep(1000)
    await asyncio.sleep(0)
    assert now() == 5


@in_virtual_time
async def test_time_stands_still_while_something_can_run() -> None:
    for _ in range(1000):
        await asyncio.sleep(0)
    assert now() == 0


def test_a_test_in_which_nothing_can_ever_happen_fails_at_once() -> None:
    @in_virtual_time
    async def hang() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return

    with pytest.raises(RuntimeError, match="hang for ever"):
        hang()
