"""The container-credentials endpoint: what `AWS_CONTAINER_CREDENTIALS_FULL_URI` points at.

Under the name `ecs` the same for `AWS_CONTAINER_CREDENTIALS_RELATIVE_URI`, where most SDKs send no token, so that none
can be asked for.

Protocol: AWS SDKs and tools reference guide, "Container credential provider".
"""

from functools import partial

from sidecar.core.errors import MethodRefused, SidecarError
from sidecar.core.model import Credentials
from sidecar.faces.guards import Guard
from sidecar.faces.problems import problem
from sidecar.faces.registry import CONTAINER
from sidecar.faces.routes import Routes, ServedRole
from sidecar.http.messages import Repeatable, Reply, Request, Response

READ_METHODS = ("GET", "HEAD")


class ContainerFace:
    """Answers with the roles of `routes`. `guard`: who may ask for a role that has no guard of its own."""

    def __init__(self, routes: Routes, guard: Guard, name: str = CONTAINER.name) -> None:
        self.name = name
        self.routes = routes
        """Replaced as a whole where other roles are to be shown."""
        self._guard = guard

    def answer(self, request: Request) -> Reply:
        try:
            self._guard.check_host(request.headers)
            routes = self.routes
            role = routes.at(request.path)
            _check_method(request)
        except SidecarError as error:
            return problem(error)
        guard = role.guard or self._guard
        accepted = guard.authorization.known()
        if guard.admits(request, accepted) and (credentials := role.source.usable()):
            holds = partial(self._holds, routes, role, accepted, credentials)
            return Repeatable(role.documents.answer(credentials), holds)
        return _answer_after_waiting(role, guard, request)

    def _holds(self, routes: Routes, role: ServedRole, accepted: tuple[str, ...], credentials: Credentials) -> bool:
        """Whether all that the answer rests on is the same."""
        guard = role.guard or self._guard
        same = self.routes is routes and guard.authorization.known() is accepted
        return same and role.source.usable() is credentials


async def _answer_after_waiting(role: ServedRole, guard: Guard, request: Request) -> Response:
    """For the authorization token's file, or for credentials."""
    try:
        await guard.check_authorization(request)
        return role.documents.answer(role.source.usable() or await role.source.credentials())
    except SidecarError as error:
        return problem(error)


def _check_method(request: Request) -> None:
    if request.method not in READ_METHODS:
        raise MethodRefused("This endpoint is read-only.", fix="Use GET.", allowed=READ_METHODS)
