"""When to refresh: the whole policy, as arithmetic.

Rules for editors. Everything that decides about time lives in this file and nowhere else. Nothing here reads a clock,
draws a random number, sleeps or talks: callers bring the instant (inside the event) and a `jitter` in [0, 1). A role's
phase is computed from its state and `now`, never stored, so it cannot be out of date.

              Issued                 now >= attempt_at               now >= served_until()
    EMPTY ──────────────►  FRESH  ──────────────────────►   DUE  ──────────────────────►  EXPIRED
      ⟲ Failed               ▲                              │ ⟲ Failed                      │ ⟲ Failed
                             └──────────── Issued ──────────┴──────────── Issued ───────────┘

`Failed` moves the next attempt and counts; it never touches credentials that are still valid. `SourceChanged` moves the
next attempt only where it may help. `ClockMoved` ages the credentials until STS has told its time.

No state waits without a clock: `attempt_at` is finite, and after a failure at most a minute away. Whatever went wrong,
STS or the clocks included, ends by itself.
"""

import enum
from dataclasses import dataclass, replace
from math import inf

from sidecar.core.errors import Retry, SidecarError, WorseCredentials
from sidecar.core.model import Credentials, Instant, Seconds, UnixTime

IMMEDIATELY: Instant = -inf
KNOWN_WITHIN: Seconds = 60
"""So long after they were issued credentials may not be known everywhere at AWS."""
SAME_LIFE: Seconds = 15
"""Two sessions that end so close together are equally good: dates in headers have no fractions, and calls take time."""


@dataclass(frozen=True, slots=True)
class RefreshPolicy:
    """The numbers behind the decisions, all in seconds unless they are shares."""

    floor_share: float = 0.5
    """The share of their life that credentials have left when their refresh begins, at the latest. So an outage of half
    a session is never seen; and with sessions of 50 min nobody receives less than 25 min: botocore asks again on every
    use below 15."""
    jitter_share: float = 0.1
    """Refreshes spread over this share of the life, so that pods started together do not ask together."""
    margin: Seconds = 5
    """Credentials are withdrawn this long before they expire: a request signed with them must still arrive."""
    soon_first: Seconds = 0.2
    soon_cap: Seconds = 30
    slowly_first: Seconds = 5
    slowly_cap: Seconds = 60
    """No wait after a failure is longer."""


@dataclass(frozen=True, slots=True)
class RoleState:
    """All that is remembered about one role."""

    credentials: Credentials | None = None
    attempt_at: Instant = IMMEDIATELY
    failures: int = 0
    """Failed attempts since the last success."""
    error: SidecarError | None = None
    """Why the last attempt failed; None once one succeeds."""
    unconfirmed: Seconds = 0
    """So much of the credentials' age only the wall clock tells, and STS has not yet been heard."""
    clock_asks_at: Instant = -inf
    """When the last attempt was or is made that a clock called for."""
    doubted: bool = False
    """A call was refused for these credentials: any other are better."""
    ended: bool = False
    """They are kept fresh no more: another broker may have the role's name by now."""


@dataclass(frozen=True, slots=True)
class Issued:
    """STS answered with credentials."""

    at: Instant
    credentials: Credentials
    took: Seconds


@dataclass(frozen=True, slots=True)
class Failed:
    """An attempt ended without credentials."""

    at: Instant
    error: SidecarError
    took: Seconds | None = None
    """How long STS took to say so; None when it was not asked."""
    sts_time: UnixTime | None = None
    """What STS's clock showed, if it answered and said so."""


@dataclass(frozen=True, slots=True)
class SourceChanged:
    """Credentials would now be made from something new. `same_identity`: and go to whom they were issued last.

    `what`: what is new, in a word.
    """

    at: Instant
    same_identity: bool
    what: str = "token"


@dataclass(frozen=True, slots=True)
class ClockMoved:
    """The wall clock has moved ahead of the steady one: the machine stood still, or somebody set the clock."""

    at: Instant
    by: Seconds


@dataclass(frozen=True, slots=True)
class Doubted:
    """STS refused a call that was made with the credentials: it calls them expired, or does not know them."""

    at: Instant


RefreshEvent = Issued | Failed | SourceChanged | ClockMoved | Doubted


class Phase(enum.Enum):
    """Where a role stands, for people and probes."""

    EMPTY = "empty"
    FRESH = "fresh"
    DUE = "due"
    EXPIRED = "expired"


def step(state: RoleState, event: RefreshEvent, policy: RefreshPolicy, jitter: float) -> RoleState:
    """The state after `event`. `jitter` in [0, 1) is the share of the spread that the policy allows."""
    match event:
        case Issued(at=at, credentials=credentials):
            attempt_at = _refresh_at(at, credentials, policy, jitter)
            return RoleState(credentials, attempt_at, clock_asks_at=state.clock_asks_at)
        case Failed(at=at, error=error, took=took, sts_time=sts_time):
            failures = state.failures + 1
            attempt_at = _retry_at(at, error.retry, failures, policy, jitter)
            confirmed = _confirmed(state, at - (took or 0), sts_time)
            return replace(confirmed, attempt_at=attempt_at, failures=failures, error=error)
        case SourceChanged(same_identity=same_identity):
            healthy = state.credentials is not None and state.error is None
            return state if healthy and same_identity else replace(state, attempt_at=IMMEDIATELY)
        case ClockMoved(at=at, by=by):
            return _aged(state, at, by, policy)
        case Doubted(at=at):
            return _doubted(state, at)


def check_not_worse(state: RoleState, credentials: Credentials, now: Instant, policy: RefreshPolicy) -> None:
    """Raises `WorseCredentials` for a session that ends before the one that is still served."""
    held = usable(state, now, policy)
    if held is None or state.doubted or credentials.expires_at >= held.expires_at - SAME_LIFE:
        return
    earlier = held.expires_at - credentials.expires_at
    raise WorseCredentials(
        f"STS issued credentials that expire {earlier:.0f} s before those that are served: they are not used.",
        fix="Check what answers at the STS endpoint, and whether the session's duration there was shortened. The "
        "sidecar serves the longer-lived credentials and tries again.",
    )


def floor(lifetime: Seconds, policy: RefreshPolicy) -> Seconds:
    """The life that is left in credentials when their refresh begins, at the latest."""
    return lifetime * policy.floor_share


def _refresh_at(at: Instant, credentials: Credentials, policy: RefreshPolicy, jitter: float) -> Instant:
    if at >= served_until(credentials, policy):
        return at + policy.slowly_first  # dead on arrival: to ask again at once would be to ask without end
    spread = jitter * policy.jitter_share * credentials.lifetime
    half_life = credentials.expires_at - floor(credentials.lifetime, policy) - spread
    return min(half_life, _renewed_at(at, credentials, policy, jitter))


def _renewed_at(at: Instant, credentials: Credentials, policy: RefreshPolicy, jitter: float) -> Instant:
    """When the source wants to be asked again, and a little later: a fleet that left must not return as one."""
    wait = max(policy.slowly_first, credentials.renew_at - at)
    return at + wait * (1 + jitter * policy.jitter_share)


def _retry_at(at: Instant, retry: Retry, failures: int, policy: RefreshPolicy, jitter: float) -> Instant:
    match retry:
        case Retry.SOON:
            # Full jitter: anywhere up to the ceiling, so that a fleet that failed together does not return together.
            return at + jitter * _ceiling(policy.soon_first, policy.soon_cap, failures)
        case Retry.NEW_TOKEN | Retry.SLOWLY:
            # A person is reading the log and counting: half of the wait is certain, half is jitter. A refused token
            # is shown again too: the refusal may have been STS's mistake, and the next token is hours away.
            return at + (0.5 + jitter / 2) * _ceiling(policy.slowly_first, policy.slowly_cap, failures)


def _aged(state: RoleState, at: Instant, by: Seconds, policy: RefreshPolicy) -> RoleState:
    """Believe the clock that says later, and ask STS at once; seldom, where a clock moves again and again."""
    asks_at = max(at, state.clock_asks_at + policy.slowly_first)
    if asks_at < state.attempt_at:
        state = replace(state, attempt_at=asks_at, clock_asks_at=asks_at)
    if state.credentials is None:
        return state
    return replace(state, credentials=_postponed(state.credentials, -by), unconfirmed=state.unconfirmed + by)


def _doubted(state: RoleState, at: Instant) -> RoleState:
    """Ask anew, but leave new credentials a minute: IAM takes as long to make them known everywhere."""
    if state.credentials is None or state.error is not None:
        return state
    attempt_at = min(state.attempt_at, max(at, state.credentials.issued_at + KNOWN_WITHIN))
    return replace(state, attempt_at=attempt_at, doubted=True)


def _confirmed(state: RoleState, at: Instant, sts_time: UnixTime | None) -> RoleState:
    """STS's clock decides between the node's two, never beyond them: it may be wrong itself.

    `at`: when STS was asked. Its answer may have been on the way for seconds, and no more than what lives is served.
    """
    credentials = state.credentials
    if credentials is None or sts_time is None or state.unconfirmed == 0:
        return state
    expires_at = at + credentials.expiration - sts_time
    younger = min(max(0, expires_at - credentials.expires_at), state.unconfirmed)
    return replace(state, credentials=_postponed(credentials, younger), unconfirmed=0)


def _postponed(credentials: Credentials, by: Seconds) -> Credentials:
    return replace(credentials, issued_at=credentials.issued_at + by, expires_at=credentials.expires_at + by)


def _ceiling(first: Seconds, cap: Seconds, failures: int) -> Seconds:
    return min(cap, first * 2.0 ** min(failures - 1, 32))


def served_until(credentials: Credentials, policy: RefreshPolicy) -> Instant:
    """The instant from which the credentials may no longer be served."""
    return credentials.expires_at - policy.margin


def usable(state: RoleState, now: Instant, policy: RefreshPolicy) -> Credentials | None:
    """The credentials that may be served now, if any."""
    if state.credentials is None or now >= served_until(state.credentials, policy):
        return None
    return state.credentials


def backing_off(state: RoleState, now: Instant) -> bool:
    """Has an attempt failed, and is the next still to come? Waiting for it would only keep a client hanging."""
    return state.error is not None and now < state.attempt_at


def phase(state: RoleState, now: Instant, policy: RefreshPolicy) -> Phase:
    """Where the role stands at `now`. DUE also covers a refresh that failed and waits for its next attempt."""
    if state.credentials is None:
        return Phase.EMPTY
    if usable(state, now, policy) is None:
        return Phase.EXPIRED
    due = state.error is not None or now >= state.attempt_at
    return Phase.DUE if due else Phase.FRESH
