"""A value that can be awaited until it changes: our only concurrency primitive."""

import asyncio
from typing import Generic, Protocol, TypeVar

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Watched(Protocol[T_co]):
    """A value that somebody else sets, for those who look and wait."""

    @property
    def value(self) -> T_co: ...

    async def other_than(self, seen: object) -> T_co:
        """Wait until the value differs from `seen`, and return it."""
        ...


class WatchedValue(Generic[T]):
    """Holds one value. Many tasks may wait for it to change; none can miss that it did, none needs a queue.

    A waiter names the value it has seen, so a change between its look and its wait wakes it at once. Waiters see the
    newest value only: values that were replaced meanwhile are gone.
    """

    def __init__(self, value: T) -> None:
        self._value = value
        self._changed: asyncio.Event | None = None  # there while anybody waits

    @property
    def value(self) -> T:
        return self._value

    def set(self, value: T) -> None:
        self._value = value
        if self._changed is not None:
            self._changed.set()
            self._changed = None

    async def other_than(self, seen: object) -> T:
        """Wait until the value differs from `seen`, and return it."""
        while self._value == seen:
            self._changed = self._changed or asyncio.Event()
            await self._changed.wait()
        return self._value
