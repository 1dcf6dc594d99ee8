"""The service as `irsa-sidecar serve` runs it, but refreshing more often, or timing the turns of its event loop.

BENCH_REFRESH_EVERY and BENCH_LIFE (seconds): a refresh so often, of sessions that live so long. BENCH_TURNS: a file for
a line per turn: its beginning (Unix time), and microseconds of CPU: all that it took, OpenSSL's handshake, and garbage
collections.
"""

import asyncio
import functools
import gc
import os
import ssl
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast
from unittest.mock import patch

from sidecar import cli
from sidecar.core.refresh import RefreshPolicy

WORTH_A_LINE = 20_000
"""Nanoseconds. Shorter turns hold up nobody."""


def main() -> int:
    cli.import_serve()
    from sidecar import event_loop, serve  # noqa: PLC0415 (after the import above, as the command does)

    turns, changed = Turns(), dict[str, Any]()
    if every := os.environ.get("BENCH_REFRESH_EVERY"):
        changed["serve"] = functools.partial(serve.serve, policy=_often(float(every), float(os.environ["BENCH_LIFE"])))
    file = os.environ.get("BENCH_TURNS")
    if file:
        changed["Loop"] = lambda: turns.timed(event_loop.Loop())
        ssl.SSLObject.do_handshake = turns.handshake(ssl.SSLObject.do_handshake)  # type: ignore[method-assign, assignment]
    with patch.multiple(serve, **changed):
        code = serve.main([])
    if file:
        Path(file).write_text("".join(turns.lines))
    return code


def _often(every: float, life: float) -> RefreshPolicy:
    return RefreshPolicy(floor_share=1 - every / life, jitter_share=0)


class Turns:
    """How long the loop is away from its selector, each time: nobody is served meanwhile."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._in_handshake = self._collecting = self._collection_began = 0

    def timed(self, loop: Any) -> asyncio.AbstractEventLoop:
        """`loop`: asyncio's own."""
        gc.callbacks.append(self._note_collection)
        selector = loop._selector  # noqa: SLF001 (the loop shows it to nobody)
        selector.select = self._timed(selector.select)
        return cast("asyncio.AbstractEventLoop", loop)

    def _timed(self, select: Callable[[float | None], Any]) -> Callable[[float | None], Any]:
        began, at = time.thread_time_ns(), time.time()

        def timed(timeout: float | None = None) -> Any:
            nonlocal began, at
            took = time.thread_time_ns() - began
            if took > WORTH_A_LINE:
                parts = (took, self._in_handshake, self._collecting)
                self.lines.append(f"{at:.6f} {' '.join(f'{part / 1000:.0f}' for part in parts)}\n")
            self._in_handshake = self._collecting = 0
            try:
                return select(timeout)
            finally:
                began, at = time.thread_time_ns(), time.time()

        return timed

    def _note_collection(self, what: str, _: object) -> None:
        if what == "start":
            self._collection_began = time.thread_time_ns()
        else:
            self._collecting += time.thread_time_ns() - self._collection_began

    def handshake(self, handshake: Callable[[ssl.SSLObject], None]) -> Callable[[ssl.SSLObject], None]:
        def timed(one: ssl.SSLObject) -> None:
            began = time.thread_time_ns()
            try:
                handshake(one)
            finally:
                self._in_handshake += time.thread_time_ns() - began

        return timed


if __name__ == "__main__":
    sys.exit(main())
