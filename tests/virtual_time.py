"""Time that leaps: a day of waiting takes a moment, and lands on exact instants."""

import asyncio
import functools
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, ParamSpec

P = ParamSpec("P")


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """An event loop whose clock stands still while anything can run, then leaps to the next timer.

    For tests whose outside world is faked: a thread or a socket would find that its time-outs pass in no time.
    """

    def __init__(self) -> None:
        self._virtual_now = 0.0
        super().__init__(_Leaping(self._leap))

    def time(self) -> float:
        return self._virtual_now

    def _leap(self) -> None:
        # To the timer itself, not by the difference: sums of differences drift away from exact instants.
        self._virtual_now = max(self._virtual_now, self._scheduled[0].when())  # type: ignore[attr-defined]


class _Leaping(selectors.DefaultSelector):
    def __init__(self, leap: Callable[[], None]) -> None:
        super().__init__()
        self._leap = leap

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if ready or timeout == 0:
            return ready
        if timeout is None:
            raise RuntimeError("Every task waits for another, and no timer is set: this would hang for ever.")
        self._leap()
        return ready


def in_virtual_time(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """Run an async test on a loop of its own, from second zero."""

    @functools.wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
            runner.run(test(*args, **kwargs))

    return run
