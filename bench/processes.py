"""Processes that end with the block that started them, and what the kernel says about them."""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from bench.machine import die_with_parent, pinned

ENDS_WITHIN = 3.0


@asynccontextmanager
async def process(
    command: Sequence[str], environment: Mapping[str, str], log: Path, core: int
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run `command` on one core with nothing but `environment`; what it says goes to `log`."""
    with log.open("ab") as output:
        child = await asyncio.create_subprocess_exec(
            *pinned(core, command),
            env=environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            preexec_fn=die_with_parent,
        )
    try:
        yield child
    finally:
        await _end(child)


async def _end(child: asyncio.subprocess.Process) -> None:
    """Ask the whole group, which is ours alone, to end; then insist."""
    _signal(child.pid, signal.SIGTERM)
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(child.wait(), ENDS_WITHIN)
    _signal(child.pid, signal.SIGKILL)
    await child.wait()


def _signal(group: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, number)


def tree(pid: int) -> list[int]:
    """A process and its descendants, without the `sleep` that some servers want as their application."""
    found = [pid]
    for child in _children(pid):
        found += tree(child)
    return [one for one in found if _name(one) != "sleep"]


def _children(pid: int) -> Iterator[int]:
    with contextlib.suppress(OSError):  # it may end while we look
        for listing in Path(f"/proc/{pid}/task").glob("*/children"):
            with contextlib.suppress(OSError):
                yield from map(int, listing.read_text().split())


def _name(pid: int) -> str:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/comm").read_text().strip()
    return ""


def memory_mib(pids: Sequence[int]) -> tuple[float, float]:
    """Resident and proportional set size."""
    resident = proportional = 0
    for pid in pids:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            name, _, rest = line.partition(":")
            resident += int(rest.split()[0]) if name == "Rss" else 0
            proportional += int(rest.split()[0]) if name == "Pss" else 0
    return resident / 1024, proportional / 1024


def cpu_seconds(pids: Sequence[int]) -> float:
    """Time on any core, from the scheduler's own count in nanoseconds."""
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            for task in Path(f"/proc/{pid}/task").glob("*/schedstat"):
                with contextlib.suppress(OSError):
                    total += int(task.read_text().split()[0])
    return total / 1e9


def listening_ports(pid: int) -> list[int]:
    """The TCP ports on which a process listens: some servers choose their own."""
    sockets = set(_open_files(pid))
    lines = [line.split() for table in ("tcp", "tcp6") for line in Path(f"/proc/net/{table}").read_text().splitlines()]
    found = [line for line in lines if len(line) > 9 and line[3] == "0A" and f"socket:[{line[9]}]" in sockets]
    return [int(line[1].rpartition(":")[2], 16) for line in found]


def _open_files(pid: int) -> Iterator[str]:
    with contextlib.suppress(OSError):
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                yield str(descriptor.readlink())
