"""Writes lines to a descriptor from a thread of its own, so that whoever logs never waits for whoever reads."""

import os
import select
import threading
from collections.abc import Callable
from queue import SimpleQueue

from sidecar.core.model import Seconds

MOST_WAITING = 1000
"""Lines that wait for a reader: half a megabyte. A healthy day has some 150."""
END_WITHIN: Seconds = 0.5
"""How long the end of the process waits for the last lines to be written."""


class LineWriter:
    """Takes lines at once. What nobody reads in time, and what cannot be written, is dropped and counted.

    `on_recovery` is told how many were, from the writer's thread, once everything that still waited has been written.
    """

    def __init__(self, descriptor: int, on_recovery: Callable[[int], None]) -> None:
        self._descriptor = descriptor
        self._on_recovery = on_recovery
        self._waiting: SimpleQueue[bytes | None] = SimpleQueue()
        self._refused = self._unwritten = self._told = 0
        self._torn = False
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)
        self._thread.start()

    @property
    def dropped(self) -> int:
        """Lines lost since the start."""
        return self._refused + self._unwritten  # each of them is counted by one thread alone

    def put(self, line: str) -> None:
        """Write `line`, or drop it; at once."""
        if self._waiting.qsize() >= MOST_WAITING:
            self.drop()
        else:
            self._waiting.put(f"{line}\n".encode(errors="backslashreplace"))

    def drop(self) -> None:
        """A line that cannot even be put."""
        self._refused += 1

    def end(self) -> None:
        """Write what waits, as far as somebody reads it; for a moment."""
        self._waiting.put(None)
        self._thread.join(END_WITHIN)

    def _run(self) -> None:
        while (line := self._waiting.get()) is not None:
            written = self._write(line)
            dropped = self.dropped
            if written and dropped > self._told and self._waiting.empty():
                self._on_recovery(dropped - self._told)
                self._told = dropped

    def _write(self, line: bytes) -> bool:
        """Whether it was written whole."""
        unwritten = b"\n" + line if self._torn else line
        try:
            while unwritten:
                written = self._written(unwritten)
                unwritten = unwritten[written:]
                self._torn = self._torn or written > 0
        except OSError:  # full, or closed
            self._unwritten += 1
            return False
        self._torn = False
        return True

    def _written(self, line: bytes) -> int:
        try:
            return os.write(self._descriptor, line)
        except BlockingIOError:  # somebody who shares it does not want it to block
            room = select.poll()
            room.register(self._descriptor, select.POLLOUT)
            room.poll()
            return 0
