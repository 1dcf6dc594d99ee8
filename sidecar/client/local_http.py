"""One GET to a listener in this pod, bounded in time and size, with little of the standard library.

A probe and an SDK start a process for each question, and `http.client`, which imports TLS and mail, would cost a third
of it. HTTP/1.0 needs none of it: no chunks, no kept connections; the body ends with the connection.
"""

import re
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from sidecar.core.model import Seconds
from sidecar.http.addresses import WILDCARDS, Address, TcpAddress, UnixAddress

LOCAL_TIMEOUT: Seconds = 2
"""For the whole answer. AWS SDKs give up after 1 to 2 s."""
LARGEST_ANSWER = 1 << 20
"""Bytes. The sidecar's own answers have some thousand."""
_STATUS_LINE = re.compile(rb"HTTP/1\.[01] (\d{3})(?: [^\r\n]*)?\r\n")
_CONTENT_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d{1,7})[ \t]*\r\n", re.IGNORECASE)
_TARGET = re.compile("/[!-~]*")


class NotHttp(Exception):
    """What listens there sent something other than one whole HTTP answer."""


@dataclass(frozen=True, slots=True)
class LocalResponse:
    """An answer. The body may hold credentials."""

    status: int
    body: bytes = field(repr=False)
    seconds: Seconds


def get(address: Address, path: str, headers: Mapping[str, str] | None = None) -> LocalResponse:
    """GET directly: no proxy, no redirect. Raises `OSError` (`TimeoutError` among them), `NotHttp`, `ValueError`."""
    request = _request(address, path, headers or {})
    started = time.monotonic()
    try:
        with _connected(address) as connection:
            connection.sendall(request)
            received = _received(connection, started + LOCAL_TIMEOUT)
    except TimeoutError:
        raise TimeoutError(f"no answer within {LOCAL_TIMEOUT:.0f} s") from None
    return _parsed(received, time.monotonic() - started)


def _request(address: Address, path: str, headers: Mapping[str, str]) -> bytes:
    if not _TARGET.fullmatch(path):
        raise ValueError("the path contains characters that HTTP does not allow")
    host = _reachable(address) if isinstance(address, TcpAddress) else "localhost"
    fields = {"Host": str(host), "Accept": "application/json", "Connection": "close", **headers}
    lines = [f"GET {path} HTTP/1.0", *(f"{name}: {value}" for name, value in fields.items()), "", ""]
    return "\r\n".join(lines).encode("ascii")


def _reachable(address: TcpAddress) -> TcpAddress:
    """A wildcard is for listening; the same port is on loopback."""
    if address.host not in WILDCARDS:
        return address
    return TcpAddress("::1" if ":" in address.host else "127.0.0.1", address.port)


def _connected(address: Address) -> socket.socket:
    if isinstance(address, TcpAddress):
        found = _reachable(address)
        return socket.create_connection((found.host, found.port), LOCAL_TIMEOUT)
    return _connected_unix(address)


def _connected_unix(address: UnixAddress) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.settimeout(LOCAL_TIMEOUT)
        connection.connect(str(address.path))
    except OSError:
        connection.close()
        raise
    return connection


def _received(connection: socket.socket, deadline: Seconds) -> bytes:
    """What arrives until the answer is whole or the connection ends, by `deadline` on the monotonic clock."""
    received = bytearray()
    while not _whole(received) and (chunk := _chunk(connection, deadline)):
        received += chunk
        if len(received) > LARGEST_ANSWER:
            raise NotHttp(f"the answer is longer than {LARGEST_ANSWER} bytes")
    return bytes(received)


def _chunk(connection: socket.socket, deadline: Seconds) -> bytes:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    connection.settimeout(left)
    return connection.recv(1 << 16)


def _whole(received: bytearray) -> bool:
    """Some servers keep the connection, whatever they were asked: a length says where the answer ends."""
    head, end, body = received.partition(b"\r\n\r\n")
    length = _CONTENT_LENGTH.search(head + end) if end else None
    return length is not None and len(body) >= int(length[1])


def _parsed(received: bytes, seconds: Seconds) -> LocalResponse:
    head, end, body = received.partition(b"\r\n\r\n")
    status = _STATUS_LINE.match(head + end)
    if status is None or not end:
        raise NotHttp("the program that listens there does not speak HTTP")
    length = _CONTENT_LENGTH.search(head + end)
    if length is not None and len(body) < int(length[1]):
        raise NotHttp("the answer is incomplete")
    return LocalResponse(int(status[1]), body if length is None else body[: int(length[1])], seconds)
