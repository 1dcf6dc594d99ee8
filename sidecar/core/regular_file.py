"""Reads a file that must be a regular one: opening or reading a pipe, a device or a socket may take for ever."""

import errno
import os
import stat

TYPE_CHECKING = False  # importing pathlib would be half of a probe's cost
if TYPE_CHECKING:
    from pathlib import Path


def read_regular(path: "Path | str", most: int) -> bytes:
    """Up to `most` bytes. Raises `OSError`, EINVAL for what is no regular file."""
    # O_NONBLOCK: opening a pipe that nobody writes to would wait for ever.
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    try:
        check_regular(os.fstat(descriptor))
        # The descriptor stays ours: given a directory, fdopen raises and leaves it open.
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            return file.read(most)
    finally:
        os.close(descriptor)


def read_projected(path: "Path | str", most: int) -> bytes:
    """The same of a file in a projected volume. Raises `OSError`.

    Between following the volume's `..data` and opening what it named, the kubelet may have removed the old directory.
    """
    for _ in range(2):
        try:
            return read_regular(path, most)
        except FileNotFoundError:
            continue
    return read_regular(path, most)


def check_regular(found: os.stat_result) -> None:
    """Raises `OSError` for what is no regular file."""
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, "not a regular file")
