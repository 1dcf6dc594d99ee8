"""Asking a server from Python: to learn when it first answers, what it answers, and whether it still does."""

import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Request:
    """What a client sends. `headers` may hold a token."""

    path: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    host: str = "127.0.0.1"

    def as_bytes(self, *, keep: bool) -> bytes:
        headers = {"Host": self.host, "Accept": "*/*", **self.headers}
        if not keep:
            headers["Connection"] = "close"
        lines = [f"GET {self.path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
        return "\r\n".join(lines).encode()


@dataclass(frozen=True, slots=True)
class Answer:
    """`status` is 0 where there was no answer. `size` is the document's, in bytes."""

    status: int
    size: int = 0
    document: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def expires_at(self) -> float:
        """Unix time."""
        return datetime.fromisoformat(self.document["Expiration"]).timestamp()


def ask(port: int, request: Request, timeout: float = 5, method: str = "GET") -> Answer:
    """One request on a connection of its own; whatever fails on the way is status 0."""
    status, body = exchange(port, method, request, timeout)
    if status != http.HTTPStatus.OK or not body.startswith(b"{"):
        return Answer(status)
    return Answer(status, len(body), json.loads(body))


def exchange(port: int, method: str, request: Request, timeout: float = 5) -> tuple[int, bytes]:
    """Status and body; (0, b"") without an answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        connection.request(method, request.path, headers={"Host": request.host, **request.headers})
        answer = connection.getresponse()
        return answer.status, answer.read()
    except (OSError, http.client.HTTPException):
        return 0, b""
    finally:
        connection.close()
