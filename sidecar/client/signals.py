"""Waits for signals with a time limit: by `sigtimedwait` where there is one, by looking often on macOS."""

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator
from collections.abc import Set as AbstractSet
from typing import Any, NamedTuple

from sidecar.core.model import Seconds

FROM_KERNEL = 0x80
"""siginfo's SI_KERNEL: the terminal's Ctrl-C, which the program got as well."""
FROM_KEYBOARD = frozenset({signal.SIGINT, signal.SIGQUIT})
DISCARDED = frozenset({signal.SIGCHLD, signal.SIGWINCH})
"""macOS drops these while their action is the default one, even where they are blocked."""
LOOK_EVERY: Seconds = 0.02


class ReceivedSignal(NamedTuple):
    """One signal. `from_terminal`: the terminal sent it to each of its foreground processes, not to us alone."""

    number: int
    from_terminal: bool


@contextlib.contextmanager
def blocked(numbers: AbstractSet[signal.Signals]) -> Iterator[set[signal.Signals | int]]:
    """Keep `numbers` for `wait`, so that none is lost before it; gives the mask as it was."""
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, numbers)
    actions = {} if _timed_wait() else {each: signal.signal(each, lambda *_: None) for each in numbers & DISCARDED}
    try:
        yield mask
    finally:
        for number, action in actions.items():
            signal.signal(number, action)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def wait(numbers: AbstractSet[signal.Signals], seconds: Seconds) -> ReceivedSignal | None:
    """The next of the blocked `numbers`, or None after so many seconds; less than none are none."""
    timed_wait = _timed_wait()
    if timed_wait is None:
        return _look_often(numbers, time.monotonic() + seconds)
    caught = timed_wait(numbers, max(0, seconds))
    return None if caught is None else ReceivedSignal(caught.si_signo, caught.si_code == FROM_KERNEL)


def _timed_wait() -> Callable[[AbstractSet[signal.Signals], Seconds], Any] | None:
    return getattr(signal, "sigtimedwait", None)


def _look_often(numbers: AbstractSet[signal.Signals], until: float) -> ReceivedSignal | None:
    while not (pending := signal.sigpending() & numbers):
        if time.monotonic() >= until:
            return None
        time.sleep(LOOK_EVERY)
    number = signal.sigwait(pending)
    return ReceivedSignal(number, number in FROM_KEYBOARD and _in_foreground())


def _in_foreground() -> bool:
    """Whether our terminal's keys reach us, and so our children. Without siginfo, that is what can be known."""
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    finally:
        os.close(terminal)
