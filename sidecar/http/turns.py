"""All sockets of a server, in turns of the event loop: what can be read or written by then is, in one call.

asyncio's loop would call for each socket by itself, which costs more than to answer. Here it watches one descriptor,
behind which the kernel keeps all of them, and nothing else runs between a turn's beginning and its end.
"""

import asyncio
import contextlib
from collections.abc import Callable
from selectors import DefaultSelector
from socket import socket

Ready = Callable[[int], None]
"""Called with what a socket is ready for: `selectors.EVENT_READ`, `EVENT_WRITE`, or both."""


class Turns:
    """Watches sockets from the first `watch` until `close`."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._selector = DefaultSelector()
        self._ends: list[Callable[[], None]] = []
        self._loop.add_reader(self._selector.fileno(), self._take)

    def watch(self, watched: socket, events: int, ready: Ready) -> None:
        """From now on `ready` is called for these events, and for no others."""
        try:
            self._selector.modify(watched, events, ready)
        except KeyError:
            self._selector.register(watched, events, ready)

    def forget(self, watched: socket) -> None:
        """It need not be watched."""
        with contextlib.suppress(KeyError):
            self._selector.unregister(watched)

    def at_end(self, call: Callable[[], None]) -> None:
        """Call once, when this turn has ended."""
        self._ends.append(call)

    def _take(self) -> None:
        for key, events in self._selector.select(0):
            self._call(key.data, events)
        ends, self._ends = self._ends, []
        for end in ends:
            self._call(end)

    def _call(self, call: Callable[..., None], *arguments: int) -> None:
        """Whatever one of them does, the others are looked after."""
        try:
            call(*arguments)
        except Exception as error:  # noqa: BLE001 (a defect goes where the loop's own calls would take it)
            self._loop.call_exception_handler({"message": "a turn was disturbed", "exception": error})

    def close(self) -> None:
        self._loop.remove_reader(self._selector.fileno())
        self._selector.close()
