"""How many roles ask for credentials at a time.

A call over TLS holds 300 KiB while it lasts, and many roles that begin together would also ask STS all at once.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from sidecar.core.model import Seconds

AT_A_TIME = 2
WAITS: Seconds = 5
"""Who has waited so long asks all the same: calls that hang must not keep others from other servers."""


class CallLimit:
    """Shared by the brokers of a process."""

    def __init__(self, most: int = AT_A_TIME, waits: Seconds = WAITS) -> None:
        self._room = asyncio.Semaphore(most)
        self._waits = waits

    @contextlib.asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """For as long as the block lasts; first come, first served."""
        taken = await self._taken()
        try:
            yield
        finally:
            if taken:
                self._room.release()

    async def _taken(self) -> bool:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._waits):
                return await self._room.acquire()
        return False
