"""Python processes that end with the block that started them."""

import asyncio
import os
import socket
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

TERMINATION_TIMEOUT = 5.0
"""Seconds between SIGTERM and SIGKILL."""
LOOPBACK = "127.0.0.1"


@asynccontextmanager
async def python(
    arguments: Sequence[str], environment: Mapping[str, str], *, stdout: int, stderr: int
) -> AsyncIterator[Process]:
    """Run this interpreter with `arguments` and nothing but `environment`.

    In a session of its own: Ctrl-C in the terminal reaches the parent alone, which then ends its children in order.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable, *arguments, env=environment, stdout=stdout, stderr=stderr, start_new_session=True
    )
    try:
        yield process
    finally:
        await _end(process)


async def _end(process: Process) -> None:
    if process.returncode is not None:
        return
    process.terminate()
    try:
        await asyncio.wait_for(process.wait(), TERMINATION_TIMEOUT)
    except TimeoutError:
        process.kill()
        await process.wait()


async def lines(stream: asyncio.StreamReader | None) -> AsyncIterator[str]:
    """The lines that a process writes, until it ends."""
    while stream is not None and (line := await stream.readline()):
        yield line.decode("utf-8", "replace").rstrip()


def bare_environment(home: Path) -> dict[str, str]:
    """An environment without the developer's AWS settings."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL") if name in os.environ}
    return kept | {"HOME": str(home), "PYTHONUNBUFFERED": "1"}


def free_port() -> int:
    """A port for a server that comes and goes: it must be the same each time."""
    with socket.create_server((LOOPBACK, 0)) as server:
        port: int = server.getsockname()[1]
        return port


async def until_listening(port: int) -> None:
    while True:
        try:
            _, writer = await asyncio.open_connection(LOOPBACK, port)
        except ConnectionRefusedError:
            await asyncio.sleep(0.05)
        else:
            writer.close()
            return
