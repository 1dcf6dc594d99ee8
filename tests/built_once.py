"""The lock on what tests make once and keep: of several test processes one makes it, and the others wait."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def one_process_at_a_time(place: Path) -> Iterator[None]:
    """Hold the lock beside `place`, the file or folder to be made. Look inside whether it is there already.

    A process that dies lets go of it: the kernel holds the lock, not the file.
    """
    place.parent.mkdir(parents=True, exist_ok=True)
    with place.with_name(f"{place.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
