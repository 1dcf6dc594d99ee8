"""The answer to "are this pod's credentials healthy?", from a role's snapshot. Pure."""

import enum
from collections.abc import Iterable
from dataclasses import dataclass

from sidecar.core.refresh import Phase
from sidecar.observe.snapshot import RoleSnapshot


class HealthState(enum.Enum):
    """In five words, for people and scripts."""

    HEALTHY = "healthy"
    STARTING = "starting"
    WARNING = "warning"
    """Applications are served, and will not be for ever unless somebody looks."""
    DOWN = "down"
    """Applications get errors."""
    STOPPING = "stopping"


@dataclass(frozen=True, slots=True)
class Health:
    """`headline` and `explanation` hold no numbers: they are read aloud whenever they change."""

    state: HealthState
    headline: str
    explanation: str


HEALTHY = Health(HealthState.HEALTHY, "Healthy", "Credentials are valid, and the last refresh succeeded.")
STARTING = Health(HealthState.STARTING, "Starting", "The first exchange with STS is in progress.")
STOPPING = Health(
    HealthState.STOPPING, "Stopping", "The sidecar is shutting down. It answers until its grace period ends."
)
FAILING = Health(
    HealthState.WARNING, "Refresh fails", "Applications are still served, but only until the credentials expire."
)
TOKEN_EXPIRED = Health(
    HealthState.WARNING,
    "Token expired",
    "Applications are still served, but the token file has not been replaced: the next refresh will fail. "
    "Check the kubelet, this node's clock, and that the volume is not mounted with subPath.",
)
REFUSING = Health(
    HealthState.WARNING,
    "Requests refused",
    "The credentials are good, but some requests for them were refused in the last ten minutes.",
)
STUCK_SERVING = Health(
    HealthState.WARNING, "Stuck", "The refresh loop has stopped. Restart this container before the credentials expire."
)
STUCK = Health(
    HealthState.DOWN,
    "Stuck",
    "There are no valid credentials, and the refresh loop has stopped. Restart this container.",
)
CREDENTIALS_EXPIRED = Health(
    HealthState.DOWN, "Expired", "The credentials have expired: applications get errors until a refresh succeeds."
)
NO_CREDENTIALS = Health(HealthState.DOWN, "No credentials", "No exchange has succeeded yet: applications get errors.")


SEVERITY = (HealthState.DOWN, HealthState.WARNING, HealthState.STARTING, HealthState.STOPPING, HealthState.HEALTHY)
"""The worst first."""


def worst_first(roles: Iterable[RoleSnapshot]) -> tuple[RoleSnapshot, ...]:
    """By state; of those that stand alike, what is required comes first."""
    return tuple(sorted(roles, key=lambda role: (SEVERITY.index(health(role).state), not role.required)))


def health(role: RoleSnapshot) -> Health:
    """What to say first."""
    if not role.alive:
        return STUCK if role.session is None else STUCK_SERVING
    if role.stopping:
        return STOPPING
    return _not_serving(role) if role.session is None else _serving(role)


def _serving(role: RoleSnapshot) -> Health:
    if role.last_error is not None:
        return FAILING
    left = None if role.token is None else role.token.seconds_left
    if left is not None and left <= 0:
        return TOKEN_EXPIRED
    return REFUSING if role.refusals else HEALTHY


def _not_serving(role: RoleSnapshot) -> Health:
    if role.phase is Phase.EXPIRED:
        return CREDENTIALS_EXPIRED
    return STARTING if role.last_error is None else NO_CREDENTIALS
