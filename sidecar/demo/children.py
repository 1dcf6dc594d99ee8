"""Child processes that end with the block that started them."""

import asyncio
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

ENDS_WITHIN = 5.0
"""Seconds between asking a child to end and making it."""
Child = asyncio.subprocess.Process


@asynccontextmanager
async def python(
    arguments: Sequence[str], environment: Mapping[str, str], *, stdout: int, stderr: int
) -> AsyncIterator[Child]:
    """Run this interpreter with `arguments` and nothing but `environment`.

    In a session of its own: Ctrl-C in the terminal reaches the parent alone, which then ends its children in order.
    """
    child = await asyncio.create_subprocess_exec(
        sys.executable, *arguments, env=environment, stdout=stdout, stderr=stderr, start_new_session=True
    )
    try:
        yield child
    finally:
        await _end(child)


async def _end(child: Child) -> None:
    if child.returncode is not None:
        return
    child.terminate()
    try:
        await asyncio.wait_for(child.wait(), ENDS_WITHIN)
    except TimeoutError:
        child.kill()
        await child.wait()


async def lines(stream: asyncio.StreamReader | None) -> AsyncIterator[str]:
    """The lines that a child writes, until it ends."""
    while stream is not None and (line := await stream.readline()):
        yield line.decode("utf-8", "replace").rstrip()
