"""A connection's socket on the loop: read as it is accepted, written to once for each turn of the loop.

asyncio's own transports wait for a socket before they read from it. This one reads as soon as the connection is
accepted, and asks the loop for help only where the kernel says that it must wait. So a request that came with its
connection is answered, and the connection closed, before the loop has heard of it.
"""

import asyncio
import contextlib
from socket import MSG_DONTWAIT, MSG_MORE, SHUT_WR, socket
from typing import Protocol

READ_AT_ONCE = 65_536


class Receiver(Protocol):
    """Whom a transport works for, in asyncio's words."""

    def connection_made(self) -> None:
        """It begins. A refusal may be written here already."""
        ...

    def data_received(self, data: bytes) -> None: ...

    def eof_received(self) -> bool:
        """The client has sent all it will. False: the connection may close."""
        ...

    def pause_writing(self) -> None:
        """The kernel has no room; what is written from now on is kept here."""
        ...

    def resume_writing(self) -> None:
        """All that was kept has been sent."""
        ...

    def connection_lost(self) -> None:
        """It is over, whoever ended it. May come from within a call to the transport; nothing comes after it."""
        ...


class Outbox:
    """Sends what is written in a turn of the loop when the turn ends.

    To send wakes who waits for it, and that costs more than an answer: clients that are answered one by one fall asleep
    in between, those that are answered together are awake.
    """

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self._written: list[Transport] = []

    def add(self, transport: "Transport") -> None:
        if not self._written:
            self.loop.call_soon(self._send)
        self._written.append(transport)

    def _send(self) -> None:
        written, self._written = self._written, []
        for transport in written:
            transport.flush()


class Transport:
    """`accepted` is its own from now on."""

    __slots__ = (
        *("_at_end", "_finished", "_full", "_held", "_loop", "_outbox", "_receiver", "_socket", "_unsent", "_watched"),
        *("closing", "more_waits"),
    )

    def __init__(self, accepted: socket, outbox: Outbox) -> None:
        self._socket = accepted
        self._outbox = outbox
        self._loop = outbox.loop
        self._receiver: Receiver | None = None
        self._unsent = b""
        self._full = False  # the kernel has no room for it
        self._watched = False  # the loop calls when there is something to read
        self._held = False  # what there is shall wait
        self._at_end = False  # the client has sent all it will
        self._finished = False  # so have we
        self.closing = False
        """Nothing more is read, and what is written now is dropped."""
        self.more_waits = False
        """The last read took as much as it could: there may be more."""

    def begin(self, receiver: Receiver) -> None:
        """Read what came with the connection, then whatever comes, until its end."""
        self._receiver = receiver
        receiver.connection_made()
        if not self.closing:
            self._read()

    # --- reading --------------------------------------------------------------------------------------------------

    def _read(self) -> None:
        try:
            data = self._socket.recv(READ_AT_ONCE, MSG_DONTWAIT)
        except BlockingIOError:
            self._watch()
        except OSError:
            self.abort()
        else:
            self._receive(data)

    def _receive(self, data: bytes) -> None:
        receiver = self._receiver
        assert receiver is not None
        self.more_waits = len(data) == READ_AT_ONCE
        if data:
            receiver.data_received(data)
            self._watch()
            return
        self._at_end = True
        self._unwatch()
        if not receiver.eof_received():
            self.close()

    def pause_reading(self) -> None:
        self._held = True
        self._unwatch()

    def resume_reading(self) -> None:
        self._held = False
        self._watch()

    def _watch(self) -> None:
        if not (self._watched or self._held or self._at_end or self.closing):
            self._watched = True
            self._loop.add_reader(self._socket.fileno(), self._read)

    def _unwatch(self) -> None:
        if self._watched:
            self._watched = False
            self._loop.remove_reader(self._socket.fileno())

    # --- writing --------------------------------------------------------------------------------------------------

    def write(self, data: bytes) -> None:
        """Send `data` when this turn of the loop ends, or now if something waits for that already."""
        if self.closing:
            return
        if not self._unsent:
            self._unsent = data
            self._outbox.add(self)
            return
        self._unsent += data
        if not self._full:
            self.flush()

    def write_eof(self) -> None:
        """Close our half once all is sent."""
        self._finished = True
        if not self._full:
            self.flush()

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
        # If the end follows, MSG_MORE makes the kernel wait for it: one packet for both.
        flags = MSG_DONTWAIT | MSG_MORE if self.closing or self._finished else MSG_DONTWAIT
        try:
            sent = self._socket.send(self._unsent, flags)
        except BlockingIOError:
            return self._unsent
        except OSError:
            self.abort()
            return b""
        return self._unsent[sent:]

    def _wait_for_room(self, receiver: Receiver) -> None:
        if not self._full:
            self._full = True
            self._loop.add_writer(self._socket.fileno(), self.flush)
            receiver.pause_writing()

    def _all_sent(self, receiver: Receiver) -> None:
        if self.closing:
            self.abort()
            return
        if self._finished:
            with contextlib.suppress(OSError):  # it has gone: we shall read so
                self._socket.shutdown(SHUT_WR)
        if self._full:
            self._full = False
            self._loop.remove_writer(self._socket.fileno())
            receiver.resume_writing()

    # --- the end --------------------------------------------------------------------------------------------------

    def end(self, data: bytes) -> None:
        """Send `data`, the last, now, and close."""
        self._unsent += data
        self.close()

    def close(self) -> None:
        """Close once all is sent."""
        self.closing = True
        self._unwatch()
        if not self._full:
            self.flush()

    def abort(self) -> None:
        """Close now."""
        self.closing = True
        receiver, self._receiver = self._receiver, None
        if receiver is None:
            return
        self._unwatch()
        if self._full:
            self._loop.remove_writer(self._socket.fileno())
        self._socket.close()
        receiver.connection_lost()
