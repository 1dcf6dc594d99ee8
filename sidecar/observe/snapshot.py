"""What we would tell a person or a probe right now: a snapshot, made on request."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from sidecar.core.errors import ExchangeFailed, SidecarError
from sidecar.core.model import Credentials, Seconds, Token
from sidecar.core.ports import Clock
from sidecar.core.refresh import Phase, RoleState
from sidecar.core.timestamps import timestamp

STUCK_AFTER: Seconds = 120
"""The loop comes round every 30 s, or when an exchange ends; two minutes without it and only a restart helps."""


class Role(Protocol):
    """What the board looks at: a broker."""

    @property
    def state(self) -> RoleState: ...

    @property
    def phase(self) -> Phase: ...

    @property
    def idle_for(self) -> Seconds: ...

    def usable(self) -> Credentials | None: ...


@dataclass(frozen=True, slots=True)
class Board:
    """Tells how one role stands. `stopping`: has the service been told to end?"""

    role_arn: str
    role: Role
    token: Callable[[], Token | None]
    clock: Clock
    stopping: Callable[[], bool]

    @property
    def alive(self) -> bool:
        return self.role.idle_for < STUCK_AFTER

    @property
    def ready(self) -> bool:
        """Can a client be served at this instant, and will it be for a while?"""
        return self.role.usable() is not None and not self.stopping()

    def snapshot(self) -> dict[str, Any]:
        """All of it as JSON-ready values; nothing in it is a secret. Times left are in seconds."""
        state, now = self.role.state, self.clock.now()
        held = self.role.usable()
        return {
            "ready": self.ready,
            "role": self.role_arn,
            "assumed_role": None if held is None else held.assumed_role_arn,
            "phase": "stopping" if self.stopping() else self.role.phase.value,
            "expiration": None if held is None else timestamp(held.expiration),
            "seconds_left": None if held is None else round(held.expires_at - now),
            "next_attempt_in": _until(state.attempt_at, now),
            "failures": state.failures,
            "last_error": None if state.error is None else described(state.error),
            "token": _token(self.token(), self.clock.wall()),
        }


def _until(attempt_at: float, now: float) -> int | None:
    """None for an attempt that waits for a new token, or that is under way."""
    return None if math.isinf(attempt_at) else max(0, round(attempt_at - now))


def described(error: SidecarError) -> dict[str, Any]:
    """An error as JSON-ready values."""
    told = {"code": error.code, "cause": error.cause, "fix": error.fix, "retry": error.retry.value}
    if isinstance(error, ExchangeFailed):
        told |= {"aws_code": error.aws_code, "request_id": error.request_id}
    return told


def _token(token: Token | None, wall: float) -> dict[str, Any] | None:
    if token is None:
        return None
    claims = token.claims
    unlimited = math.isinf(claims.expires_at)
    return {
        "issuer": claims.issuer,
        "subject": claims.subject,
        "audiences": list(claims.audiences),
        "expiration": None if unlimited else timestamp(claims.expires_at),
        "seconds_left": None if unlimited else round(claims.expires_at - wall),
    }
