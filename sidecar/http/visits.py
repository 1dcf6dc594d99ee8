"""Clients that come, ask once and leave, as old SDKs do: who is recognised as they come is answered and has gone before
there is a connection to keep.
"""

from socket import SocketType

from sidecar.http.platform import DO_NOT_WAIT, MORE_FOLLOWS
from sidecar.http.recognised import RecognisedRequests

READ_AT_ONCE = 65_536
LAST = DO_NOT_WAIT | MORE_FOLLOWS
"""Flags: the end follows, in the same packet."""


def first_bytes(accepted: SocketType) -> bytes | None:
    """What came with the connection: None if there is nothing yet. Raises `OSError`."""
    try:
        return accepted.recv(READ_AT_ONCE, DO_NOT_WAIT)
    except BlockingIOError:
        return None


def unsent_answer(accepted: SocketType, first: bytes, recognised: RecognisedRequests) -> bytes | None:
    """Answer `first` if it is recognised as all that the client wants, else None: what the kernel had no room for.

    A new socket has room, but for long answers and while the node is short of memory.
    """
    known = recognised.find_last(first)
    if known is None:
        return None
    try:
        return known.answer[accepted.send(known.answer, LAST) :]
    except BlockingIOError:
        return known.answer
    except OSError:  # nobody is there to read it
        return b""
