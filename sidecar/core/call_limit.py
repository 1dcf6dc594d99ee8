"""How many roles ask for credentials at a time.

A call over TLS holds 300 KiB while it lasts, and many roles that begin together would also ask STS all at once.
"""

import asyncio
import contextlib

from sidecar.core.model import Seconds

AT_A_TIME = 2
WAITS: Seconds = 5
"""Who has waited so long asks all the same: calls that hang must not keep others from other servers."""


class CallLimit:
    """Shared by the brokers of a process."""

    def __init__(self, most: int = AT_A_TIME, waits: Seconds = WAITS) -> None:
        self._room = asyncio.Semaphore(most)
        self._waits = waits

    def place(self) -> "_Place":
        """For as long as the block lasts; first come, first served."""
        return _Place(self._room, self._waits)


class _Place:
    """A class, not a generator, for its size: at the start each role but two waits here."""

    __slots__ = ("_room", "_taken", "_waits")

    def __init__(self, room: asyncio.Semaphore, waits: Seconds) -> None:
        self._room = room
        self._waits = waits
        self._taken = False

    async def __aenter__(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._waits):
                self._taken = await self._room.acquire()

    async def __aexit__(self, *_: object) -> None:
        if self._taken:
            self._room.release()
