"""A connection's socket: read as it is accepted, written to as soon as there is something to send.

asyncio's own transports wait for a socket before they read from it. This one reads as soon as the connection is
accepted, and is watched only where the kernel says that it must wait. So a request that came with its connection is
answered, and the connection closed, before anybody has to watch it.
"""

import contextlib
from enum import Enum, auto
from selectors import EVENT_READ, EVENT_WRITE
from socket import SHUT_WR, socket

from sidecar.http.platform import DO_NOT_WAIT, MORE_FOLLOWS, prepare_accepted
from sidecar.http.transport import Receiver
from sidecar.http.turns import Turns

READ_AT_ONCE = 65_536


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
BEFORE_THE_END = DO_NOT_WAIT | MORE_FOLLOWS
"""Flags: the end follows, in the same packet."""


class SocketTransport:
    """`accepted` is its own from now on."""

    __slots__ = (
        *("_last_read", "_reads", "_receiver", "_socket", "_turns", "_unsent", "_watched", "_writing"),
        "at_end",
    )

    def __init__(self, accepted: socket, turns: Turns) -> None:
        prepare_accepted(accepted)
        self._socket = accepted
        self._turns = turns
        self._receiver: Receiver | None = None
        self._reads = True
        self._last_read = 0  # bytes
        self.at_end = False
        """The client has sent all it will, and all of it was read."""
        self._unsent = b""
        self._writing = OPEN
        self._watched = 0  # the events that we are called for

    def begin(self, receiver: Receiver) -> None:
        """Read what came with the connection, then whatever comes, until its end."""
        self._receiver = receiver
        receiver.connection_made()
        if self._reads:
            self._read()
            self._watch()

    def _watch(self) -> None:
        """Be called for what is needed, and for nothing else."""
        events = EVENT_READ if self._reads and not self.at_end else 0
        if self._unsent:
            events |= EVENT_WRITE
        if events == self._watched:
            return
        self._watched = events
        if events:
            self._turns.watch(self._socket, events, self._ready)
        else:
            self._turns.forget(self._socket)

    def _ready(self, events: int) -> None:
        if events & self._watched & EVENT_WRITE:
            self._send_on()
        if events & self._watched & EVENT_READ:
            self._read()
        self._watch()

    # --- reading --------------------------------------------------------------------------------------------------

    @property
    def unread(self) -> bool:
        """The client may have sent more than was read: we did not look, or took as much as we could at once."""
        return not self._reads or self._last_read == READ_AT_ONCE

    def _read(self) -> None:
        receiver = self._receiver
        assert receiver is not None
        try:
            data = self._socket.recv(READ_AT_ONCE, DO_NOT_WAIT)
        except BlockingIOError:
            return
        except OSError:
            self.abort()
            return
        self._last_read = len(data)
        if data:
            receiver.data_received(data)
        else:
            self.at_end = True
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
        if self._writing is OPEN:
            self._send(data, DO_NOT_WAIT)

    def _send(self, data: bytes, flags: int) -> None:
        if self._unsent:
            self._unsent += data
            return
        self._unsent = self._left_of(data, flags)
        if self._unsent and self._receiver is not None:
            self._watch()
            self._receiver.pause_writing()

    def _left_of(self, data: bytes, flags: int) -> bytes:
        """What remains to be sent: nothing, if nobody is there to read it."""
        try:
            sent = self._socket.send(data, flags)
        except BlockingIOError:
            return data
        except OSError:
            self.abort()
            return b""
        return data[sent:]

    def _send_on(self) -> None:
        self._unsent = self._left_of(self._unsent, DO_NOT_WAIT if self._writing is OPEN else BEFORE_THE_END)
        if self._unsent or self._receiver is None:
            return
        self._end_as_told()
        if self._writing is not CLOSED:
            self._receiver.resume_writing()

    # --- the end --------------------------------------------------------------------------------------------------

    def write_eof(self) -> None:
        """Close our half once all is sent."""
        if self._writing is OPEN:
            self._writing = HALF_CLOSES
            self._end_as_told()

    def end(self, data: bytes) -> None:
        """Send `data`, the last, and close once all is sent. Nothing more is read."""
        if self._writing is CLOSED:
            return
        self._writing = CLOSES
        self._reads = False
        self._send(data, BEFORE_THE_END)
        self._end_as_told()

    def close(self) -> None:
        """Close once all is sent. Nothing more is read."""
        self.end(b"")

    def _end_as_told(self) -> None:
        if self._unsent:
            self._watch()
        elif self._writing is CLOSES:
            self.abort()
        elif self._writing is HALF_CLOSES:
            with contextlib.suppress(OSError):  # it has gone: we shall read so
                self._socket.shutdown(SHUT_WR)

    def abort(self) -> None:
        """Close now."""
        receiver, self._receiver = self._receiver, None
        if receiver is None:
            return
        self._writing, self._reads, self._unsent = CLOSED, False, b""
        self._watch()
        self._socket.close()
        receiver.connection_lost()
