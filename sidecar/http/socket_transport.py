"""A connection's socket, watched only where the kernel says that it must wait.

asyncio's own transports wait for a socket before they read from it. This one begins with what came with the connection
(see `visits`), and its last answer takes the end along. So a request that came with its connection is answered, and the
connection closed, before anybody has to watch it.
"""

import contextlib
from enum import Enum, auto
from socket import SHUT_WR, SocketType

from sidecar.http.platform import DO_NOT_WAIT, READ, WRITE
from sidecar.http.transport import Receiver
from sidecar.http.turns import Turns
from sidecar.http.visits import LAST, READ_AT_ONCE


class Writing(Enum):
    """What happens once all is sent."""

    __hash__ = object.__hash__
    OPEN = auto()
    """More may follow."""
    HALF_CLOSES = auto()
    CLOSES = auto()
    CLOSED = auto()


OPEN, HALF_CLOSES, CLOSES, CLOSED = Writing
STILL_READS = frozenset({OPEN, HALF_CLOSES})


class SocketTransport:
    """`accepted` is its own from now on."""

    __slots__ = (
        *("_last_read", "_reads", "_receive", "_receiver", "_send", "_socket", "_turns", "_unsent"),
        *("_waits_for_room", "_watched", "_writing", "at_end"),
    )

    def __init__(self, accepted: SocketType, turns: Turns) -> None:
        self._socket = accepted
        self._receive = accepted.recv
        self._send = accepted.send
        self._turns = turns
        self._receiver: Receiver | None = None
        self._reads = True
        self._last_read = 0  # bytes
        self.at_end = False
        """The client has sent all it will, and all of it was read."""
        self._unsent = b""
        self._writing = OPEN
        self._waits_for_room = False
        self._watched = 0  # the events that we are called for

    def begin(self, receiver: Receiver, first: bytes | None) -> None:
        """Pass on what was read as the connection came, None for nothing; then whatever comes, until its end."""
        self._receiver = receiver
        receiver.connection_made()
        if first is not None and self._reads:
            self._received(receiver, first)
        self._watch()

    def _watch(self) -> None:
        """Be called for what is needed, and for nothing else."""
        events = READ if self._reads and not self.at_end else 0
        if self._waits_for_room:
            events |= WRITE
        if events == self._watched:
            return
        self._watched = events
        if events:
            self._turns.watch(self._socket, events, self._read if events == READ else self._ready)
        else:
            self._turns.forget(self._socket)

    def _ready(self, events: int) -> None:
        """Neither alone may be an error, which shows by either."""
        if events & ~READ:
            self.flush()
        if events & ~WRITE and self._watched & READ:
            self._read()

    # --- reading --------------------------------------------------------------------------------------------------

    @property
    def unread(self) -> bool:
        """The client may have sent more than was read: we did not look, or took as much as we could at once."""
        return not self._reads or self._last_read == READ_AT_ONCE

    def _read(self, _: int = READ) -> None:
        receiver = self._receiver
        assert receiver is not None
        try:
            data = self._receive(READ_AT_ONCE, DO_NOT_WAIT)
        except BlockingIOError:
            return
        except OSError:
            self.abort()
            return
        self._last_read = len(data)
        if data:  # as `_received` does, without the call: this is the way of most requests
            receiver.data_received(data)
        else:
            self._ended(receiver)

    def _received(self, receiver: Receiver, data: bytes) -> None:
        self._last_read = len(data)
        if data:
            receiver.data_received(data)
        else:
            self._ended(receiver)

    def _ended(self, receiver: Receiver) -> None:
        self.at_end = True
        self._watch()
        receiver.eof_received()

    def pause_reading(self) -> None:
        if not self.at_end:
            self._reads = False
            self._watch()

    def resume_reading(self) -> None:
        if not self._reads and self._writing in STILL_READS:
            self._reads = True
            self._watch()

    # --- writing --------------------------------------------------------------------------------------------------

    def write(self, data: bytes) -> None:
        """Send `data`: now, as far as the kernel has room for it."""
        if self._writing is not OPEN:
            return
        if not self._unsent:
            data = self._left_of(data)
        if data:
            self._unsent += data
            self._wait_for_room()

    def flush(self) -> None:
        """Send what is unsent, as far as the kernel has room for it."""
        if self._unsent:
            self._unsent = self._left_of(self._unsent)
        if self._unsent:
            self._wait_for_room()
        else:
            self._all_sent()

    def _flush_unless_full(self) -> None:
        if not self._waits_for_room:
            self.flush()

    def _left_of(self, data: bytes) -> bytes:
        """What remains to be sent: nothing, if nobody is there to read it."""
        try:
            sent = self._send(data, DO_NOT_WAIT if self._writing is OPEN else LAST)
        except BlockingIOError:
            return data
        except OSError:
            self.abort()
            return b""
        return data[sent:]

    def _wait_for_room(self) -> None:
        receiver = self._receiver
        if receiver is not None and not self._waits_for_room:
            self._waits_for_room = True
            self._watch()
            receiver.pause_writing()

    def _all_sent(self) -> None:
        receiver = self._receiver
        if receiver is None:
            return
        if self._writing is CLOSES:
            self.abort()
            return
        if self._writing is HALF_CLOSES:
            with contextlib.suppress(OSError):  # it has gone: we shall read so
                self._socket.shutdown(SHUT_WR)
        if self._waits_for_room:
            self._waits_for_room = False
            self._watch()
            receiver.resume_writing()

    # --- the end --------------------------------------------------------------------------------------------------

    def write_eof(self) -> None:
        """Close our half once all is sent."""
        if self._writing is OPEN:
            self._writing = HALF_CLOSES
            self._flush_unless_full()

    def end(self, data: bytes) -> None:
        """Send `data`, the last, and close once all is sent. Nothing more is read."""
        if self._writing is CLOSED:
            return
        self._writing, self._reads = CLOSES, False
        self._unsent += data
        self._flush_unless_full()
        self._watch()

    def close(self) -> None:
        """Close once all is sent. Nothing more is read."""
        self.end(b"")

    def abort(self) -> None:
        """Close now."""
        receiver, self._receiver = self._receiver, None
        if receiver is None:
            return
        self._writing, self._reads, self._waits_for_room = CLOSED, False, False
        self._watch()
        self._socket.close()
        receiver.connection_lost()
