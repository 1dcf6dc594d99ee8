"""A call that blocks: awaited like any other, and never waited for at the end."""

import asyncio
import subprocess
import sys
import threading

import pytest

from sidecar.core.daemon_thread import in_daemon_thread
from tests.waiting import HANGS_AFTER

ABANDONED = """
import asyncio, time
from sidecar.core.daemon_thread import in_daemon_thread

async def main():
    try:
        async with asyncio.timeout(0.1):
            await in_daemon_thread(time.sleep, 3600)
    except TimeoutError:
        print("given up")

asyncio.run(main())
"""


async def test_it_gives_what_the_call_returns() -> None:
    assert await in_daemon_thread(int, "ff", base=16) == 255


async def test_it_raises_what_the_call_raises() -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        await in_daemon_thread(int, "x")


async def test_the_loop_goes_on_meanwhile() -> None:
    free = threading.Event()
    waiting = asyncio.create_task(in_daemon_thread(free.wait, HANGS_AFTER))
    await asyncio.sleep(0)
    assert not waiting.done()
    free.set()
    assert await waiting is True


async def test_who_gives_up_is_not_told_later() -> None:
    free, asked = threading.Event(), asyncio.Event()
    waiting = asyncio.create_task(in_daemon_thread(free.wait, HANGS_AFTER))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    free.set()
    asyncio.get_running_loop().call_later(0.05, asked.set)
    await asked.wait()  # nothing reached the loop's handler of errors, or the test would fail


def test_neither_the_loop_nor_the_process_waits_for_a_call_that_hangs() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", ABANDONED], capture_output=True, text=True, check=False, timeout=HANGS_AFTER
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "given up\n", "")
