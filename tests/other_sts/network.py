"""A network of its own for this thread, and for the processes and threads that it starts: loopback and one address.

versitygw asks no issuer at a loopback or private address, so the issuer needs a public one: of those reserved for
documentation (RFC 5737), which leads nowhere. In a network of our own every port is free, too.
"""

import ctypes
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PUBLIC = "203.0.113.10"
_CLONE_NEWNET = 0x40000000


@contextmanager
def own_network() -> Iterator[None]:
    """Needs root. Threads that run already, and what they start, stay outside."""
    libc = ctypes.CDLL(None, use_errno=True)
    outside = os.open(Path(f"/proc/self/task/{_thread()}/ns/net"), os.O_RDONLY)
    try:
        _check(libc.unshare(_CLONE_NEWNET))
        _ip("link", "set", "lo", "up")
        _ip("address", "add", f"{PUBLIC}/32", "dev", "lo")
        yield
    finally:
        _check(libc.setns(outside, _CLONE_NEWNET))
        os.close(outside)


def _thread() -> str:
    return Path("/proc/thread-self").readlink().name


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True)


def _check(outcome: int) -> None:
    if outcome:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
