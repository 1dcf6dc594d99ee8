"""Whoever logs never waits: what nobody reads is dropped, counted and told."""

import errno
import os
import threading
from collections.abc import Iterator

import pytest

from sidecar.observe import line_writer
from sidecar.observe.line_writer import MOST_WAITING, LineWriter
from tests.waiting import HANGS_AFTER

PIPE_HOLDS = 65_536
LONG = "x" * 999


class Pipe:
    """A log pipe; `told`: what the writer said of dropped lines."""

    def __init__(self) -> None:
        self.out, self.into = os.pipe()
        self.told: list[int] = []
        self.recovered = threading.Event()

    def on_recovery(self, lines: int) -> None:
        self.told.append(lines)
        self.recovered.set()

    def read(self, lines: int) -> list[bytes]:
        """That many lines, which may still have to be written."""
        read = b""
        while read.count(b"\n") < lines:
            read += os.read(self.out, 1 << 16)
        return read.splitlines()


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    held = Pipe()
    yield held
    for descriptor in (held.out, held.into):
        os.close(descriptor)


def test_lines_arrive_in_their_order(pipe: Pipe) -> None:
    writer = LineWriter(pipe.into, pipe.on_recovery)
    for n in range(3):
        writer.put(f"line {n}")
    assert pipe.read(3) == [b"line 0", b"line 1", b"line 2"]
    writer.end()
    assert (writer.dropped, pipe.told) == (0, [])


def test_where_nobody_reads_lines_are_dropped_and_counted_and_told_once_somebody_does(pipe: Pipe) -> None:
    writer = LineWriter(pipe.into, pipe.on_recovery)
    writer.put("x" * 2 * PIPE_HOLDS)
    os.read(pipe.out, 1)  # it has begun to write what the pipe cannot hold: from here on it waits for a reader
    for n in range(3000):
        writer.put(f"{n}")
    dropped = 3000 - MOST_WAITING
    assert (writer.dropped, pipe.told) == (dropped, [])
    assert pipe.read(1 + MOST_WAITING)[1:] == [b"%d" % n for n in range(MOST_WAITING)]
    assert pipe.recovered.wait(HANGS_AFTER)
    assert pipe.told == [dropped]
    writer.put("goes on")
    assert pipe.read(1) == [b"goes on"]
    writer.end()
    assert (writer.dropped, pipe.told) == (dropped, [dropped])


def test_the_end_does_not_wait_for_a_reader(pipe: Pipe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line_writer, "END_WITHIN", 0.05)
    writer = LineWriter(pipe.into, pipe.on_recovery)
    for _ in range(200):
        writer.put(LONG)
    writer.end()
    assert pipe.read(200) == [LONG.encode()] * 200  # the writer of a process that goes on has lost nothing


def test_a_pipe_that_does_not_block_is_waited_for(pipe: Pipe) -> None:
    os.set_blocking(pipe.into, False)
    writer = LineWriter(pipe.into, pipe.on_recovery)
    for _ in range(200):
        writer.put(LONG)
    assert pipe.read(200) == [LONG.encode()] * 200
    assert writer.dropped == 0
    writer.end()


def test_a_full_disk_costs_lines_and_nothing_else(pipe: Pipe, monkeypatch: pytest.MonkeyPatch) -> None:
    write, room = os.write, [4, 0, 0, 100, 100]

    def on_a_full_disk(descriptor: int, line: bytes) -> int:
        left = room.pop(0) if room else len(line)
        if left == 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(descriptor, line[:left])

    monkeypatch.setattr(os, "write", on_a_full_disk)
    writer = LineWriter(pipe.into, pipe.on_recovery)
    for line in ("half a line", "lost", "whole", "more"):
        writer.put(line)
    assert pipe.recovered.wait(HANGS_AFTER)
    writer.end()
    assert pipe.read(3) == [b"half", b"whole", b"more"]
    assert (writer.dropped, pipe.told) == (2, [2])


def test_a_closed_descriptor_costs_lines_and_nothing_else() -> None:
    out, into = os.pipe()
    os.close(out)
    writer = LineWriter(into, lambda _: None)
    for _ in range(3):
        writer.put("lost")
    writer.end()
    assert writer.dropped == 3
    os.close(into)


def test_what_is_no_unicode_is_written_all_the_same(pipe: Pipe) -> None:
    writer = LineWriter(pipe.into, pipe.on_recovery)
    writer.put("a\udcffb")
    assert pipe.read(1) == [b"a\\udcffb"]
    writer.end()
