"""Cuts long work into steps, between which the event loop serves whoever came meanwhile."""

import asyncio


async def others_first() -> None:
    """Give way. The loop queues what goes on here before it looks who is waiting: so it looks once, and then serves."""
    await asyncio.sleep(0)
    await asyncio.sleep(0)
