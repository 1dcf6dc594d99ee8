"""Takes snapshots of the running sidecar, for probes and for the status page."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from sidecar import __version__
from sidecar.core.model import Credentials, Instant, Seconds, Token
from sidecar.core.ports import Clock
from sidecar.core.refresh import Phase, RoleState
from sidecar.faces.registry import FACES
from sidecar.observe.history import Failure, History, Refresh
from sidecar.observe.refusals import Refusals, RefusedKind
from sidecar.observe.snapshot import (
    ClientSnapshot,
    ErrorSnapshot,
    ExpiredSession,
    FaceSnapshot,
    FailureSnapshot,
    HistorySnapshot,
    RefreshSnapshot,
    RefusalSnapshot,
    RoleSnapshot,
    SessionSnapshot,
    Snapshot,
    TokenSnapshot,
)
from sidecar.observe.usage import Usage, Use
from sidecar.settings.config import Config

STUCK_AFTER: Seconds = 120
"""The loop comes round every 10 s, or when an attempt ends, within a minute; after two, only a restart helps."""


class ObservedRole(Protocol):
    """What is looked at: a broker."""

    @property
    def state(self) -> RoleState: ...

    @property
    def phase(self) -> Phase: ...

    @property
    def idle_for(self) -> Seconds: ...

    def usable(self) -> Credentials | None: ...


@dataclass(frozen=True, slots=True)
class Status:
    """`token`: the one that the role's source would present now. `stopping`: is the sidecar shutting down?"""

    broker: ObservedRole
    token: Callable[[], Token | None]
    clock: Clock
    stopping: Callable[[], bool]
    history: History
    usage: Usage
    refusals: Refusals
    config: Config

    @property
    def alive(self) -> bool:
        return self.broker.idle_for < STUCK_AFTER

    @property
    def ready(self) -> bool:
        """Can an application be served at this moment, and will it be for a while?"""
        return self.broker.usable() is not None and not self.stopping()

    def role(self) -> RoleSnapshot:
        """How the role stands now."""
        state, now, held, token = self.broker.state, self.clock.now(), self.broker.usable(), self.token()
        return RoleSnapshot(
            role_arn=str(self.config.roles.default_role.role_arn or ""),
            alive=self.alive,
            stopping=self.stopping(),
            phase=self.broker.phase,
            session=None if held is None else SessionSnapshot.of(held, now),
            expired=_expired(state, now) if held is None else None,
            next_attempt_in=state.attempt_at - now,
            failures=state.failures,
            last_error=None if state.error is None else ErrorSnapshot.of(state.error),
            token=None if token is None else TokenSnapshot.of(token, self.clock.wall()),
            refusals=tuple(map(self._refusal, self.refusals.recent())),
        )

    def snapshot(self) -> Snapshot:
        """How all of it stands now, with what led to it."""
        config, role = self.config, self.config.roles.default_role
        return Snapshot(
            version=__version__,
            taken_at=self.clock.wall(),
            role=self.role(),
            history=self._history(),
            faces=tuple(self._faces()),
            sts_endpoint=config.sts_endpoint,
            sts_by_proxy=role.sts is not None and role.sts.proxy is not None,
            token_file=role.token_file,
            credentials_file=config.credentials_file,
            settings=config.effective_settings,
        )

    def _history(self) -> HistorySnapshot:
        past = self.history
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
        uses, config = self.usage.uses(), self.config
        for face in FACES:
            clients = (self._client(use) for use in uses if use.protocol in face.protocols)
            yield FaceSnapshot(face.name, tuple(map(str, config.listen[face])), tuple(clients))

    def _client(self, use: Use) -> ClientSnapshot:
        return ClientSnapshot(use.protocol, use.sdk, use.served, use.refused, use.requests, self._age(use.last_at))

    def _age(self, at: Instant) -> Seconds:
        return self.clock.now() - at


def _expired(state: RoleState, now: Instant) -> ExpiredSession | None:
    held = state.credentials
    return None if held is None else ExpiredSession(held.expiration, max(0, now - held.expires_at))
