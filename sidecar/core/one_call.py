"""Runs calls that block one at a time, each waited for only so long: one that hangs holds up nobody, and no second
thread joins it.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Generic, ParamSpec, TypeVar

from sidecar.core.daemon_thread import in_daemon_thread
from sidecar.core.model import Seconds

P = ParamSpec("P")
T = TypeVar("T")


class OneCall:
    """One for each file: a hung file system costs one thread a file, however often it is asked."""

    def __init__(self, within: Seconds) -> None:
        self.within = within
        self._under_way: asyncio.Future[Any] | None = None

    @property
    def busy(self) -> bool:
        """Whether a call is under way, perhaps one that nobody waits for any more."""
        return self._under_way is not None and not self._under_way.done()

    async def __call__(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What `function` returns or raises. Raises `TimeoutError`, also where the call before it still hangs, and
        `OutOfThreads` where no thread can be started.
        """
        async with asyncio.timeout(self.within):
            while self.busy and self._under_way is not None:
                await asyncio.wait([self._under_way])
            call = asyncio.ensure_future(in_daemon_thread(function, *args, **kwargs))
            call.add_done_callback(_seen)
            self._under_way = call
            return await asyncio.shield(call)


class SharedCall(Generic[T]):
    """The same for one function that many ask for together: once for all who asked before it began. So what each is
    given is no older than its question.
    """

    def __init__(self, function: Callable[[], T], within: Seconds) -> None:
        self._function = function
        self._within = within
        self._under_way: asyncio.Future[T] | None = None
        self._next: asyncio.Future[T] | None = None

    async def __call__(self) -> T:
        """What the function returns or raises. Raises `TimeoutError` and `OutOfThreads` as `OneCall` does."""
        async with asyncio.timeout(self._within):
            return await asyncio.shield(self._following())

    def _following(self) -> "asyncio.Future[T]":
        """The call that has not begun yet."""
        if self._next is None or self._next.done():
            self._next = asyncio.ensure_future(self._after(self._under_way))
            self._next.add_done_callback(_seen)
        return self._next

    async def _after(self, before: "asyncio.Future[T] | None") -> T:
        if before is not None:
            await asyncio.wait([before])
        self._under_way, self._next = self._next, None
        return await in_daemon_thread(self._function)


def _seen(call: "asyncio.Future[Any]") -> None:
    """Whoever waited may have given up: an error that nobody asks for is no news."""
    if not call.cancelled():
        call.exception()
