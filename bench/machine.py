"""The machine: what it is, which core is whose, and a network of its own for the run."""

import ctypes
import fcntl
import os
import platform
import resource
import shutil
import socket
import struct
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

from bench import python

SERVERS_CORE = 0
"""Where the server under test runs, alone. The load, and whatever stands for AWS, has the last core."""
ALONE = "BENCH_ALONE"
DESCRIPTORS = 16_384
_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 0x8913, 0x8914, 1
_PR_SET_PDEATHSIG, _SIGKILL = 1, 9


def loads_core() -> int:
    return max(os.sched_getaffinity(0) | {SERVERS_CORE})


def pinned(core: int, command: Sequence[str]) -> list[str]:
    return ["taskset", "-c", str(core), *command]


def die_with_parent() -> None:
    """For a child, before it becomes its program: no server outlives a run that was killed."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, _SIGKILL)


@cache
def allows_real_time() -> bool:
    """Whether processes may be given real-time priority here: root may, other users seldom."""
    try:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    except PermissionError:
        return False
    os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    return True


def in_real_time(command: Sequence[str]) -> list[str]:
    """The command, before which all else on its core stands aside, if the machine allows that."""
    return [*(("chrt", "--rr", "1") if allows_real_time() else ()), *command]


@contextmanager
def real_time(pids: Iterable[int]) -> Iterator[None]:
    """Until the block ends, all else on their core stands aside for these processes, if the machine allows that."""
    ours = list(pids) if allows_real_time() else []
    _schedule(ours, os.SCHED_RR, 1)
    try:
        yield
    finally:
        _schedule(ours, os.SCHED_OTHER, 0)


def _schedule(pids: Iterable[int], policy: int, priority: int) -> None:
    """All threads that these processes have by now."""
    for task in (task for pid in pids for task in Path(f"/proc/{pid}/task").glob("*")):
        with suppress(ProcessLookupError):  # it has ended
            os.sched_setscheduler(int(task.name), policy, os.sched_param(priority))


def describe() -> dict[str, Any]:
    cpu = next((line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")), "")
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {
        "cpu": cpu.partition(":")[2].strip() or platform.machine(),
        "cores": os.cpu_count(),
        "memory_gib": round(pages / 2**30),
        "kernel": platform.release().partition("-")[0],  # without the local suffix, which may name a workplace
        "python": str(python.under_test()),
        "go": _said("go", "env", "GOVERSION").removeprefix("go"),
        "load_before": round(os.getloadavg()[0], 2),
        "priority": "real time at a fixed rate" if allows_real_time() else "as all else",
        "network": "a namespace of its own" if is_alone() else "the machine's loopback",
    }


def commit() -> str:
    """What is measured; "-dirty" behind it if it is not exactly the commit's tree."""
    return _said("git", "describe", "--always", "--dirty", "--exclude=*") or "none"


def _said(*command: str) -> str:
    if shutil.which(command[0]) is None:
        return "none"
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


def is_alone() -> bool:
    return ALONE in os.environ


def start_alone(argv: Sequence[str]) -> None:
    """Become this program again in a network namespace with loopback only. Returns if the machine does not allow it."""
    unshare = ["unshare", "--net"] if os.geteuid() == 0 else ["unshare", "--net", "--map-root-user"]
    if (
        shutil.which("unshare") is None
        or subprocess.run([*unshare, "true"], capture_output=True, check=False).returncode
    ):
        return
    environment = os.environ | {ALONE: "1"}
    os.execvpe(unshare[0], [*unshare, sys.executable, "-m", "bench", *argv], environment)


def prepare() -> None:
    """Loopback up, many connections allowed, and this process off the server's core."""
    if is_alone():
        _loopback_up()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    wanted = DESCRIPTORS if hard == resource.RLIM_INFINITY else min(DESCRIPTORS, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    os.sched_setaffinity(0, {loads_core()})


def _loopback_up() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        asked = struct.pack("16sh14x", b"lo", 0)
        flags = struct.unpack("16sh14x", fcntl.ioctl(any_socket, _SIOCGIFFLAGS, asked))[1]
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", flags | _IFF_UP))


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 that nobody has right now."""
    listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [listener.getsockname()[1] for listener in listeners]
    for listener in listeners:
        listener.close()
    return ports
