"""Files that may be pipes, devices or standard input: read as it comes, and never waited for without a word."""

import os
import select
import stat
import sys
from collections.abc import Iterator

STANDARD_INPUT = "-"
SILENT = 5.0
"""Seconds after which waiting is explained; and after which nobody is expected any more to open a pipe."""

_BLOCK = 1 << 16


class NothingComes(Exception):
    """A file that gives nothing and never will: a pipe that no program writes to, a silent device."""


def blocks(path: str, flag: str) -> Iterator[bytes]:
    """What the file gives, block by block; `-` is standard input. Raises `OSError`, `NothingComes`.

    Another program may take minutes to write the first byte, as `kubectl get` does for a large cluster: whoever waits
    is told once, on standard error, under the name of the `flag`.
    """
    if path == STANDARD_INPUT:
        yield from _Input(sys.stdin.fileno() if sys.stdin else 0, "standard input", flag, only_pipes=False).blocks()
        return
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    try:
        yield from _Input(descriptor, path, flag, only_pipes=not _is_standard_input(descriptor)).blocks()
    finally:
        os.close(descriptor)


def _is_standard_input(descriptor: int) -> bool:
    """/dev/stdin and its like."""
    return os.path.samestat(os.fstat(descriptor), os.fstat(0))


class _Input:
    def __init__(self, descriptor: int, name: str, flag: str, *, only_pipes: bool) -> None:
        self._descriptor, self._name, self._flag = descriptor, name, flag
        self._only_pipes = only_pipes
        self._has_told = False

    def blocks(self) -> Iterator[bytes]:
        if not self._only_pipes and os.isatty(self._descriptor):
            self._tell("type it here, and end it with Ctrl-D on a line of its own")
        while block := self._next():
            yield block

    def _next(self) -> bytes:
        """Empty at the end."""
        while not select.select((self._descriptor,), (), (), SILENT)[0]:
            if self._only_pipes and (block := self._from_writer()):
                return block
            self._tell(f"nothing has come from {self._name} for {SILENT:.0f} s; still waiting (Ctrl-C ends it)")
        return os.read(self._descriptor, _BLOCK)

    def _from_writer(self) -> bytes:
        """What has come just now, usually nothing. Raises `NothingComes` where no program writes."""
        if not stat.S_ISFIFO(os.fstat(self._descriptor).st_mode):
            raise NothingComes(f"it is a device that gave nothing for {SILENT:.0f} s")
        try:
            block = os.read(self._descriptor, _BLOCK)
        except BlockingIOError:  # a program has opened it
            return b""
        if not block:  # as at the end of a file, which `select` would have told
            raise NothingComes(f"it is a pipe that no program opened to write within {SILENT:.0f} s")
        return block

    def _tell(self, text: str) -> None:
        if not self._has_told:
            self._has_told = True
            print(f"irsa-sidecar: {self._flag}: {text}", file=sys.stderr, flush=True)  # noqa: T201
