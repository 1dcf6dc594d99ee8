"""A signal to a container's first process while it is still importing."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from tests.needs import needs
from tests.waiting import HANGS_AFTER

STUCK = "import pathlib, time\npathlib.Path({mark!r}).touch()\ntime.sleep(60)\n"
"""Stands in for a module that takes long to import."""


@pytest.mark.parametrize(
    ("command", "module", "number", "code"),
    [
        (["serve"], "httptools", signal.SIGTERM, 0),
        (["serve"], "httptools", signal.SIGINT, 0),
        (["exec", "--", "true"], "datetime", signal.SIGTERM, 128 + signal.SIGTERM),
        (["exec", "--", "true"], "datetime", signal.SIGINT, 128 + signal.SIGINT),
    ],
)
async def test_it_ends_process_1_at_once(
    tmp_path: Path, command: list[str], module: str, number: signal.Signals, code: int
) -> None:
    needs("bwrap")
    mark = tmp_path / "importing"
    (tmp_path / f"{module}.py").write_text(STUCK.format(mark=str(mark)))
    process = await asyncio.create_subprocess_exec(
        *("bwrap", "--dev-bind", "/", "/", "--unshare-pid", "--as-pid-1", "--die-with-parent", "--"),
        *(sys.executable, "-m", "sidecar", *command),
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(tmp_path)},
    )
    try:
        async with asyncio.timeout(HANGS_AFTER):
            while not mark.exists():
                await asyncio.sleep(0.01)
        os.kill(_first(process.pid), number)
        assert await asyncio.wait_for(process.wait(), HANGS_AFTER) == code
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def _first(bwrap: int) -> int:
    """The container's first process, by its number outside."""
    return int(Path(f"/proc/{bwrap}/task/{bwrap}/children").read_text().split()[0])


async def test_a_signal_without_a_meaning_does_not_end_it_either(tmp_path: Path) -> None:
    mark = tmp_path / "importing"
    (tmp_path / "httptools.py").write_text(
        f"import pathlib, time\npathlib.Path({str(mark)!r}).touch()\ntime.sleep(0.2)\n"
        "HttpParserError = HttpParserUpgrade = Exception\nHttpRequestParser = object\n"
    )
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "sidecar", "serve"), env={"PYTHONPATH": str(tmp_path)}, stderr=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(HANGS_AFTER):
        while not mark.exists():
            await asyncio.sleep(0.01)
    process.send_signal(signal.SIGHUP)
    assert (await process.communicate())[1].startswith(b"irsa-sidecar cannot start:")
    assert process.returncode == 2
