"""Clients that come, ask once and leave, as old SDKs do: who is recognised as they come is answered and has gone before
there is a connection to keep.
"""

from socket import socket

from sidecar.http.platform import DO_NOT_WAIT, MORE_FOLLOWS, prepare_accepted
from sidecar.http.recognised import RecognisedRequests

READ_AT_ONCE = 65_536
LAST = DO_NOT_WAIT | MORE_FOLLOWS
"""Flags: the end follows, in the same packet."""


def first_bytes(accepted: socket) -> bytes | None:
    """What came with the connection: None if there is nothing yet. Raises `OSError`."""
    prepare_accepted(accepted)
    try:
        return accepted.recv(READ_AT_ONCE, DO_NOT_WAIT)
    except BlockingIOError:
        return None


def answered_at_once(accepted: socket, first: bytes, recognised: RecognisedRequests) -> bool:
    """Whether `first` was recognised as all that the client wants; then it is answered, and `accepted` closed."""
    known = recognised.find_last(first)
    if known is None:
        return False
    try:
        accepted.send(known.answer, LAST)  # a new socket has room for it
    except OSError:  # nobody is there to read it
        pass
    finally:
        accepted.close()
    return True
