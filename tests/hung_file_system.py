"""A file system that never answers: a FUSE mount that nobody serves. It needs root and /dev/fuse."""

import ctypes
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.waiting import HANGS_AFTER

DEVICE = "/dev/fuse"
DETACH = 2
"""umount2(2), MNT_DETACH."""


@contextmanager
def hung_file_system(at: Path) -> Iterator[None]:
    """Whoever opens or looks at anything below `at` waits until the block ends; then it is as it was before.

    What is open already, or watched, is not affected. Raises `OSError` where it cannot be mounted.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    device = os.open(DEVICE, os.O_RDWR | os.O_CLOEXEC)
    try:
        options = f"fd={device},rootmode=40000,user_id=0,group_id=0,allow_other"
        if libc.mount(b"hung", os.fsencode(at), b"fuse", 0, options.encode()):
            raise OSError(ctypes.get_errno(), "no FUSE mount here")
        try:
            yield
        finally:
            libc.umount2(os.fsencode(at), DETACH)
    finally:
        os.close(device)  # ends the connection: whoever waits gets an error


def can_be_mounted() -> bool:
    """Tried, in a mount namespace of its own."""
    if not os.access(DEVICE, os.W_OK) or os.geteuid() != 0:
        return False
    code = "import pathlib, tests.hung_file_system as h\nwith h.hung_file_system(pathlib.Path('/mnt')): pass"
    command = ["unshare", "--mount", "python3", "-c", code]
    return subprocess.run(command, capture_output=True, check=False, timeout=HANGS_AFTER).returncode == 0
