"""All sockets of a server, in turns of the event loop: what can be read or written by then is, in one call.

asyncio's loop would call for each socket by itself, which costs more than to answer. Here it watches one descriptor,
behind which the kernel keeps all of them, and nothing else runs between a turn's beginning and its end.
"""

import asyncio
from collections.abc import Callable, Sequence
from socket import SocketType

from sidecar.http.platform import Poll

LOOKS, AT_ONCE = 16, 16
"""How often one turn looks for what is ready, and for how many sockets: after that, others have their turn. A client
that is answered at the first look has often asked again by the next, and costs no turn of its own. There is one look
where nobody has asked for the end of the turn, as recognised requests do: other answers take their time.
"""

Ready = Callable[[int], None]
"""Called with what a socket is ready for, and sometimes for nothing: `platform.READ`, `WRITE`, or both."""


class Turns:
    """Watches sockets from the first `watch` until `close`."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._poll = Poll()
        self._ready: dict[int, Ready] = {}
        self._ends: list[Callable[[], None]] = []
        self._under_way = False
        self._loop.add_reader(self._poll.fileno(), self._take)

    def watch(self, watched: SocketType, events: int, ready: Ready) -> None:
        """From now on `ready` is called for these events, and for no others."""
        number = watched.fileno()
        if number in self._ready:
            self._poll.modify(number, events)
        else:
            self._poll.register(number, events)
        self._ready[number] = ready

    def forget(self, watched: SocketType) -> None:
        """It need not be watched: to be said before it is closed."""
        if self._ready.pop(watched.fileno(), None) is not None:
            self._poll.unregister(watched.fileno())

    def at_end(self, call: Callable[[], None]) -> None:
        """Call once, when all that is ready has been called."""
        if not self._under_way:  # the loop has called somebody else than us: there is no turn that would end by itself
            self._under_way = True
            self._loop.call_soon(self._end)
        self._ends.append(call)

    def _take(self) -> None:
        self._under_way = True
        for _ in range(LOOKS):
            found = self._poll.poll(0, AT_ONCE)
            self._call(found)
            if not found or not self._ends:
                break
        self._end()

    def _call(self, found: Sequence[tuple[int, int]]) -> None:
        for number, events in found:
            ready = self._ready.get(number)
            try:
                if ready is not None:  # else one before it has ended it
                    ready(events)
            except Exception as error:  # noqa: BLE001 (whatever one of them does, the others are looked after)
                self._tell(error)

    def _end(self) -> None:
        ends, self._ends = self._ends, []
        for end in ends:
            try:
                end()
            except Exception as error:  # noqa: BLE001 (as above)
                self._tell(error)
        self._under_way = False

    def _tell(self, error: Exception) -> None:
        """A defect goes where the loop's own calls would take it."""
        self._loop.call_exception_handler({"message": "a turn was disturbed", "exception": error})

    def close(self) -> None:
        """Watch nothing any more; what is forgotten after this was forgotten."""
        self._ready.clear()
        self._loop.remove_reader(self._poll.fileno())
        self._poll.close()
