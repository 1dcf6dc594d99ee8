"""A connection's socket on the loop: read as it is accepted, written to once for each turn of the loop.

asyncio's own transports wait for a socket before they read from it. This one reads as soon as the connection is
accepted, and asks the loop for help only where the kernel says that it must wait. So a request that came with its
connection is answered, and the connection closed, before the loop has heard of it.
"""

import asyncio
import contextlib
from enum import Enum, auto
from socket import SHUT_WR, socket

from sidecar.http.platform import DO_NOT_WAIT, MORE_FOLLOWS, prepare_accepted
from sidecar.http.transport import Receiver

READ_AT_ONCE = 65_536


class WriteQueue:
    """Sends what is written in a turn of the loop when the turn ends.

    To send wakes who waits for it, and that costs more than an answer: clients that are answered one by one fall asleep
    in between, those that are answered together are awake.
    """

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self._written: list[SocketTransport] = []

    def add(self, transport: "SocketTransport") -> None:
        if not self._written:
            self.loop.call_soon(self._flush)
        self._written.append(transport)

    def _flush(self) -> None:
        written, self._written = iter(self._written), []
        try:
            for transport in written:
                transport.flush()
        finally:  # whatever one of them does, the others are sent
            for transport in written:
                self.add(transport)


class ReadState(Enum):
    """Who asks for what the client sends."""

    SELF = auto()
    """We do, now or soon."""
    LOOP = auto()
    """The loop calls when there is something."""
    PAUSED = auto()
    """Nobody: it shall wait."""
    ENDED = auto()
    """Nobody any more."""


class Writing(Enum):
    """What happens once all is sent."""

    OPEN = auto()
    """More may follow."""
    HALF_CLOSES = auto()
    CLOSES = auto()
    CLOSED = auto()


SELF, LOOP, PAUSED, ENDED = ReadState
OPEN, HALF_CLOSES, CLOSES, CLOSED = Writing


class SocketTransport:
    """`accepted` is its own from now on."""

    __slots__ = (
        *("_last_read", "_loop", "_queue", "_reading", "_receiver", "_socket", "_unsent", "_waits_for_room"),
        "_writing",
    )

    def __init__(self, accepted: socket, queue: WriteQueue) -> None:
        prepare_accepted(accepted)
        self._socket = accepted
        self._queue = queue
        self._loop = queue.loop
        self._receiver: Receiver | None = None
        self._last_read = -1  # bytes; none before the first read
        self._unsent = b""
        self._reading = SELF
        self._writing = OPEN
        self._waits_for_room = False  # the loop calls when the kernel has room for more

    def begin(self, receiver: Receiver) -> None:
        """Read what came with the connection, then whatever comes, until its end."""
        self._receiver = receiver
        receiver.connection_made()
        if self._reading is SELF:
            self._read()

    # --- reading --------------------------------------------------------------------------------------------------

    @property
    def at_end(self) -> bool:
        """The client has sent all it will, and all of it was read."""
        return self._last_read == 0

    @property
    def unread(self) -> bool:
        """The client may have sent more than was read: we did not look, or took as much as we could at once."""
        return self._reading is PAUSED or self._last_read == READ_AT_ONCE

    def _read(self) -> None:
        try:
            data = self._socket.recv(READ_AT_ONCE, DO_NOT_WAIT)
        except BlockingIOError:
            self._watch()
        except OSError:
            self.abort()
        else:
            self._received(data)

    def _received(self, data: bytes) -> None:
        receiver = self._receiver
        assert receiver is not None
        self._last_read = len(data)
        if data:
            receiver.data_received(data)
            self._watch()
            return
        self._leave(ENDED)
        receiver.eof_received()

    def pause_reading(self) -> None:
        self._leave(PAUSED)

    def resume_reading(self) -> None:
        if self._reading is PAUSED:
            self._reading = SELF
            self._watch()

    def _watch(self) -> None:
        if self._reading is SELF:
            self._reading = LOOP
            self._loop.add_reader(self._socket.fileno(), self._read)

    def _leave(self, reading: ReadState) -> None:
        if self._reading is ENDED:
            return
        if self._reading is LOOP:
            self._loop.remove_reader(self._socket.fileno())
        self._reading = reading

    # --- writing --------------------------------------------------------------------------------------------------

    def write(self, data: bytes) -> None:
        """Send `data` when this turn of the loop ends."""
        if self._writing is not OPEN:
            return
        if not self._unsent:
            self._queue.add(self)
        self._unsent += data

    def flush(self) -> None:
        """Send what was written, as far as the kernel has room for it."""
        if self._unsent:
            self._unsent = self._send()
        receiver = self._receiver
        if receiver is None:
            return
        if self._unsent:
            self._wait_for_room(receiver)
        else:
            self._all_sent(receiver)

    def _send(self) -> bytes:
        """What remains to be sent: nothing, if nobody is there to read it."""
        flags = DO_NOT_WAIT
        if self._writing is not OPEN:  # the end follows: one packet for both
            flags |= MORE_FOLLOWS
        try:
            sent = self._socket.send(self._unsent, flags)
        except BlockingIOError:
            return self._unsent
        except OSError:
            self.abort()
            return b""
        return self._unsent[sent:]

    def _wait_for_room(self, receiver: Receiver) -> None:
        if not self._waits_for_room:
            self._waits_for_room = True
            self._loop.add_writer(self._socket.fileno(), self.flush)
            receiver.pause_writing()

    def _all_sent(self, receiver: Receiver) -> None:
        if self._writing is CLOSES:
            self.abort()
            return
        if self._writing is HALF_CLOSES:
            with contextlib.suppress(OSError):  # it has gone: we shall read so
                self._socket.shutdown(SHUT_WR)
        if self._waits_for_room:
            self._waits_for_room = False
            self._loop.remove_writer(self._socket.fileno())
            receiver.resume_writing()

    # --- the end --------------------------------------------------------------------------------------------------

    def write_eof(self) -> None:
        """Close our half once all is sent."""
        if self._writing is OPEN:
            self._writing = HALF_CLOSES
            if not self._waits_for_room:
                self.flush()

    def end(self, data: bytes) -> None:
        """Send `data`, the last, now, and close."""
        self._unsent += data
        self.close()

    def close(self) -> None:
        """Close once all is sent."""
        if self._writing is not CLOSED:
            self._writing = CLOSES
            self._leave(ENDED)
            if not self._waits_for_room:
                self.flush()

    def abort(self) -> None:
        """Close now."""
        receiver, self._receiver = self._receiver, None
        if receiver is None:
            return
        self._writing = CLOSED
        self._leave(ENDED)
        if self._waits_for_room:
            self._loop.remove_writer(self._socket.fileno())
        self._socket.close()
        receiver.connection_lost()
