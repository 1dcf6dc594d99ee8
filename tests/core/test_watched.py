"""A value, and a way to wait for the next: nothing is missed, nobody waits in vain."""

import asyncio

import pytest

from sidecar.core.watched import WatchedValue
from tests.virtual_time import in_virtual_time
from tests.waiting import HANGS_AFTER


async def test_a_change_before_the_wait_is_not_missed() -> None:
    watched = WatchedValue(1)
    seen = watched.value
    watched.set(2)
    async with asyncio.timeout(HANGS_AFTER):
        assert await watched.other_than(seen) == 2


async def test_a_waiter_sleeps_until_the_value_changes() -> None:
    watched = WatchedValue(1)
    waiter = asyncio.create_task(watched.other_than(1))
    await asyncio.sleep(0)
    assert not waiter.done()
    watched.set(2)
    assert await waiter == 2


async def test_setting_an_equal_value_wakes_nobody() -> None:
    watched = WatchedValue("same")
    waiter = asyncio.create_task(watched.other_than("same"))
    await asyncio.sleep(0)
    watched.set("same")
    for _ in range(5):
        await asyncio.sleep(0)
    assert not waiter.done()
    watched.set("other")
    assert await waiter == "other"


async def test_a_hundred_waiters_wake_at_once() -> None:
    watched = WatchedValue(0)
    async with asyncio.TaskGroup() as group:
        waiters = [group.create_task(watched.other_than(0)) for _ in range(100)]
        await asyncio.sleep(0)
        watched.set(7)
    assert [waiter.result() for waiter in waiters] == [7] * 100


async def test_a_waiter_sees_the_newest_of_several_values() -> None:
    watched = WatchedValue(0)
    waiter = asyncio.create_task(watched.other_than(0))
    await asyncio.sleep(0)
    watched.set(1)
    watched.set(2)
    assert await waiter == 2


async def test_a_value_that_came_and_went_back_wakes_nobody_for_good() -> None:
    watched = WatchedValue(0)
    waiter = asyncio.create_task(watched.other_than(0))
    await asyncio.sleep(0)
    watched.set(1)
    watched.set(0)
    for _ in range(5):
        await asyncio.sleep(0)
    assert not waiter.done()
    watched.set(3)
    assert await waiter == 3


async def test_a_waiter_that_gives_up_takes_nobody_with_it() -> None:
    watched = WatchedValue(0)
    async with asyncio.TaskGroup() as group:
        impatient = group.create_task(watched.other_than(0))
        patient = group.create_task(watched.other_than(0))
        await asyncio.sleep(0)
        impatient.cancel()
        await asyncio.sleep(0)
        watched.set(1)
    assert impatient.cancelled()
    assert patient.result() == 1


async def test_a_follower_that_keeps_what_it_saw_sees_every_pause_in_order() -> None:
    watched = WatchedValue(0)
    seen: list[int] = []

    async def follow() -> None:
        while watched.value < 5:
            seen.append(await watched.other_than(seen[-1] if seen else 0))

    async with asyncio.TaskGroup() as group:
        group.create_task(follow())
        for value in range(1, 6):
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            watched.set(value)
    assert seen == [1, 2, 3, 4, 5]


@in_virtual_time
async def test_waiting_costs_no_polling() -> None:
    watched = WatchedValue(0)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(86_400):
            await watched.other_than(0)
