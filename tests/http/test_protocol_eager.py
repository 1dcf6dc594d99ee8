"""Coroutines that begin at once: what they return, raise and wait for reaches whom it should."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from sidecar.http.eager import Starter


@pytest.fixture
async def starter() -> AsyncIterator[Starter[Any]]:
    starter: Starter[Any] = Starter()
    yield starter
    await starter.close()


async def from_a_callback(act: Callable[[], Any]) -> Any:
    """As a transport would: in the loop, in no task."""
    outcome: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    def run() -> None:
        try:
            outcome.set_result(act())
        except Exception as error:  # noqa: BLE001 (handed to the test)
            outcome.set_exception(error)

    asyncio.get_running_loop().call_soon(run)
    return await outcome


async def test_what_need_not_wait_makes_no_task(starter: Starter[Any]) -> None:
    async def at_once() -> str:
        return "here"

    before = asyncio.all_tasks()
    assert await from_a_callback(lambda: starter.start(at_once())) == "here"
    assert asyncio.all_tasks() == before


async def test_what_fails_at_once_fails_where_it_was_started(starter: Starter[Any]) -> None:
    async def broken() -> None:
        raise LookupError

    with pytest.raises(LookupError):
        await from_a_callback(lambda: starter.start(broken()))
    assert await from_a_callback(lambda: starter.start(asyncio.sleep(0, "next")))


async def test_what_waits_goes_on_in_the_task_that_it_began_in(starter: Starter[Any]) -> None:
    async def waits() -> tuple[bool, str]:
        began_in = asyncio.current_task()
        words = [await asyncio.sleep(delay, str(delay)) for delay in (0, 0.001, 0)]
        async with asyncio.TaskGroup() as group:
            other = group.create_task(asyncio.sleep(0, "other"))
        return asyncio.current_task() is began_in, " ".join((*words, await other))

    task = await from_a_callback(lambda: starter.start(waits()))
    assert await task == (True, "0 0.001 0 other")


async def test_many_may_wait_at_once(starter: Starter[Any]) -> None:
    tasks = await from_a_callback(lambda: [starter.start(asyncio.sleep(0.001, n)) for n in range(50)])
    assert await asyncio.gather(*tasks) == list(range(50))


@pytest.mark.parametrize("patience", [0, 0.001])
async def test_a_timeout_that_begins_in_the_first_step_ends_the_wait(starter: Starter[Any], patience: float) -> None:
    async def impatient() -> str:
        try:
            async with asyncio.timeout(patience):
                await asyncio.Event().wait()
        except TimeoutError:
            return "tired"
        return "never"

    await asyncio.sleep(0)  # the task in reserve has begun to wait
    assert await (await from_a_callback(lambda: starter.start(impatient()))) == "tired"


async def test_an_error_after_a_wait_is_the_task_s(starter: Starter[Any]) -> None:
    async def broken() -> None:
        await asyncio.sleep(0)
        raise LookupError

    with pytest.raises(LookupError):
        await (await from_a_callback(lambda: starter.start(broken())))


@pytest.mark.parametrize("steps", range(4))
async def test_cancelling_reaches_the_coroutine_whenever_it_comes(starter: Starter[Any], steps: int) -> None:
    told = asyncio.Event()

    async def waits() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            told.set()
            raise

    await asyncio.sleep(0)
    task = await from_a_callback(lambda: starter.start(waits()))
    for _ in range(steps):
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert told.is_set()


async def test_closing_cancels_what_still_waits() -> None:
    starter: Starter[None] = Starter()
    before = asyncio.all_tasks()
    task = await from_a_callback(lambda: starter.start(asyncio.Event().wait()))  # type: ignore[arg-type]
    await starter.close()
    assert task.cancelled()
    assert asyncio.all_tasks() < before
