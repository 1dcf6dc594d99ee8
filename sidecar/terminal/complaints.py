"""Standard output and standard error that are closed, full or read by nobody; and why a command fails."""

import os
import select
import sys

TYPE_CHECKING = False  # importing typing would be a fifth of a probe's cost
if TYPE_CHECKING:
    from collections.abc import Callable

TAKEN_WITHIN = 1
"""Seconds that a full pipe is waited for."""


def open_standard_streams() -> None:
    """Give closed ones to /dev/null: the next file or connection would get their numbers, and what is printed."""
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free
    for name, descriptor in (("stdout", 1), ("stderr", 2)):
        if getattr(sys, name) is None:
            setattr(sys, name, open(descriptor, "w", closefd=False))  # noqa: SIM115 (open to the end)
    _escape_what_the_terminal_lacks()


def _escape_what_the_terminal_lacks() -> None:
    """A terminal may be set to latin-1, and a file's name may be no text at all: neither ends a command."""
    if getattr(sys.stdout, "errors", "") == "strict":
        sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr] # as all that have `errors`


def discard_unread_output() -> bool:
    """Give what nobody reads any more to /dev/null. Returns whether that was standard output or standard error."""
    readers = select.poll()
    for descriptor in (1, 2):
        readers.register(descriptor, 0)  # tells of errors alone
    unread = [descriptor for descriptor, _ in readers.poll(0)]
    for descriptor in unread:
        os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)
    return bool(unread)


class OutputLost(Exception):
    """What was to be printed could not be written: the disk behind standard output is full, say."""


def printed(write: "Callable[..., object]", *text: str | bytes) -> None:
    """Write or flush a standard stream. Raises `OutputLost`, or `BrokenPipeError` where nobody reads on."""
    try:
        write(*text)
    except BrokenPipeError:
        raise
    except OSError as problem:
        raise OutputLost(problem.strerror) from None


def discard_output() -> None:
    """Give what could not be written to /dev/null: it would be tried again at exit, and change the exit code to 120."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def complain(text: str) -> None:
    """Write a line, unless standard error is full or nobody reads it."""
    try:
        if _taken():
            print(text, file=sys.stderr, flush=True)  # noqa: T201 (for whoever started the command)
    except (OSError, OutputLost):
        # What could not be written would be tried again at exit, and change the exit code to 120.
        sys.stderr = open(os.devnull, "w")  # noqa: PTH123, SIM115


def _taken() -> bool:
    try:
        descriptor = sys.stderr.fileno()
    except OSError:  # not a file: a test's
        return True
    return bool(select.select((), (descriptor,), (), TAKEN_WITHIN)[1])
