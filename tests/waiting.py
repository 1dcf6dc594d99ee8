"""Waiting in tests: for as long as any machine may take, however slow it is and whatever else runs on it."""

import asyncio
from collections.abc import Callable

from sidecar.core.model import Seconds

HANGS_AFTER: Seconds = 120
"""When a test gives up. It costs nothing where all is well, and says nothing about speed, which bench/ measures."""


async def until(happens: Callable[[], bool]) -> None:
    """For what nothing tells of."""
    async with asyncio.timeout(HANGS_AFTER):
        while not happens():
            await asyncio.sleep(0.005)
