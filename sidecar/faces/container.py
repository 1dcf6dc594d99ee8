"""The container-credentials endpoint: what `AWS_CONTAINER_CREDENTIALS_FULL_URI` points at.

Protocol: AWS SDKs and tools reference guide, "Container credential provider".
"""

from typing import Protocol

from sidecar.errors import MethodRefused, NoSuchPath, SidecarError
from sidecar.faces.document import credentials_document
from sidecar.faces.guards import Guard
from sidecar.faces.problems import HEADERS, problem
from sidecar.messages import Request, Response
from sidecar.model import Credentials

PATHS = ("/v1/credentials", "/")
METHODS = ("GET", "HEAD")


class CredentialSource(Protocol):
    """Where credentials come from: a broker."""

    def usable(self) -> Credentials | None:
        """The credentials that may be served now, if any."""
        ...

    async def credentials(self) -> Credentials:
        """The same, after a short wait where that helps. Raises `NoCredentials`."""
        ...


class ContainerFace:
    """Answers on `PATHS`. The document is rendered once per credential, not once per request."""

    name = "container"

    def __init__(self, source: CredentialSource, guard: Guard) -> None:
        self._source = source
        self._guard = guard
        self._rendered: tuple[Credentials | None, Response] = (None, Response(503, b"", HEADERS))

    async def answer(self, request: Request) -> Response:
        try:
            return await self._answer(request)
        except SidecarError as error:
            return problem(error)

    async def _answer(self, request: Request) -> Response:
        self._guard.check_host(request.headers)
        _check_route(request)
        await self._guard.check_authorization(request)
        return self._document(self._source.usable() or await self._source.credentials())

    def _document(self, credentials: Credentials) -> Response:
        rendered_for, response = self._rendered
        if rendered_for is not credentials:
            response = Response(200, credentials_document(credentials), HEADERS)
            self._rendered = credentials, response
        return response


def _check_route(request: Request) -> None:
    if request.path not in PATHS:
        raise NoSuchPath(
            f"Nothing is served at {request.path[:80]!r}.",
            fix="AWS_CONTAINER_CREDENTIALS_FULL_URI must end in /v1/credentials.",
        )
    if request.method not in METHODS:
        raise MethodRefused("Credentials are read, not written.", fix="Use GET.", allowed=METHODS)
