"""What passes between a socket and an answer: HTTP without I/O. A face sees only these, whatever server reads them."""

import json
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Request:
    """One request. Header names are lower case; `path` has no query."""

    method: str
    path: str
    headers: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class ParsedRequest:
    """A request that was framed well, and what its client said of the connection: whether it may outlive the answer
    (`keep_alive`), and whether it speaks HTTP/1.0. `alone`: its bytes, if they came in one read with nothing else, a
    body included.
    """

    request: Request
    keep_alive: bool
    http_1_0: bool
    alone: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a client did not get what it asked for, and what to change. Neither quotes the client: both reach the log."""

    code: str
    cause: str
    fix: str


@dataclass(frozen=True, slots=True)
class Response:
    """One answer. `body` may be a secret. `role`: the one whose credentials the document holds, if it holds any."""

    status: int
    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    refusal: Refusal | None = None
    role: str = ""

    @property
    def serves(self) -> bool:
        """Is it a document with credentials?"""
        return bool(self.role)


JSON_HEADERS = {"Content-Type": "application/json", "Cache-Control": "no-store"}
NO_HEADERS: Mapping[str, str] = {}


def error_response(status: int, refusal: Refusal, headers: Mapping[str, str] = NO_HEADERS) -> Response:
    """The one form of every refusal. Both spellings: Go, Java and Rust read the lower case, botocore and JavaScript
    the upper.
    """
    code, message = refusal.code, f"{refusal.cause} {refusal.fix}"
    body = {"code": code, "message": message, "Code": code, "Message": message}
    return Response(status, json.dumps(body).encode(), {**JSON_HEADERS, **headers}, refusal)


@dataclass(frozen=True, slots=True)
class Repeatable:
    """A good answer that the same request gets again as long as it `holds`: which is false from the moment when
    anything differs that the answer rests on. It is asked once in a turn of the loop, so it must be quick.
    """

    response: Response
    holds: Callable[[], bool] = field(repr=False)


Reply = Response | Repeatable | Coroutine[Any, Any, Response]
"""An answer that is there, one that is there for the next to ask, or one that must be waited for. Most come from
memory: a task for each would cost more than the answer."""


class Face(Protocol):
    """One protocol that credentials are served by."""

    @property
    def name(self) -> str:
        """A short constant: a metric's label."""
        ...

    def answer(self, request: Request) -> Reply:
        """Answer any request, a refused one included. Raises nothing of ours."""
        ...


class RequestObserver(Protocol):
    """Sees every answer, and what was asked; None where the bytes could not become a request, or were not read.
    `times`: so many clients asked the same and got the same, in a turn of the loop.

    Must not raise and must not wait.
    """

    def __call__(
        self, face: str, request: Request | None, response: Response, seconds: float, times: int = 1
    ) -> None: ...
