"""Hands on what two sockets send each other, as kube-proxy does."""

import asyncio
from contextlib import suppress

Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def piped(here: Ends, there: Ends) -> None:
    """Until both sides have ended."""
    await asyncio.gather(_pipe(here[0], there[1]), _pipe(there[0], here[1]))


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()
