"""Takes snapshots of the running sidecar, for probes and for the status page."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from sidecar import __version__
from sidecar.admin.health import worst_first
from sidecar.core.model import Credentials, Instant, Seconds, Token
from sidecar.core.ports import Clock
from sidecar.core.refresh import Phase, RoleState
from sidecar.faces.registry import FACES
from sidecar.observe.history import Failure, History, Refresh
from sidecar.observe.refusals import Refusals, RefusedKind
from sidecar.observe.snapshot import (
    ClientSnapshot,
    ConfigFileSnapshot,
    ErrorSnapshot,
    ExpiredSession,
    FaceSnapshot,
    FailureSnapshot,
    HistorySnapshot,
    Readiness,
    RefreshSnapshot,
    RefusalSnapshot,
    RoleSnapshot,
    SessionSnapshot,
    Snapshot,
    TokenSnapshot,
)
from sidecar.observe.usage import Usage, Use
from sidecar.settings.config import Config
from sidecar.settings.roles import ContainerSettings, RoleSettings

STUCK_AFTER: Seconds = 120
"""The loop comes round every 10 s, or when an attempt ends, within a minute; after two, only a restart helps."""


class ObservedBroker(Protocol):
    """Where a role's credentials are."""

    @property
    def state(self) -> RoleState: ...

    @property
    def phase(self) -> Phase: ...

    @property
    def idle_for(self) -> Seconds: ...

    def usable(self) -> Credentials | None: ...


class ObservedSource(Protocol):
    """Where they come from."""

    @property
    def token(self) -> Token | None:
        """The one that would be presented now."""
        ...


class ObservedRole(Protocol):
    """What is looked at: a role at work."""

    @property
    def settings(self) -> RoleSettings: ...

    @property
    def broker(self) -> ObservedBroker: ...

    @property
    def source(self) -> ObservedSource: ...

    @property
    def history(self) -> History: ...


@dataclass(frozen=True, slots=True)
class Status:
    """`roles`: those at work, the default first. `stopping`: is the sidecar shutting down?"""

    roles: Callable[[], Sequence[ObservedRole]]
    clock: Clock
    stopping: Callable[[], bool]
    usage: Usage
    refusals: Refusals
    config: Config
    config_file: Callable[[], ConfigFileSnapshot | None] = lambda: None
    """The file with the roles, where there is one."""

    @property
    def alive(self) -> bool:
        """Do all refresh loops come round?"""
        return all(map(_alive, self.roles()))

    @property
    def ready(self) -> bool:
        """Can applications be served with all roles that are required, and will they be for a while?"""
        return not self.stopping() and all(role.broker.usable() is not None for role in self._required())

    def _required(self) -> Iterator[ObservedRole]:
        default, *others = self.roles()
        yield default
        yield from (role for role in others if role.settings.required)

    @property
    def names(self) -> frozenset[str]:
        """The roles' names."""
        return frozenset(role.settings.name for role in self.roles())

    def readiness(self) -> Readiness:
        """Whether applications can be served, and which role tells why not; or, if they can, the worst of all."""
        roles = worst_first(self.all_roles())
        missing = [role for role in roles if role.required and not role.ready]
        return Readiness(self.ready, (*missing, *roles)[0], roles)

    def all_roles(self) -> tuple[RoleSnapshot, ...]:
        """How each stands, the default first."""
        return tuple(map(self._role, self.roles()))

    def _role(self, role: ObservedRole) -> RoleSnapshot:
        broker, now, token = role.broker, self.clock.now(), role.source.token
        state, held = broker.state, broker.usable()
        return RoleSnapshot(
            name=role.settings.name,
            required=role.settings.required or role is self.roles()[0],
            role_arn=_role_arn(role.settings, state),
            alive=_alive(role),
            stopping=self.stopping(),
            phase=broker.phase,
            session=None if held is None else SessionSnapshot.of(held, now),
            expired=_expired(state, now) if held is None else None,
            next_attempt_in=state.attempt_at - now,
            failures=state.failures,
            last_error=None if state.error is None else ErrorSnapshot.of(state.error),
            token=None if token is None else TokenSnapshot.of(token, self.clock.wall()),
            refusals=tuple(map(self._refusal, self.refusals.recent())),
        )

    def snapshot(self, name: str = "") -> Snapshot:
        """How all of it stands now, and with what led to it the role with this name, or else the worst."""
        roles = self.all_roles()
        shown = next((role for role in roles if role.name == name), None) or worst_first(roles)[0]
        observed = next(role for role in self.roles() if role.settings.name == shown.name)
        settings, config = observed.settings, self.config
        return Snapshot(
            version=__version__,
            taken_at=self.clock.wall(),
            role=shown,
            roles=worst_first(roles),
            history=self._history(observed.history),
            faces=tuple(self._faces()),
            sts_endpoint=settings.sts.endpoint if settings.sts else "",
            container_endpoint=settings.source.origin if isinstance(settings.source, ContainerSettings) else "",
            sts_by_proxy=settings.sts is not None and settings.sts.proxy is not None,
            token_file=settings.token_file,
            credentials_file=settings.credentials_file.path if settings.credentials_file else None,
            settings=config.effective_settings,
            config_file=self.config_file(),
        )

    def _history(self, past: History) -> HistorySnapshot:
        return HistorySnapshot(
            refreshes=tuple(map(self._refresh, past.refreshes)),
            last_success=None if past.last_success is None else self._refresh(past.last_success),
            last_failure=None if past.last_failure is None else self._failure(past.last_failure),
            rotations=past.rotations,
            rotated_age=None if past.rotated_at is None else self._age(past.rotated_at),
        )

    def _refresh(self, refresh: Refresh) -> RefreshSnapshot:
        return RefreshSnapshot(self._age(refresh.at), refresh.took, refresh.code, refresh.request_id)

    def _failure(self, failure: Failure) -> FailureSnapshot:
        return FailureSnapshot(self._age(failure.at), ErrorSnapshot.of(failure.error))

    def _refusal(self, kind: RefusedKind) -> RefusalSnapshot:
        return RefusalSnapshot(kind.protocol, kind.status, kind.refusal, kind.sdk, kind.times, self._age(kind.last_at))

    def _faces(self) -> Iterator[FaceSnapshot]:
        """All roles' together: requests are counted by endpoint."""
        uses, config = self.usage.uses(), self.config
        own = [role.listen for role in config.roles.served]
        for face in FACES:
            clients = (self._client(use) for use in uses if use.protocol in face.protocols)
            addresses = (*config.listen[face], *(address for listen in own for address in listen.get(face, ())))
            yield FaceSnapshot(face.name, tuple(map(str, addresses)), tuple(clients))

    def _client(self, use: Use) -> ClientSnapshot:
        return ClientSnapshot(use.protocol, use.sdk, use.served, use.refused, use.requests, self._age(use.last_at))

    def _age(self, at: Instant) -> Seconds:
        return self.clock.now() - at


def _alive(role: ObservedRole) -> bool:
    return role.broker.idle_for < STUCK_AFTER


def _role_arn(settings: RoleSettings, state: RoleState) -> str:
    """As it is set, or as the credentials tell."""
    if settings.role_arn is not None:
        return str(settings.role_arn)
    return state.credentials.role_arn if state.credentials else ""


def _expired(state: RoleState, now: Instant) -> ExpiredSession | None:
    held = state.credentials
    return None if held is None else ExpiredSession(held.expiration, max(0, now - held.expires_at))
