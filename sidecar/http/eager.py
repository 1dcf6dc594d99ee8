"""Coroutines that begin at once, where they are started; only those that must wait become tasks.

Most answers come from memory, and a task for each would cost more than the answer. Python 3.12's eager tasks do the
same but make a task all the same, and 3.11 has none. Stepping a coroutine inside a task's name is what asyncio's
documentation, "Extending", section "Task lifetime support", offers `_enter_task` for.
"""

import asyncio
from asyncio.tasks import _enter_task, _leave_task
from collections.abc import Coroutine, Generator
from types import coroutine as generator_coroutine
from typing import Any, Generic, TypeVar

T = TypeVar("T")
Begun = tuple[Coroutine[Any, Any, T], Any]
"""A coroutine after its first step, and what it waits for."""


class Starter(Generic[T]):
    """Keeps one task in reserve, so that a coroutine knows from its first step the task that it may become.

    Without it `asyncio.timeout` in that step would have nobody to cancel.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._tasks: set[asyncio.Task[T]] = set()
        self._reserve()

    def start(self, coroutine: Coroutine[Any, Any, T]) -> T | asyncio.Task[T]:
        """Its result if it need not wait, else the task that it goes on in. Raises what its first step raises.

        To be called from a callback of the loop, not from within a task.
        """
        _enter_task(self._loop, self._spare)
        try:
            awaited = coroutine.send(None)
        except StopIteration as done:
            return done.value  # type: ignore[no-any-return] # StopIteration is not generic
        finally:
            _leave_task(self._loop, self._spare)
        task = self._spare
        self._handed.set_result((coroutine, awaited))
        self._reserve()
        return task

    def _reserve(self) -> None:
        self._handed: asyncio.Future[Begun[T]] = self._loop.create_future()
        self._spare: asyncio.Task[T] = self._loop.create_task(_carry_on(self._handed), name="answer a request")
        self._tasks.add(self._spare)
        self._spare.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Cancel whatever still runs, and see it end."""
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _carry_on(handed: "asyncio.Future[Begun[T]]") -> T:
    """A task takes nothing but an `async def` since Python 3.12, and only a generator can pass on what it is sent."""
    return await _continued(handed)


@generator_coroutine
def _continued(handed: "asyncio.Future[Begun[T]]") -> Generator[Any, Any, T]:
    """Wait for a coroutine to be handed over, then be it: pass on what it awaits, and all that comes back."""
    interruption: BaseException | None = None
    try:
        yield from handed.__await__()
    except asyncio.CancelledError as error:
        interruption = error
    coroutine, awaited = handed.result()  # or CancelledError, if none came
    while True:
        if interruption is None:
            try:
                yield awaited
            except BaseException as error:  # noqa: BLE001 (the coroutine's to handle: thrown into it below)
                interruption = error
        try:
            awaited = coroutine.send(None) if interruption is None else coroutine.throw(interruption)
        except StopIteration as done:
            return done.value  # type: ignore[no-any-return] # StopIteration is not generic
        interruption = None
