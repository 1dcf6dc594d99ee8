"""A connection to a sidecar in this pod, with the standard library alone: commands must start quickly."""

import http.client
import socket
from pathlib import Path

from sidecar.core.model import Seconds
from sidecar.http.addresses import WILDCARDS, Address, TcpAddress, UnixAddress

ANSWER_WITHIN: Seconds = 2


def connection(address: Address) -> http.client.HTTPConnection:
    """Not yet connected. Proxies are no business of a pod's own addresses, and `http.client` knows none."""
    match address:
        case TcpAddress(host=host, port=port):
            return http.client.HTTPConnection(_reachable(host), port, timeout=ANSWER_WITHIN)
        case UnixAddress(path=path):
            return _UnixConnection(path)


def _reachable(host: str) -> str:
    """A wildcard is for listening; the same port is on loopback."""
    if host not in WILDCARDS:
        return host
    return "::1" if ":" in host else "127.0.0.1"


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=ANSWER_WITHIN)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))
