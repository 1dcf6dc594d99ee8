"""Which region's STS is asked next when the home region's is down: the whole policy, as arithmetic.

Nothing here reads a clock or talks: callers bring the instant, and what a call came to. Regions are numbers here:
`HOME`, then the fallback regions in the operator's order.

A session is as good from one region as from another: IAM is the same in all of a partition. So a refusal of STS's is
no reason to go elsewhere, and home is gone back to only because it is the shorter and the cheaper way.
"""

import enum
from dataclasses import dataclass, replace

from sidecar.core.errors import ExchangeFailed, Retry, StsUnavailable, StsUnreachable
from sidecar.core.model import Instant, Seconds
from sidecar.sts.aws_wordings import REGION_DISABLED

HOME = 0
DOWN_AFTER = 2
"""So many calls in a row without an answer, or with a server error, and a region is down."""
FAILING_FOR: Seconds = 30
"""So long without an answer of any use, throttling included, and home is left too."""
HOME_AGAIN_AFTER: Seconds = 300
"""So long home is left alone once it is down."""


class CallOutcome(enum.Enum):
    """What one call says of the region that was asked."""

    ANSWERED = "answered"
    """It works: it issued credentials, or refused them for a reason that another region would find too."""
    BUSY = "busy"
    """It is there, and not now of use: throttling, or it cannot fetch the issuer's keys."""
    DOWN = "down"
    """No answer, or a server error."""
    CLOSED = "closed"
    """The account has not activated STS there."""


@dataclass(frozen=True, slots=True)
class FailoverState:
    """All that is remembered. `regions`: how many there are, home included."""

    regions: int
    region: int = HOME
    """Where calls go now."""
    failures: int = 0
    """Calls in a row that showed home to be down."""
    failing_since: Instant | None = None
    """When home's first call in a row ended that was of no use."""
    home_asked_at: Instant = 0


def next_region(state: FailoverState, now: Instant) -> int:
    """Whom to ask `now`."""
    if now >= home_again_at(state):
        return HOME
    if state.region == HOME and _failing_for(state, now) >= FAILING_FOR:
        return 1 % state.regions
    return state.region


def home_again_at(state: FailoverState) -> Instant:
    """When home is asked again, wherever calls go."""
    return state.home_asked_at + HOME_AGAIN_AFTER


def is_trial(state: FailoverState, asked: int) -> bool:
    """Was home asked only to see whether it is back?"""
    return asked == HOME and state.region != HOME


def after(state: FailoverState, asked: int, outcome: CallOutcome, asked_at: Instant, at: Instant) -> FailoverState:
    """The state after a call to `asked` that began at `asked_at` and came to `outcome` at `at`."""
    if asked == HOME:
        state = replace(state, home_asked_at=asked_at)
        if outcome in {CallOutcome.ANSWERED, CallOutcome.CLOSED}:
            return _calls_go_to(state, HOME)
        return state if is_trial(state, asked) else _home_failed(state, outcome, at)
    if outcome in {CallOutcome.DOWN, CallOutcome.CLOSED}:
        return _fallback_failed(state, asked, at)
    return _calls_go_to(state, asked)


def _home_failed(state: FailoverState, outcome: CallOutcome, at: Instant) -> FailoverState:
    failures = state.failures + 1 if outcome is CallOutcome.DOWN else 0
    if failures >= DOWN_AFTER:
        return _calls_go_to(state, 1 % state.regions)
    since = at if state.failing_since is None else state.failing_since
    return replace(state, failures=failures, failing_since=since)


def _fallback_failed(state: FailoverState, asked: int, at: Instant) -> FailoverState:
    """On to the next, and after the last to home, which was down: there one more failure is enough."""
    following = (asked + 1) % state.regions
    moved = _calls_go_to(state, following)
    return replace(moved, failures=DOWN_AFTER - 1, failing_since=at) if following == HOME else moved


def _calls_go_to(state: FailoverState, region: int) -> FailoverState:
    return replace(state, region=region, failures=0, failing_since=None)


def _failing_for(state: FailoverState, now: Instant) -> Seconds:
    return 0 if state.failing_since is None else now - state.failing_since


def outcome_of(error: ExchangeFailed) -> CallOutcome:
    """What a failed call says of the region. Refusals that a person must mend are answers."""
    if error.aws_code in REGION_DISABLED.aws_codes:
        return CallOutcome.CLOSED
    if error.retry is not Retry.SOON:
        return CallOutcome.ANSWERED
    if isinstance(error, StsUnreachable | StsUnavailable) and not _is_client_error(error.status):
        return CallOutcome.DOWN
    return CallOutcome.BUSY


def _is_client_error(status: int | None) -> bool:
    return status is not None and 400 <= status < 500  # noqa: PLR2004 (RFC 9110, section 15.5)
