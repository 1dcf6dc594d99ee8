"""What the tests of everything that serves have in common: faces that need no broker, requests that need no socket."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from sidecar.core.errors import SidecarError
from sidecar.core.model import DEFAULT_ROLE, Credentials
from sidecar.faces.authorization import Authorization, NoAuthorization
from sidecar.faces.container import ContainerFace
from sidecar.faces.document import Documents, container_document
from sidecar.faces.guards import Guard
from sidecar.faces.registry import CONTAINER
from sidecar.faces.routes import CredentialProvider, Routes, ServedRole
from sidecar.http.addresses import TcpAddress
from sidecar.http.messages import JSON_HEADERS, Face, Repeatable, Request, Response
from sidecar.http.server import serving

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
ANY_PORT = TcpAddress("127.0.0.1", 0)
AUTH_TOKEN = "the-pods-own-authorization-token"


class Source:
    """A broker's two doors: what can be served now, and what waiting leads to."""

    def __init__(
        self, holds: Credentials | None = None, *, after_waiting: Credentials | SidecarError | None = None
    ) -> None:
        self.holds = holds
        self.after_waiting = after_waiting
        self.asked = 0

    def usable(self) -> Credentials | None:
        self.asked += 1
        return self.holds

    async def credentials(self) -> Credentials:
        assert self.after_waiting is not None, "nobody should have waited"
        if isinstance(self.after_waiting, SidecarError):
            raise self.after_waiting
        return self.after_waiting


class FixedToken:
    """Authorization by one token that never changes."""

    required = True

    def __init__(self, token: str) -> None:
        self._tokens = (token,)

    def known(self) -> tuple[str, ...]:
        return self._tokens

    async def accepted(self) -> tuple[str, ...]:
        return self._tokens

    async def renewed(self) -> tuple[str, ...]:
        return self._tokens


class OneToken(FixedToken):
    """The one of all tests."""

    def __init__(self) -> None:
        super().__init__(AUTH_TOKEN)


async def answered(face: Face, request: Request) -> Response:
    """The face's answer, whether it waits for it or not."""
    answer = face.answer(request)
    if isinstance(answer, Repeatable):
        return answer.response
    return answer if isinstance(answer, Response) else await answer


def container_face(
    source: CredentialProvider,
    *,
    authorization: Authorization | None = None,
    hosts: frozenset[str] | None = LOOPBACK,
    name: str = CONTAINER.name,
) -> ContainerFace:
    """An endpoint that shows one role."""
    routes = Routes([served_role(source)], DEFAULT_ROLE)
    return ContainerFace(routes, Guard(hosts, authorization or NoAuthorization()), name)


def served_role(source: CredentialProvider, name: str = DEFAULT_ROLE, guard: Guard | None = None) -> ServedRole:
    return ServedRole(name, source, Documents(container_document, JSON_HEADERS), guard)


def request(path: str = "/v1/credentials", method: str = "GET", **headers: str) -> Request:
    """A request as the server hands it on; `x_forwarded_for` stands for the header `x-forwarded-for`."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Request(method, path, {"host": "127.0.0.1:9911"} | named)


def body(response: Response) -> dict[str, Any]:
    parsed = json.loads(response.body)
    assert isinstance(parsed, dict)
    return parsed


class Requests:
    """A `RequestObserver` that remembers."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, int]] = []

    def __call__(
        self,
        face: str,
        request: Request | None,  # noqa: ARG002 (the observer's shape)
        response: Response,
        seconds: float,
        times: int = 1,
    ) -> None:
        assert seconds >= 0
        self.seen += [(face, response.status)] * times


@asynccontextmanager
async def served(face: Face, requests: Requests | None = None) -> AsyncIterator[int]:
    """Serve `face` on a loopback port of its own, which this gives."""
    async with serving(face, requests or Requests(), [ANY_PORT]) as addresses:
        (address,) = addresses
        assert isinstance(address, TcpAddress)
        yield address.port
