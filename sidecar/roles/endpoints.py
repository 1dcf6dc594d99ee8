"""Which role is shown where: the endpoints that all roles share, and those of one role alone."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Protocol

from sidecar.core.broker import Broker
from sidecar.faces.authorization import Authorization, NoAuthorization
from sidecar.faces.container import ContainerFace
from sidecar.faces.document import Documents, container_document
from sidecar.faces.guards import TOKEN_OF_THE_ROLE, Guard
from sidecar.faces.registry import CONTAINER, ECS, FACES, IMDS, FaceSpec
from sidecar.faces.routes import Routes, ServedRole
from sidecar.http.addresses import LINK_LOCAL, LOOPBACK_NAMES, WILDCARDS, Address, UnixAddress
from sidecar.http.messages import JSON_HEADERS, Face
from sidecar.roles.metadata_endpoint import MetadataEndpoint
from sidecar.roles.running_role import RunningRole
from sidecar.roles.running_roles import RunningRoles
from sidecar.settings.config import Config
from sidecar.settings.roles import RoleSet

Rendered = Mapping[Broker, Documents]
"""Each role's document, rendered once for all endpoints."""


class Endpoint(Protocol):
    """A face and where it listens, both from the start to the end."""

    @property
    def spec(self) -> FaceSpec: ...

    @property
    def role(self) -> str:
        """The one that alone is shown there, empty where several may be."""
        ...

    @property
    def addresses(self) -> tuple[Address, ...]: ...

    @property
    def face(self) -> Face: ...

    def show(self, roles: Sequence[RunningRole], default: str, rendered: Rendered) -> None:
        """From now on these. `default`: the one that needs no name, if it is among them."""
        ...


class ContainerEndpoint:
    """Shows roles by name, each behind its own token where it has one, and else behind that of `guard`."""

    def __init__(self, spec: FaceSpec, role: str, addresses: tuple[Address, ...], guard: Guard) -> None:
        self.spec = spec
        self.role = role
        self.addresses = addresses
        self.face = ContainerFace(Routes((), ""), guard, spec.name)
        self._hosts = guard.hosts

    def show(self, roles: Sequence[RunningRole], default: str, rendered: Rendered) -> None:
        served = [ServedRole(role.name, role.broker, rendered[role.broker], self._guard(role)) for role in roles]
        self.face.routes = Routes(served, default)

    def _guard(self, role: RunningRole) -> Guard | None:
        own = role.authorization
        return None if own is None else Guard(self._hosts, own, TOKEN_OF_THE_ROLE)


class Endpoints:
    """All endpoints of a sidecar. `metadata`: makes one of IMDS. `tokens`: what roles ask for that have no own."""

    def __init__(
        self,
        config: Config,
        tokens: Authorization,
        metadata: Callable[[str, tuple[Address, ...], Guard], MetadataEndpoint],
    ) -> None:
        self._tokens = tokens
        self._metadata = metadata
        self._rendered: dict[Broker, Documents] = {}
        self._all = (*self._shared(config), *self._own(config.roles))

    def __iter__(self) -> Iterator[Endpoint]:
        return iter(self._all)

    def show(self, roles: RunningRoles) -> None:
        """From now on these."""
        served, before = roles.served, self._rendered
        self._rendered = {role.broker: before.get(role.broker) or _documents(role) for role in served}
        for endpoint in self._all:
            shown = [role for role in served if _belongs(role, endpoint)]
            endpoint.show(shown, endpoint.role or roles.settings.default, self._rendered)

    def _shared(self, config: Config) -> Iterator[Endpoint]:
        link_local = Guard(config.link_local_names, NoAuthorization())
        yield ContainerEndpoint(CONTAINER, "", config.listen[CONTAINER], Guard(config.host_names, self._tokens))
        yield ContainerEndpoint(ECS, "", config.listen[ECS], link_local)
        yield self._metadata("", config.listen[IMDS], link_local)

    def _own(self, roles: RoleSet) -> Iterator[Endpoint]:
        for role in roles.served:
            for spec in FACES:
                if addresses := role.listen.get(spec, ()):
                    yield self._one_of(spec, role.name, addresses)

    def _one_of(self, spec: FaceSpec, role: str, addresses: tuple[Address, ...]) -> Endpoint:
        guard = Guard(_host_names(spec, addresses), self._tokens if spec.protected else NoAuthorization())
        if spec is IMDS:
            return self._metadata(role, addresses, guard)
        return ContainerEndpoint(spec, role, addresses, guard)


def _documents(role: RunningRole) -> Documents:
    return Documents(container_document, JSON_HEADERS, role.name)


def _belongs(role: RunningRole, endpoint: Endpoint) -> bool:
    if endpoint.role:
        return role.name == endpoint.role
    return role.settings.is_shown_among_others(endpoint.spec)


def _host_names(spec: FaceSpec, addresses: tuple[Address, ...]) -> frozenset[str] | None:
    """The names a request may be sent to; None where a protected face listens on all of a pod's addresses."""
    named = LOOPBACK_NAMES | {address.host for address in addresses if not isinstance(address, UnixAddress)}
    if not spec.protected:
        return named | LINK_LOCAL
    return None if named & WILDCARDS else named
