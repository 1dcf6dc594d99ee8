"""`irsa-sidecar healthcheck`: an exec probe's job in an image without curl. Standard library only, so it is quick."""

import argparse
import http.client
import json
import os
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

from sidecar.values import WILDCARDS, TcpAddress, UnixAddress, addresses

ANSWER_WITHIN_SECONDS = 2
DEFAULT = "127.0.0.1:9912"


def main(argv: Sequence[str]) -> int:
    """Ask `/readyz` or `/livez`. Returns 0 for a 200, 1 for anything else, saying why on standard error."""
    parser = argparse.ArgumentParser(prog="irsa-sidecar healthcheck", description=__doc__)
    parser.add_argument("question", nargs="?", choices=("ready", "live"), default="ready")
    asked = parser.parse_args(argv)
    try:
        status, body = _get(f"/{asked.question}z")
    except (OSError, http.client.HTTPException, ValueError) as error:
        return _unhealthy(f"no answer at {_address()}: {error}")
    return 0 if status == http.client.OK else _unhealthy(_reason(body) or f"{status} at {_address()}")


def _unhealthy(reason: str) -> int:
    print(f"irsa-sidecar healthcheck: {reason}", file=sys.stderr)
    return 1


def _address() -> str:
    return os.environ.get("SIDECAR_ADMIN_LISTEN") or DEFAULT


def _get(path: str) -> tuple[int, bytes]:
    connection = _connection()
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def _connection() -> http.client.HTTPConnection:
    match addresses(_address())[0]:
        case TcpAddress(host=host, port=port):
            return http.client.HTTPConnection(_reachable(host), port, timeout=ANSWER_WITHIN_SECONDS)
        case UnixAddress(path=path):
            return _UnixConnection(path)


def _reachable(host: str) -> str:
    """A wildcard is for listening; the same port is on loopback."""
    if host not in WILDCARDS:
        return host
    return "::1" if ":" in host else "127.0.0.1"


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=ANSWER_WITHIN_SECONDS)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def _reason(body: bytes) -> str:
    """The sentence in `/readyz`'s JSON that says what is wrong."""
    try:
        told = json.loads(body)
        error = told["last_error"]
        return f"{error['cause']} {error['fix']}" if error else f"phase {told['phase']}"
    except (ValueError, KeyError, TypeError):
        return ""
