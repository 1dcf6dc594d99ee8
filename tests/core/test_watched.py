"""A value, and a way to wait for the next: nothing is missed, nobody waits in vain."""

import asyncio

import pytest

from sidecar.core.watched import Latest
from tests.virtual_time import in_virtual_time


async def test_a_change_before_the_wait_is_not_missed() -> None:
    latest = Latest(1)
    seen = latest.value
    latest.set(2)
    async with asyncio.timeout(1):
        assert await latest.other_than(seen) == 2


async def test_a_waiter_sleeps_until_the_value_changes() -> None:
    latest = Latest(1)
    waiter = asyncio.create_task(latest.other_than(1))
    await asyncio.sleep(0)
    assert not waiter.done()
    latest.set(2)
    assert await waiter == 2


async def test_setting_an_equal_value_wakes_nobody() -> None:
    latest = Latest("same")
    waiter = asyncio.create_task(latest.other_than("same"))
    await asyncio.sleep(0)
    latest.set("same")
    for _ in range(5):
        await asyncio.sleep(0)
    assert not waiter.done()
    latest.set("other")
    assert await waiter == "other"


async def test_a_hundred_waiters_wake_at_once() -> None:
    latest = Latest(0)
    async with asyncio.TaskGroup() as group:
        waiters = [group.create_task(latest.other_than(0)) for _ in range(100)]
        await asyncio.sleep(0)
        latest.set(7)
    assert [waiter.result() for waiter in waiters] == [7] * 100


async def test_a_waiter_sees_the_newest_of_several_values() -> None:
    latest = Latest(0)
    waiter = asyncio.create_task(latest.other_than(0))
    await asyncio.sleep(0)
    latest.set(1)
    latest.set(2)
    assert await waiter == 2


async def test_a_value_that_came_and_went_back_wakes_nobody_for_good() -> None:
    latest = Latest(0)
    waiter = asyncio.create_task(latest.other_than(0))
    await asyncio.sleep(0)
    latest.set(1)
    latest.set(0)
    for _ in range(5):
        await asyncio.sleep(0)
    assert not waiter.done()
    latest.set(3)
    assert await waiter == 3


async def test_a_waiter_that_gives_up_takes_nobody_with_it() -> None:
    latest = Latest(0)
    async with asyncio.TaskGroup() as group:
        impatient = group.create_task(latest.other_than(0))
        patient = group.create_task(latest.other_than(0))
        await asyncio.sleep(0)
        impatient.cancel()
        await asyncio.sleep(0)
        latest.set(1)
    assert impatient.cancelled()
    assert patient.result() == 1


async def test_a_follower_that_keeps_what_it_saw_sees_every_pause_in_order() -> None:
    latest = Latest(0)
    seen: list[int] = []

    async def follow() -> None:
        while latest.value < 5:
            seen.append(await latest.other_than(seen[-1] if seen else 0))

    async with asyncio.TaskGroup() as group:
        group.create_task(follow())
        for value in range(1, 6):
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            latest.set(value)
    assert seen == [1, 2, 3, 4, 5]


@in_virtual_time
async def test_waiting_costs_no_polling() -> None:
    latest = Latest(0)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(86_400):
            await latest.other_than(0)
