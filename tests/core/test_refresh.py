"""When to refresh: the instants themselves, then what holds for all of them. No loop, no clock."""

import random
from collections import Counter
from math import nextafter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.core.errors import IssuerUnreachable, Retry, SidecarError, StsUnreachable, TokenRefused, TrustRefused
from sidecar.core.model import Credentials, Instant, Seconds
from sidecar.core.refresh import (
    IMMEDIATELY,
    ClockMoved,
    Failed,
    Issued,
    Phase,
    RefreshEvent,
    RefreshPolicy,
    RoleState,
    SourceChanged,
    backing_off,
    floor,
    phase,
    served_until,
    step,
    usable,
)
from tests.doubles import EPOCH, credentials

POLICY = RefreshPolicy()
ALMOST_ONE = nextafter(1, 0)

SOON = StsUnreachable("No connection.", fix="Check the network.")
NEW_TOKEN = TokenRefused("The token has expired.", fix="Wait.")
SLOWLY = TrustRefused("The role does not trust.", fix="Change the policy.")


def issued(at: Instant = 0, life: Seconds = 3600, jitter: float = 0) -> RoleState:
    return step(RoleState(), Issued(at, credentials(issued_at=at, life=life), 0.1), POLICY, jitter)


def failed(state: RoleState, error: SidecarError, at: Instant = 0, jitter: float = 0, times: int = 1) -> RoleState:
    for _ in range(times):
        state = step(state, Failed(at, error), POLICY, jitter)
    return state


def held(state: RoleState) -> Credentials:
    assert state.credentials is not None
    return state.credentials


# --- the instants ----------------------------------------------------------------------------------------------


def test_a_new_role_is_empty_and_asks_at_once() -> None:
    state = RoleState()
    assert state.attempt_at == IMMEDIATELY
    assert phase(state, 0, POLICY) is Phase.EMPTY
    assert usable(state, 0, POLICY) is None
    assert not backing_off(state, 0)


@pytest.mark.parametrize(
    ("life", "jitter", "after"),
    [
        (3600, 0, 1800),  # half of the life left
        (3600, 0.5, 1620),
        (900, 0, 450),
        (900, 0.5, 405),
        (3000, 0, 1500),
        (21_600, 0, 10_800),
        (43_200, 0, 21_600),
        (43_200, 0.5, 19_440),
    ],
)
def test_a_refresh_begins_at_half_the_life_less_some_jitter(life: Seconds, jitter: float, after: Seconds) -> None:
    assert issued(at=1000, life=life, jitter=jitter).attempt_at == 1000 + after


def test_the_jitter_ends_a_tenth_of_the_life_earlier() -> None:
    assert issued(jitter=ALMOST_ONE).attempt_at == pytest.approx(1800 - 360)


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (1799.999, Phase.FRESH),
        (1800, Phase.DUE),
        (3594.999, Phase.DUE),
        (3595, Phase.EXPIRED),
        (3600, Phase.EXPIRED),
    ],
)
def test_phases_change_at_their_exact_instants(now: Instant, expected: Phase) -> None:
    assert phase(issued(), now, POLICY) is expected


def test_credentials_are_withdrawn_five_seconds_before_they_expire() -> None:
    state = issued()
    assert usable(state, nextafter(3595, 0), POLICY) is state.credentials
    assert usable(state, 3595, POLICY) is None
    assert served_until(held(state), POLICY) == 3595


def test_a_failed_refresh_is_due_even_while_it_waits() -> None:
    state = failed(issued(), SLOWLY, at=1800)
    assert phase(state, 1801, POLICY) is Phase.DUE
    assert backing_off(state, 1801)


SOON_CEILINGS = [0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30, 30]
SLOW_CEILINGS = [5, 10, 20, 40, 60, 60, 60]


@pytest.mark.parametrize(("failures", "ceiling"), list(enumerate(SOON_CEILINGS, start=1)))
def test_what_time_may_heal_is_tried_anywhere_up_to_a_doubling_ceiling(failures: int, ceiling: Seconds) -> None:
    assert failed(RoleState(), SOON, at=100, jitter=0, times=failures).attempt_at == 100
    assert failed(RoleState(), SOON, at=100, jitter=0.5, times=failures).attempt_at == 100 + ceiling / 2


@pytest.mark.parametrize(("failures", "ceiling"), list(enumerate(SLOW_CEILINGS, start=1)))
@pytest.mark.parametrize("error", [SLOWLY, NEW_TOKEN])
def test_what_a_person_or_a_new_token_must_heal_is_tried_between_half_and_all_of_a_ceiling(
    error: SidecarError, failures: int, ceiling: Seconds
) -> None:
    assert failed(RoleState(), error, at=100, jitter=0, times=failures).attempt_at == 100 + ceiling / 2
    assert failed(RoleState(), error, at=100, jitter=0.5, times=failures).attempt_at == 100 + ceiling * 0.75


def test_a_failure_for_the_ten_thousandth_time_is_like_the_tenth() -> None:
    assert failed(RoleState(), SOON, jitter=0.5, times=10_000).attempt_at == 15


def test_backing_off_ends_at_the_instant_of_the_attempt() -> None:
    state = failed(RoleState(), SLOWLY, at=100)
    assert backing_off(state, nextafter(102.5, 0))
    assert not backing_off(state, 102.5)


def test_success_forgets_the_failures() -> None:
    state = step(failed(RoleState(), SOON, times=5), Issued(10, credentials(issued_at=10), 0.1), POLICY, 0)
    assert (state.failures, state.error, state.attempt_at) == (0, None, 1810)


def test_the_failures_and_the_last_reason_are_remembered() -> None:
    state = failed(failed(RoleState(), SOON, times=2), SLOWLY)
    assert (state.failures, state.error) == (3, SLOWLY)


def test_a_rotation_under_the_same_identity_changes_nothing_when_healthy() -> None:
    state = issued()
    assert step(state, SourceChanged(50, same_identity=True), POLICY, 0) is state


def test_a_rotation_to_another_identity_asks_at_once_and_keeps_what_it_has() -> None:
    state = step(issued(), SourceChanged(50, same_identity=False), POLICY, 0)
    assert state.attempt_at == IMMEDIATELY
    assert usable(state, 50, POLICY) is not None


@pytest.mark.parametrize("error", [SOON, NEW_TOKEN, SLOWLY])
@pytest.mark.parametrize("same", [True, False])
def test_a_rotation_ends_every_wait_after_a_failure(error: SidecarError, same: bool) -> None:
    failing = failed(issued(), error, at=1800, times=3)
    state = step(failing, SourceChanged(1801, same_identity=same), POLICY, 0)
    assert state.attempt_at == IMMEDIATELY
    assert (state.failures, state.error, state.credentials) == (3, error, failing.credentials)


def test_a_rotation_wakes_a_role_that_never_had_credentials() -> None:
    assert (
        step(failed(RoleState(), NEW_TOKEN), SourceChanged(1, same_identity=False), POLICY, 0).attempt_at == IMMEDIATELY
    )


# --- clocks that do not agree ------------------------------------------------------------------------------------


def moved(state: RoleState, by: Seconds, at: Instant = 100) -> RoleState:
    return step(state, ClockMoved(at, by), POLICY, 0)


def told(state: RoleState, sts_time: Seconds, at: Instant = 101) -> RoleState:
    """After a refusal by an STS whose clock shows `sts_time` on the steady clock's scale."""
    return step(state, Failed(at, SLOWLY, 0, EPOCH + sts_time), POLICY, 0)


def test_the_clock_that_says_later_is_believed_and_sts_is_asked_at_once() -> None:
    state = moved(issued(), 3000)
    assert state.attempt_at == 100
    assert held(state).expires_at == 600
    assert (held(state).lifetime, held(state).expiration) == (3600, held(issued()).expiration)
    assert usable(moved(issued(), 3500), 100, POLICY) is None


def test_until_sts_is_heard_the_clock_that_says_later_is_believed() -> None:
    state = failed(moved(issued(), 3500), SOON, at=101)
    assert usable(state, 101, POLICY) is None
    assert state.unconfirmed == 3500


@pytest.mark.parametrize(
    ("sts_time", "expires_at"),
    [
        (101, 3600),  # the wall clock was wrong
        (3101, 600),  # the machine was paused for all of the time
        (1101, 2600),  # for some of it
        (9101, 600),  # STS's clock may be wrong itself
        (-9101, 3600),
    ],
)
def test_stss_clock_decides_between_the_two_and_never_beyond_them(sts_time: Seconds, expires_at: Instant) -> None:
    state = told(moved(issued(), 3000), sts_time)
    assert held(state).expires_at == expires_at
    assert state.unconfirmed == 0


def test_an_sts_with_a_wrong_clock_changes_no_life_while_the_nodes_two_clocks_agree() -> None:
    assert held(told(issued(), 9000)).expires_at == 3600
    assert held(told(told(moved(issued(), 3000), 101), 9000)).expires_at == 3600


def test_a_refusal_that_was_long_on_its_way_confirms_the_life_from_when_it_was_asked_for() -> None:
    state = step(moved(issued(), 1000), Failed(111, SLOWLY, 10, EPOCH + 1101), POLICY, 0)
    assert held(state).expires_at == 2600


def test_pauses_add_up() -> None:
    state = moved(moved(issued(), 1000), 1000, at=200)
    assert held(state).expires_at == 1600
    assert held(told(state, 201, at=201)).expires_at == 3600


def test_credentials_that_are_issued_confirm_themselves() -> None:
    state = step(moved(issued(), 3000), Issued(101, credentials(issued_at=101), 0.1), POLICY, 0)
    assert (state.unconfirmed, state.attempt_at) == (0, 1901)


def test_a_clock_that_moves_again_and_again_asks_seldom() -> None:
    state = issued()
    asked = 0
    for second in range(100, 200):
        state = moved(state, 120, at=second)
        if state.attempt_at <= second:
            asked += 1
            state = step(state, Issued(second, credentials(issued_at=second), 0.1), POLICY, 0)
    assert asked <= 100 / POLICY.slowly_first


def test_a_clock_that_moves_before_anything_was_issued_asks_at_once() -> None:
    state = moved(failed(RoleState(), SLOWLY, at=99, times=9), 3000)
    assert (state.attempt_at, state.credentials) == (100, None)


@pytest.mark.parametrize("life", [-3600, 0, 5])
def test_credentials_that_are_dead_on_arrival_are_not_asked_for_without_end(life: Seconds) -> None:
    state = issued(at=100, life=life)
    assert usable(state, 100, POLICY) is None
    assert state.attempt_at == 105


# --- what holds for all of them ----------------------------------------------------------------------------------

jitters = st.floats(0, 1, exclude_max=True)
lives = st.floats(10, 43_200)
instants = st.floats(0, 10 * 86_400)
errors = st.sampled_from([SOON, NEW_TOKEN, SLOWLY, IssuerUnreachable("No keys.", fix="Publish them.")])


def events_at(at: Instant) -> st.SearchStrategy[RefreshEvent]:
    return st.one_of(
        lives.map(lambda life: Issued(at, credentials(issued_at=at, life=life), 0.1)),
        errors.map(lambda error: Failed(at, error)),
        st.booleans().map(lambda same: SourceChanged(at, same_identity=same)),
        st.floats(60, 86_400).map(lambda by: ClockMoved(at, by)),
    )


@st.composite
def histories(draw: st.DrawFn) -> list[tuple[RefreshEvent, float]]:
    """Events in the order of time, each with its jitter."""
    moments = sorted(draw(st.lists(instants, max_size=12)))
    return [(draw(events_at(at)), draw(jitters)) for at in moments]


def lived_through(history: list[tuple[RefreshEvent, float]]) -> RoleState:
    state = RoleState()
    for event, jitter in history:
        state = step(state, event, POLICY, jitter)
    return state


@given(histories(), instants)
def test_nothing_expired_is_ever_served(history: list[tuple[RefreshEvent, float]], now: Instant) -> None:
    served = usable(lived_through(history), now, POLICY)
    assert served is None or now < served.expires_at - POLICY.margin


@given(histories(), instants)
def test_what_was_issued_last_is_served_until_it_expires_by_the_clock_that_says_later(
    history: list[tuple[RefreshEvent, float]], now: Instant
) -> None:
    last, paused = None, 0.0
    for event, _ in history:
        if isinstance(event, Issued):
            last, paused = event.credentials, 0.0
        if isinstance(event, ClockMoved):
            paused += event.by
    served = usable(lived_through(history), now, POLICY)
    if last is not None and now < last.expires_at - paused - POLICY.margin:
        assert served is not None
        assert served.access_key_id == last.access_key_id
    else:
        assert served is None


@given(histories(), errors, instants, jitters)
def test_a_failure_never_costs_credentials(
    history: list[tuple[RefreshEvent, float]], error: SidecarError, at: Instant, jitter: float
) -> None:
    before = lived_through(history)
    after = step(before, Failed(at, error), POLICY, jitter)
    assert after.credentials is before.credentials
    assert usable(after, at, POLICY) is usable(before, at, POLICY)


@given(instants, lives, jitters)
def test_a_refresh_lies_between_issue_and_withdrawal_and_leaves_the_floor(
    at: Instant, life: Seconds, jitter: float
) -> None:
    state = issued(at, life, jitter)
    assert at < state.attempt_at <= served_until(held(state), POLICY)
    # What a client can still be handed just before; half a microsecond is what floats lose in eleven days.
    assert held(state).expires_at - state.attempt_at >= floor(life, POLICY) - 5e-7


@given(st.integers(1, 10_000), instants, jitters)
def test_backoff_stays_within_its_bounds(failures: int, at: Instant, jitter: float) -> None:
    failing = RoleState(failures=failures - 1, error=SOON)
    assert at <= step(failing, Failed(at, SOON), POLICY, jitter).attempt_at <= at + POLICY.soon_cap
    for error in (SLOWLY, NEW_TOKEN):
        slow = step(failing, Failed(at, error), POLICY, jitter).attempt_at
        assert at + POLICY.slowly_first / 2 <= slow <= at + POLICY.slowly_cap


@given(histories(), errors, jitters)
def test_no_failure_waits_for_more_than_a_minute(
    history: list[tuple[RefreshEvent, float]], error: SidecarError, jitter: float
) -> None:
    at = 11 * 86_400
    assert at <= step(lived_through(history), Failed(at, error), POLICY, jitter).attempt_at <= at + 60


@given(histories(), instants, jitters)
def test_a_rotation_either_changes_nothing_or_asks_at_once(
    history: list[tuple[RefreshEvent, float]], at: Instant, jitter: float
) -> None:
    before = lived_through(history)
    after = step(before, SourceChanged(at, same_identity=True), POLICY, jitter)
    assert after is before if before.credentials and not before.error else after.attempt_at == IMMEDIATELY


@given(histories(), instants)
def test_the_phase_agrees_with_what_can_be_served(history: list[tuple[RefreshEvent, float]], now: Instant) -> None:
    state = lived_through(history)
    served = usable(state, now, POLICY) is not None
    assert served == (phase(state, now, POLICY) in {Phase.FRESH, Phase.DUE})


def test_every_error_that_an_exchange_can_end_in_has_a_retry_class_of_the_three() -> None:
    assert {error.retry for error in (SOON, NEW_TOKEN, SLOWLY)} == set(Retry)


# --- a fleet -----------------------------------------------------------------------------------------------------


def first_refresh_of(hostname: str) -> Instant:
    """The jitter of production: `random.Random(hostname).random`."""
    return issued(jitter=random.Random(hostname).random()).attempt_at


def test_a_thousand_pods_spread_evenly_over_the_jitter_window() -> None:
    refreshes = [first_refresh_of(f"checkout-7c5d8bf9-{number:05x}") for number in range(1000)]
    tenths = Counter(int((refresh - 1440) // 36) for refresh in refreshes)
    assert sorted(tenths) == list(range(10))
    assert all(70 <= pods <= 130 for pods in tenths.values())


def test_one_pod_is_stable_across_restarts_and_machines() -> None:
    assert first_refresh_of("checkout-7c5d8bf9-x2x8q") == pytest.approx(1800 - 360 * 0.32393041164295044)
