"""How many roles ask for credentials at a time.

A call over TLS holds 300 KiB while it lasts, and many roles that begin together would also ask STS all at once.
"""

import asyncio
import contextlib

from sidecar.core.model import Seconds

AT_A_TIME = 2
WAITS: Seconds = 5
"""Who has waited so long asks all the same: calls that hang must not keep others from other servers."""
APART: Seconds = 0.1
"""They do so one after another: where the machine or the process stood still, all have waited so long at once, and the
places are free in a moment.
"""


class CallLimit:
    """Shared by the brokers of a process."""

    def __init__(self, most: int = AT_A_TIME, waits: Seconds = WAITS) -> None:
        self._room = asyncio.Semaphore(most)
        self._late = asyncio.Lock()
        self._waits = waits

    def place(self) -> "_Place":
        """For as long as the block lasts; first come, first served."""
        return _Place(self._room, self._late, self._waits)


class _Place:
    """A class, not a generator, for its size: at the start each role but two waits here."""

    __slots__ = ("_late", "_room", "_taken", "_waits")

    def __init__(self, room: asyncio.Semaphore, late: asyncio.Lock, waits: Seconds) -> None:
        self._room = room
        self._late = late
        self._waits = waits
        self._taken = False

    async def __aenter__(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._waits):
                self._taken = await self._room.acquire()
                return
        async with self._late:
            await self._wait_a_little()

    async def _wait_a_little(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(APART):
                self._taken = await self._room.acquire()

    async def __aexit__(self, *_: object) -> None:
        if self._taken:
            self._room.release()
