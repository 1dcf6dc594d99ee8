"""What Linux's sockets can do beyond other systems', and what stands in for it there (a Mac, to try things out).

Plain numbers: the standard library's flags are enums, and to combine two of those costs more than to send an answer.
"""

import socket

DO_NOT_WAIT = int(getattr(socket, "MSG_DONTWAIT", 0))
"""A flag: this call returns at once. It saves a system call for each connection, `setblocking`."""
MORE_FOLLOWS = int(getattr(socket, "MSG_MORE", 0))
"""A flag: send this together with what follows. Without it the end of a connection is a packet of its own."""
DEFER_ACCEPT: int | None = getattr(socket, "TCP_DEFER_ACCEPT", None)
"""An option: show a connection once its first bytes are here. Without it the loop is asked to wait for them."""


def prepare_accepted(accepted: socket.socket) -> None:
    """Let no call on it block."""
    if not DO_NOT_WAIT:
        accepted.setblocking(False)


def prepare_listening(bound: socket.socket, first_bytes_within: float) -> None:
    """For TCP; what is accepted inherits it. `first_bytes_within`: seconds to wait for a client's first bytes."""
    bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if DEFER_ACCEPT is not None:
        bound.setsockopt(socket.IPPROTO_TCP, DEFER_ACCEPT, int(first_bytes_within))
