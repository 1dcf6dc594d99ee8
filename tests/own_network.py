"""A network of its own: loopback and one address, with every port free. Needs root, and Linux.

versitygw asks no issuer at a loopback or private address, so that one address is public: of those reserved for
documentation (RFC 5737), which leads nowhere.
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
    """For this thread, and what it starts. Threads that run already, and what they start, stay outside."""
    with new_network() as network, inside(network):
        yield


@contextmanager
def new_network() -> Iterator[int]:
    """One that nobody is in yet: a descriptor for `inside`. It lasts as long as that, or whatever is in it."""
    libc, outside = _libc(), _network_of_this_thread()
    _check(libc.unshare(_CLONE_NEWNET))
    network = _network_of_this_thread()
    try:
        try:
            _ip("link", "set", "lo", "up")
            _ip("address", "add", f"{PUBLIC}/32", "dev", "lo")
        finally:
            _check(libc.setns(outside, _CLONE_NEWNET))
        yield network
    finally:
        os.close(network)
        os.close(outside)


@contextmanager
def inside(network: int) -> Iterator[None]:
    """This thread is in there. A process or a socket that it makes stays there, whoever uses it later."""
    libc, outside = _libc(), _network_of_this_thread()
    _check(libc.setns(network, _CLONE_NEWNET))
    try:
        yield
    finally:
        _check(libc.setns(outside, _CLONE_NEWNET))
        os.close(outside)


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _network_of_this_thread() -> int:
    thread = Path("/proc/thread-self").readlink().name
    return os.open(Path(f"/proc/self/task/{thread}/ns/net"), os.O_RDONLY)


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True)


def _check(outcome: int) -> None:
    if outcome:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
