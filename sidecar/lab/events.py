"""Events of the lab for observers: the terminal, a timeline, a test. No event holds a secret."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class TokenProjected:
    """A token was written. The next is due at `refresh_at`, plus or minus the kubelet's jitter and sync period."""

    namespace: str
    service_account: str
    path: str
    kid: str
    issued_at: float
    expires_at: float
    refresh_at: float


@dataclass(frozen=True, slots=True)
class Answered:
    """STS answered. `code` is empty for a success; `why` is the reason that AWS would not reveal."""

    action: str
    status: int
    code: str
    message: str
    why: str
    role_arn: str
    session_arn: str
    access_key_id: str
    expires_at: float
    request_id: str


@dataclass(frozen=True, slots=True)
class Changed:
    """A fault, a file or a key changed. `what` is a sentence."""

    what: str


LabEvent: TypeAlias = TokenProjected | Answered | Changed
LabObserver: TypeAlias = Callable[[LabEvent], None]


def ignore_events(event: LabEvent) -> None:
    """An observer that does nothing."""
