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
from collections.abc import Sequence
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
