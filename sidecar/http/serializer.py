"""Answers as bytes. What stays the same is rendered once: faces repeat a `Response` until credentials change."""

import time
from collections.abc import Callable
from email.utils import formatdate
from http import HTTPStatus

from sidecar.http.messages import Response

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
CONNECTION_KEEP_ALIVE = b"Connection: keep-alive\r\n"
"""HTTP/1.0 closes unless this is said (RFC 9112, section 9.3)."""
CONNECTION_CLOSE = b"Connection: close\r\n"


class Serializer:
    """Adds `Date`, `Server` and `Content-Length`; `wall`: Unix time."""

    def __init__(self, wall: Callable[[], float] = time.time) -> None:
        self._wall = wall
        self._second = -1
        self._date = b""
        self._last: Response | None = None
        self._start = b""

    def date(self) -> bytes:
        """The line that answers have now: the same object until the next second."""
        second = int(self._wall())
        if second != self._second:
            self._second, self._date = second, f"Date: {formatdate(second, usegmt=True)}\r\n".encode()
        return self._date

    def serialize(self, response: Response, connection: bytes, *, body: bool) -> bytes:
        """The whole answer. `connection`: a line about the connection, or nothing; `body`: not for HEAD."""
        if response is not self._last:
            self._last, self._start = response, _start(response)
        return b"".join((self._start, self.date(), connection, b"\r\n", response.body if body else b""))


def _start(response: Response) -> bytes:
    """All that does not depend on the request, the time or the connection."""
    headers = {**response.headers, "Content-Length": str(len(response.body)), "Server": "irsa-sidecar"}
    lines = (f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {response.status} {HTTPStatus(response.status).phrase}\r\n{''.join(lines)}".encode("latin-1")
