"""How a sidecar stands at one moment, as typed values: what probes and the status page show. No secret is in them.

Ages, times left and times ahead are in seconds from that moment, to be rounded where they are shown.
"""

import enum
import math
from dataclasses import dataclass
from pathlib import Path

from sidecar.core.claims import Claims
from sidecar.core.errors import ExchangeFailed, Retry, SidecarError
from sidecar.core.model import Credentials, Instant, Seconds, Token, UnixTime
from sidecar.core.refresh import Phase
from sidecar.http.messages import Refusal
from sidecar.observe.sdk_family import Sdk
from sidecar.settings.given import EffectiveSetting


class NextAttempt(enum.Enum):
    """What the next attempt waits for."""

    PLANNED = "planned"
    UNDER_WAY = "under way"


@dataclass(frozen=True, slots=True)
class SessionSnapshot:
    """The session that applications are given."""

    assumed_role_arn: str
    expiration: UnixTime
    lifetime: Seconds
    seconds_left: Seconds
    account_id: str = ""
    """Empty where nobody told it."""

    @classmethod
    def of(cls, credentials: Credentials, now: Instant) -> "SessionSnapshot":
        left = credentials.expires_at - now
        ends, life = credentials.expiration, credentials.lifetime
        return cls(credentials.assumed_role_arn, ends, life, left, credentials.account_id)

    @property
    def issued_at(self) -> UnixTime:
        return self.expiration - self.lifetime


@dataclass(frozen=True, slots=True)
class ExpiredSession:
    """The last session, when it can be served no more. `age`: since its end."""

    expiration: UnixTime
    age: Seconds


@dataclass(frozen=True, slots=True)
class ErrorSnapshot:
    """A failure: what happened and what to change. `aws_code`, `request_id`: None where STS was not asked."""

    code: str
    cause: str
    fix: str
    retry: Retry
    aws_code: str | None = None
    request_id: str | None = None

    @classmethod
    def of(cls, error: SidecarError) -> "ErrorSnapshot":
        known = (error.code, error.cause, error.fix, error.retry)
        return cls(*known, error.aws_code, error.request_id) if isinstance(error, ExchangeFailed) else cls(*known)


@dataclass(frozen=True, slots=True)
class TokenSnapshot:
    """What the projected token says of itself. Times are None where it does not say."""

    claims: Claims
    seconds_left: Seconds | None
    """On the node's clock."""

    @classmethod
    def of(cls, token: Token, wall: UnixTime) -> "TokenSnapshot":
        left = token.claims.expires_at - wall
        return cls(token.claims, None if math.isinf(left) else left)

    @property
    def expires_at(self) -> UnixTime | None:
        return None if math.isinf(self.claims.expires_at) else self.claims.expires_at

    @property
    def issued_at(self) -> UnixTime | None:
        return None if math.isinf(self.claims.issued_at) else self.claims.issued_at


@dataclass(frozen=True, slots=True)
class RefusalSnapshot:
    """A mistake of clients that was refused lately; `sdk` and `age`: of the last time."""

    protocol: str
    status: int
    refusal: Refusal
    sdk: Sdk
    times: int
    age: Seconds


@dataclass(frozen=True, slots=True)
class RoleSnapshot:
    """One role. `alive`: does its refresh loop come round? `stopping`: is the sidecar shutting down?

    `required`: does the sidecar's readiness wait for it?
    """

    name: str
    required: bool
    role_arn: str
    """Empty where only the credentials tell, and there are none yet."""
    alive: bool
    stopping: bool
    phase: Phase
    session: SessionSnapshot | None
    expired: ExpiredSession | None
    next_attempt_in: Seconds
    """Not above zero while an attempt is due or under way."""
    failures: int
    last_error: ErrorSnapshot | None
    token: TokenSnapshot | None
    refusals: tuple[RefusalSnapshot, ...]

    @property
    def ready(self) -> bool:
        """Can an application be served at this moment, and will it be for a while?"""
        return self.session is not None and not self.stopping

    @property
    def next_attempt(self) -> NextAttempt:
        return NextAttempt.UNDER_WAY if self.next_attempt_in <= 0 else NextAttempt.PLANNED


@dataclass(frozen=True, slots=True)
class Readiness:
    """`ready`: do all required roles hold credentials? `role`: the one to look at first; `roles`: all, worst first."""

    ready: bool
    role: RoleSnapshot
    roles: tuple[RoleSnapshot, ...]


@dataclass(frozen=True, slots=True)
class RefreshSnapshot:
    """One attempt. `took`: how long STS took, None when it was not asked; `code`: ours for a failure, else empty."""

    age: Seconds
    took: Seconds | None
    code: str
    request_id: str


@dataclass(frozen=True, slots=True)
class FailureSnapshot:
    """The last failure, which may be over."""

    age: Seconds
    error: ErrorSnapshot


@dataclass(frozen=True, slots=True)
class HistorySnapshot:
    """What happened lately, oldest first. `rotated_age`: None before the first rotation."""

    refreshes: tuple[RefreshSnapshot, ...]
    last_success: RefreshSnapshot | None
    last_failure: FailureSnapshot | None
    rotations: int
    rotated_age: Seconds | None


@dataclass(frozen=True, slots=True)
class ClientSnapshot:
    """One SDK's use of one protocol; `age`: of its last request."""

    protocol: str
    sdk: Sdk
    served: int
    refused: int
    requests: int
    age: Seconds


@dataclass(frozen=True, slots=True)
class FaceSnapshot:
    """One way to the credentials; no address where it is off."""

    name: str
    addresses: tuple[str, ...]
    clients: tuple[ClientSnapshot, ...]


@dataclass(frozen=True, slots=True)
class ConfigFileSnapshot:
    """The file that roles are read from, as the last reload found it."""

    path: Path
    problem: str = ""
    """Why nothing of it has taken effect; empty where all of it has, but for what needs a restart."""
    needs_restart: tuple[str, ...] = ()
    """Roles whose own addresses are others now: listeners are opened at the start alone."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All that the status page shows."""

    version: str
    taken_at: UnixTime
    role: RoleSnapshot
    """The one that is shown in full."""
    roles: tuple[RoleSnapshot, ...]
    """All that are at work, the worst first."""
    history: HistorySnapshot
    faces: tuple[FaceSnapshot, ...]
    sts_endpoint: str
    """Empty where no STS is asked."""
    sts_by_proxy: bool
    container_endpoint: str
    """Whence the credentials come; empty unless that is such an endpoint."""
    token_file: Path | None
    """None where no token is traded."""
    credentials_file: Path | None
    settings: tuple[EffectiveSetting, ...]
    config_file: ConfigFileSnapshot | None = None
    """None where variables alone describe the roles."""
