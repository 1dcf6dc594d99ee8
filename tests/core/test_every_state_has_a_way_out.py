"""From every state that a role can reach, credentials follow soon once STS is healthy: a search of a million steps.

Breadth first, from a role that is new. Each state is left by every event that can come next: an attempt that ends well
or badly, a new token, a clock that moves; at once, a little later, or at the last moment. States that differ by less
than their grain are one.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from sidecar.core.errors import SidecarError, StsUnreachable, TokenRefused, TrustRefused
from sidecar.core.model import Credentials, Instant, Seconds
from sidecar.core.refresh import (
    ClockMoved,
    Doubted,
    Failed,
    Issued,
    RefreshEvent,
    RefreshPolicy,
    RoleState,
    SourceChanged,
    backing_off,
    served_until,
    step,
    usable,
)
from tests.doubles import EPOCH, credentials
from tests.scale import cases

STEPS = cases(1_000_000, 100_000)
POLICY = RefreshPolicy()
ERRORS: tuple[SidecarError, ...] = (
    StsUnreachable("No connection.", fix="Check the network."),
    TokenRefused("The token has expired.", fix="Wait."),
    TrustRefused("The role does not trust.", fix="Change the policy."),
)
LIVES = (-60.0, 3.0, 30.0, 900.0, 3600.0, 43_200.0)
JITTERS = (0.0, 0.999)
MOVES = (61.0, 3000.0, 50_000.0)
GRAIN: Seconds = 5
WITHOUT: Seconds = 60
"""The longest wait while nothing is held."""
FAILING: Seconds = 600
"""And after a failure, while something is."""


@dataclass(frozen=True, slots=True)
class Place:
    """A state at a moment."""

    state: RoleState
    now: Instant

    def key(self) -> tuple[object, ...]:
        """The same for places that a person would not tell apart."""
        state, held = self.state, self.state.credentials
        return (
            None if held is None else (held.lifetime, (held.expires_at - self.now) // GRAIN),
            state.unconfirmed // GRAIN,
            max(-1.0, state.attempt_at - self.now) // GRAIN,
            max(-6.0, state.clock_asks_at - self.now) // GRAIN,
            min(state.failures, 6),
            state.error,
        )

    def attempted_at(self) -> Instant:
        return max(self.now, self.state.attempt_at)

    def is_left_by(self) -> Iterator[RefreshEvent]:
        attempt = self.attempted_at() + 0.5
        held = self.state.credentials
        for life in LIVES:
            yield Issued(attempt, _issued(attempt, life), 0.5)
        for error in ERRORS:
            yield Failed(attempt, error, 0.5)
        if held is not None and self.state.unconfirmed:
            for sts_time in (EPOCH + attempt, held.expiration - 1, held.expiration + 1e6):
                yield Failed(attempt, ERRORS[2], 0.5, sts_time)
        for at in {self.now, (self.now + attempt) / 2}:
            yield SourceChanged(at, same_identity=True)
            yield SourceChanged(at, same_identity=False)
            yield Doubted(at)
            for by in MOVES:
                yield ClockMoved(at, by)

    def has_a_way_out(self) -> None:
        """The next attempt comes in time, and where STS is healthy it ends in credentials."""
        attempt = self.attempted_at()
        wait, held = attempt - self.now, usable(self.state, self.now, POLICY)
        if held is None:
            assert wait <= WITHOUT
        elif backing_off(self.state, self.now):
            assert wait <= FAILING
        else:
            assert attempt <= max(self.now, served_until(held, POLICY) - held.lifetime * POLICY.floor_share / 2)
        healthy = step(self.state, Issued(attempt, _issued(attempt, 3600), 0), POLICY, 0)
        assert usable(healthy, attempt, POLICY) is not None
        assert attempt + 1790 < healthy.attempt_at < attempt + 1800


def _issued(at: Instant, life: Seconds) -> Credentials:
    return credentials(issued_at=at - 0.5, life=life)


def test_from_every_state_credentials_follow_once_sts_is_healthy() -> None:
    first = Place(RoleState(), 0)
    seen, waiting, steps = {first.key()}, deque([first]), 0
    while waiting and steps < STEPS:
        place = waiting.popleft()
        place.has_a_way_out()
        for event in place.is_left_by():
            for jitter in JITTERS:
                steps += 1
                found = Place(step(place.state, event, POLICY, jitter), event.at)
                key = found.key()
                if key not in seen:
                    seen.add(key)
                    waiting.append(found)
    for place in waiting:
        place.has_a_way_out()
    assert steps >= STEPS
    assert len(seen) > STEPS / 50
