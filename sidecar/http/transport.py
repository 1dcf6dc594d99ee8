"""What a connection and its socket ask of each other, in asyncio's words where there are any.

`socket_transport` is the one that serves; whatever else carries the bytes has to satisfy these two and nothing more.
"""

from typing import Protocol


class Receiver(Protocol):
    """Whom a transport works for. Calls may come from within a call to the transport."""

    def connection_made(self) -> None:
        """It begins. A refusal may be written here already."""
        ...

    def data_received(self, data: bytes) -> None: ...

    def eof_received(self) -> None:
        """The client has sent all it will; the connection stays open until the receiver closes it."""
        ...

    def pause_writing(self) -> None:
        """The kernel has no room; what is written from now on is kept here."""
        ...

    def resume_writing(self) -> None:
        """All that was kept has been sent."""
        ...

    def connection_lost(self) -> None:
        """It is over, whoever ended it. Comes once, and nothing comes after it."""
        ...


class Transport(Protocol):
    """One socket."""

    @property
    def at_end(self) -> bool:
        """The client has sent all it will, and all of it was read."""
        ...

    @property
    def unread(self) -> bool:
        """The client may have sent more than was read: to close now would reset the connection."""
        ...

    def pause_reading(self) -> None: ...
    def resume_reading(self) -> None: ...

    def write(self, data: bytes) -> None:
        """Send `data`: now, as far as the kernel has room for it."""
        ...

    def write_eof(self) -> None:
        """Close our half once all is sent."""
        ...

    def end(self, data: bytes) -> None:
        """Send `data`, the last, and close once all is sent."""
        ...

    def close(self) -> None:
        """Close once all is sent. Nothing more is read."""
        ...

    def abort(self) -> None:
        """Close now."""
        ...
