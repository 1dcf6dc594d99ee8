"""At which memory limit the sidecar still does what it must, and at which the kernel ends it. For docs/kubernetes.md.

`sudo .venv/bin/python -m bench.memory_limit` on Linux. Each limit is a control group with one new sidecar in it, beside
a lab outside. What a pod meets comes one after the other; as for a container, a kill for want of memory is the end.
"""

import asyncio
import contextlib
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from bench.footprint import a_lab
from sidecar.http.limits import MOST_CONNECTIONS

LIMITS = (32, 40, 48, 56, 64, 80, 96, 128, 192)
"""MiB."""
MIB = 1 << 20
COMMAND = (sys.executable, "-m", "sidecar")
HALF_A_HEAD = 7000
"""Bytes."""
WITHIN = 20.0
"""Seconds. Short of memory, a process is slow before it is ended."""
VERSION_1, VERSION_2 = Path("/sys/fs/cgroup/memory"), Path("/sys/fs/cgroup")


class ControlGroup:
    """Processes with one memory limit between them. Raises `OSError` without the right to make one."""

    def __init__(self, name: str, limit: int) -> None:
        first = VERSION_1.is_dir()
        self.path = (VERSION_1 if first else VERSION_2) / name
        self.path.mkdir()
        (self.path / ("memory.limit_in_bytes" if first else "memory.max")).write_text(str(limit))
        self._peak = self.path / ("memory.max_usage_in_bytes" if first else "memory.peak")
        self._events = self.path / ("memory.oom_control" if first else "memory.events")

    def started(self, *command: str, env: Mapping[str, str]) -> subprocess.Popen[bytes]:
        # A shell that moves itself in and becomes the program: nothing of the program runs outside.
        script = f'echo $$ > {self.path}/cgroup.procs && exec "$@"'
        quiet = subprocess.DEVNULL
        return subprocess.Popen(["sh", "-c", script, "-", *command], env=dict(env), stdout=quiet, stderr=quiet)

    @property
    def kills(self) -> int:
        """How many processes the kernel has ended for want of memory."""
        counted = dict(line.split() for line in self._events.read_text().splitlines())
        return int(counted["oom_kill"])

    @property
    def peak(self) -> float:
        """MiB, page cache included."""
        return int(self._peak.read_text()) / MIB


@contextmanager
def control_group(limit: int) -> Iterator[ControlGroup]:
    group = ControlGroup(f"irsa-sidecar-{limit}", limit * MIB)
    try:
        yield group
    finally:
        group.path.rmdir()


Stage = Callable[[ControlGroup, Mapping[str, str]], object]


def probe(group: ControlGroup, env: Mapping[str, str]) -> None:
    _run(group, "healthcheck", env)


def doctor(group: ControlGroup, env: Mapping[str, str]) -> None:
    _run(group, "doctor", env)


def _run(group: ControlGroup, command: str, env: Mapping[str, str]) -> None:
    child = group.started(*COMMAND, command, env=env)
    try:
        child.wait(WITHIN)
    finally:
        child.kill()
        child.wait()


def flood(_group: ControlGroup, env: Mapping[str, str]) -> None:
    """Fill both ports with requests that never end, and ask what is right meanwhile."""
    with contextlib.ExitStack() as held:
        for setting in ("SIDECAR_LISTEN", "SIDECAR_ADMIN_LISTEN"):
            host, _, port = env[setting].partition(":")
            for _ in range(MOST_CONNECTIONS + 100):
                with contextlib.suppress(OSError):
                    peer = held.enter_context(socket.create_connection((host, int(port)), timeout=5))
                    peer.sendall(b"GET /v1/credentials HTTP/1.1\r\nX: " + b"x" * HALF_A_HEAD)
        probe(_group, env)


STAGES: dict[str, Stage] = {
    "serves": lambda *_: None,
    "a probe": probe,
    "full ports": flood,
    "`doctor`": doctor,
}


def tried(limit: int, settings: Mapping[str, str]) -> tuple[dict[str, str], float]:
    """What became of each stage, and the most memory that was used (MiB)."""
    with control_group(limit) as group:
        serving = group.started(*COMMAND, "serve", env=settings)
        found: dict[str, str] = {}
        try:
            _until_served(serving, settings["SIDECAR_LISTEN"])
            for name, act in STAGES.items():
                act(group, settings)
                found[name] = "killed" if group.kills else "yes"
                if group.kills:
                    break
        except (OSError, subprocess.TimeoutExpired):
            found.setdefault("serves", "killed" if group.kills else "no")
        peak = group.peak
        serving.kill()
        serving.wait()
        return found, peak


def _until_served(serving: subprocess.Popen[bytes], place: str) -> None:
    """Raises `OSError` where it does not come to that in time."""
    deadline = time.monotonic() + WITHIN
    while True:
        try:
            with urllib.request.urlopen(f"http://{place}/v1/credentials", timeout=1):
                return
        except OSError:
            if serving.poll() is not None or time.monotonic() > deadline:
                raise
            time.sleep(0.1)


async def main(limits: Sequence[int] = LIMITS) -> None:
    print("| limit | " + " | ".join(STAGES) + " | most used |")
    print("| ---: |" + " --- |" * len(STAGES) + " ---: |")
    async with a_lab() as settings:
        for limit in limits:
            found, peak = await asyncio.to_thread(tried, limit, settings)
            cells = [found.get(name, "") for name in STAGES]
            print(f"| {limit} MiB | " + " | ".join(cells) + f" | {peak:.0f} MiB |", flush=True)


if __name__ == "__main__":
    asyncio.run(main())
