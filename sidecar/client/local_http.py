"""One GET to a listener in this pod, bounded in time and size, with little of the standard library.

A probe and an SDK start a process for each question, and `http.client`, which imports TLS and mail, would cost a third
of it. HTTP/1.0 needs none of it: no chunks, no kept connections; the body ends with the connection.
"""

import socket
import time
from collections.abc import Mapping

from sidecar.http.addresses import WILDCARDS, Address, TcpAddress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sidecar.core.model import Seconds

LOCAL_TIMEOUT: "Seconds" = 2
"""For the whole answer. AWS SDKs give up after 1 to 2 s."""
LARGEST_ANSWER = 1 << 20
"""Bytes. The sidecar's own answers have some thousand."""


class NotHttp(Exception):
    """What listens there sent something other than one whole HTTP answer."""


class LocalResponse:
    """An answer. The body may hold credentials: no `repr` shows it."""

    __slots__ = ("body", "seconds", "status")

    def __init__(self, status: int, body: bytes, seconds: "Seconds") -> None:
        self.status = status
        self.body = body
        self.seconds = seconds


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
    if not path.startswith("/") or not path.isascii() or not path.isprintable() or " " in path:
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
    if not isinstance(address, TcpAddress):
        return _connection(socket.AF_UNIX, str(address.path))
    found = _reachable(address)
    if found.host == "localhost":
        return _connected_locally(found.port)
    # The look-up of an address would load the tables of international names.
    family = socket.AF_INET6 if found.needs_ipv6 else socket.AF_INET
    return _connection(family, (found.host, found.port))


def _connected_locally(port: int) -> socket.socket:
    """What `localhost` means is known (RFC 6761, 6.3): a name server that is asked for it may be silent."""
    try:
        return _connection(socket.AF_INET, ("127.0.0.1", port))
    except ConnectionRefusedError as refused:
        try:
            return _connection(socket.AF_INET6, ("::1", port))
        except OSError:
            raise refused from None


def _connection(family: socket.AddressFamily, place: str | tuple[str, int]) -> socket.socket:
    connection = socket.socket(family, socket.SOCK_STREAM)
    try:
        connection.settimeout(LOCAL_TIMEOUT)
        connection.connect(place)
    except OSError:
        connection.close()
        raise
    return connection


def _received(connection: socket.socket, deadline: "Seconds") -> bytes:
    """What arrives until the answer is whole or the connection ends, by `deadline` on the monotonic clock."""
    received = bytearray()
    while not _whole(received) and (chunk := _chunk(connection, deadline)):
        received += chunk
        if len(received) > LARGEST_ANSWER:
            raise NotHttp(f"the answer is longer than {LARGEST_ANSWER} bytes")
    return bytes(received)


def _chunk(connection: socket.socket, deadline: "Seconds") -> bytes:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    connection.settimeout(left)
    return connection.recv(1 << 16)


def _whole(received: bytearray) -> bool:
    """Some servers keep the connection, whatever they were asked: a length says where the answer ends."""
    head, end, body = received.partition(b"\r\n\r\n")
    length = _length(head) if end else None
    return length is not None and len(body) >= length


def _parsed(received: bytes, seconds: "Seconds") -> LocalResponse:
    head, end, body = received.partition(b"\r\n\r\n")
    status = _status(head) if end else None
    if status is None:
        raise NotHttp("the program that listens there does not speak HTTP")
    length = _length(head)
    if length is not None and len(body) < length:
        raise NotHttp("the answer is incomplete")
    return LocalResponse(status, body[:length], seconds)


# Regular expressions, compiled in each process anew, would take longer than the answer.


def _status(head: bytes) -> int | None:
    version, _, rest = head.partition(b"\r\n")[0].partition(b" ")
    code = rest.partition(b" ")[0]
    if version not in {b"HTTP/1.0", b"HTTP/1.1"} or len(code) != len("200") or not code.isdigit():
        return None
    return int(code)


def _length(head: bytes | bytearray) -> int | None:
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length" and value.strip().isdigit():
            return int(value)
    return None
