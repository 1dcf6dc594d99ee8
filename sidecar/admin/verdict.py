"""The answer to "are this pod's credentials healthy?", from a board's snapshot. Pure."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


class State(enum.Enum):
    """In five words, for people and scripts."""

    HEALTHY = "healthy"
    STARTING = "starting"
    WARNING = "warning"
    """Applications are served, and will not be for ever unless somebody looks."""
    DOWN = "down"
    """Applications get errors."""
    STOPPING = "stopping"


@dataclass(frozen=True, slots=True)
class Verdict:
    """`headline` and `explanation` hold no numbers: they are read aloud whenever they change."""

    state: State
    headline: str
    explanation: str


HEALTHY = Verdict(State.HEALTHY, "Healthy", "Credentials are valid, and the last refresh succeeded.")
STARTING = Verdict(State.STARTING, "Starting", "The first exchange with STS is under way.")
STOPPING = Verdict(State.STOPPING, "Stopping", "The sidecar was told to end. It answers until its grace is over.")
FAILING = Verdict(
    State.WARNING, "Refresh fails", "Applications are still served, but only until the credentials expire."
)
TOKEN_EXPIRED = Verdict(
    State.WARNING,
    "Token expired",
    "Applications are still served, but the token file was not renewed: the next refresh will fail. "
    "Check the kubelet, this node's clock, and that the volume is not mounted with subPath.",
)
STUCK_SERVING = Verdict(
    State.WARNING, "Stuck", "The refresh loop has stopped. Restart this container before the credentials expire."
)
STUCK = Verdict(
    State.DOWN, "Stuck", "There are no valid credentials, and the refresh loop has stopped. Restart this container."
)
EXPIRED = Verdict(
    State.DOWN, "Expired", "The credentials have expired: applications get errors until a refresh succeeds."
)
NONE_YET = Verdict(State.DOWN, "No credentials", "No exchange has succeeded yet: applications get errors.")


def verdict(snapshot: Mapping[str, Any], *, alive: bool) -> Verdict:
    """What to say first. `snapshot`: a board's; `alive`: does its refresh loop come round?"""
    served = snapshot["seconds_left"] is not None
    if not alive:
        return STUCK_SERVING if served else STUCK
    if snapshot["phase"] == "stopping":
        return STOPPING
    return _serving(snapshot) if served else _not_serving(snapshot)


def _serving(snapshot: Mapping[str, Any]) -> Verdict:
    if snapshot["last_error"] is not None:
        return FAILING
    token = snapshot["token"]
    overdue = token is not None and token["seconds_left"] is not None and token["seconds_left"] <= 0
    return TOKEN_EXPIRED if overdue else HEALTHY


def _not_serving(snapshot: Mapping[str, Any]) -> Verdict:
    if snapshot["phase"] == "expired":
        return EXPIRED
    return STARTING if snapshot["last_error"] is None else NONE_YET
