"""The container-credentials endpoint: what `AWS_CONTAINER_CREDENTIALS_FULL_URI` points at.

Under the name `ecs` the same for `AWS_CONTAINER_CREDENTIALS_RELATIVE_URI`, where most SDKs send no token, so that none
can be asked for.

Protocol: AWS SDKs and tools reference guide, "Container credential provider".
"""

from typing import Protocol

from sidecar.core.errors import MethodRefused, NoSuchPath, SidecarError
from sidecar.core.model import Credentials
from sidecar.faces.document import Documents, container_document
from sidecar.faces.guards import Guard
from sidecar.faces.paths import canonical
from sidecar.faces.problems import problem
from sidecar.faces.registry import CONTAINER
from sidecar.http.messages import JSON_HEADERS, Reply, Request, Response

PATHS = ("/v1/credentials", "/")
READ_METHODS = ("GET", "HEAD")


class CredentialProvider(Protocol):
    """Where credentials come from: a broker."""

    def usable(self) -> Credentials | None:
        """The credentials that may be served now, if any."""
        ...

    async def credentials(self) -> Credentials:
        """The same, after a short wait where that helps. Raises `NoCredentials`."""
        ...


class ContainerFace:
    """Answers on `PATHS`."""

    def __init__(self, source: CredentialProvider, guard: Guard, name: str = CONTAINER.name) -> None:
        self.name = name
        self._source = source
        self._guard = guard
        self._documents = Documents(container_document, JSON_HEADERS)

    def answer(self, request: Request) -> Reply:
        try:
            self._guard.check_host(request.headers)
            _check_route(request)
        except SidecarError as error:
            return problem(error)
        if self._guard.knows_authorization(request) and (credentials := self._source.usable()):
            return self._documents.answer(credentials)
        return self._answer_after_waiting(request)

    async def _answer_after_waiting(self, request: Request) -> Response:
        """For the authorization token's file, or for credentials."""
        try:
            await self._guard.check_authorization(request)
            return self._documents.answer(self._source.usable() or await self._source.credentials())
        except SidecarError as error:
            return problem(error)


def _check_route(request: Request) -> None:
    if request.path not in PATHS and canonical(request.path) not in PATHS:
        raise NoSuchPath(
            "There is nothing at this path.",
            fix="AWS_CONTAINER_CREDENTIALS_FULL_URI must end in /v1/credentials.",
        )
    if request.method not in READ_METHODS:
        raise MethodRefused("This endpoint is read-only.", fix="Use GET.", allowed=READ_METHODS)
