"""Which region is asked next: the instants and the turns, then what holds for every history. No loop, no clock."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.core.errors import (
    ExchangeFailed,
    IssuerUnreachable,
    RequestRefused,
    StsThrottled,
    StsUnavailable,
    StsUnreachable,
    TokenRefused,
    TrustRefused,
)
from sidecar.core.model import Instant
from sidecar.sts.failover import HOME, CallOutcome, FailoverState, after, next_region, outcome_of

ANSWERED, BUSY, DOWN, CLOSED = CallOutcome.ANSWERED, CallOutcome.BUSY, CallOutcome.DOWN, CallOutcome.CLOSED


def asked(state: FailoverState, at: Instant, *outcomes: CallOutcome) -> FailoverState:
    """`state` after calls at the same instant to whoever's turn it was."""
    for outcome in outcomes:
        state = after(state, next_region(state, at), outcome, at, at)
    return state


THREE = FailoverState(regions=3)


def test_home_is_asked_first_and_while_it_answers() -> None:
    assert next_region(THREE, 0) == HOME
    assert next_region(asked(THREE, 0, ANSWERED, ANSWERED), 1000) == HOME


def test_one_failure_is_no_reason_to_leave() -> None:
    assert next_region(asked(THREE, 0, DOWN), 29.9) == HOME


def test_two_failures_are() -> None:
    assert next_region(asked(THREE, 0, DOWN, DOWN), 0) == 1


def test_failures_with_an_answer_between_them_are_not_two() -> None:
    assert next_region(asked(THREE, 0, DOWN, ANSWERED, DOWN), 0) == HOME


@pytest.mark.parametrize("first", [DOWN, BUSY])
def test_half_a_minute_without_anything_of_use_is_a_reason_too(first: CallOutcome) -> None:
    state = asked(THREE, 0, first)
    assert next_region(state, 29.9) == HOME
    assert next_region(state, 30) == 1


def test_throttling_alone_is_waited_out_for_half_a_minute() -> None:
    assert next_region(asked(THREE, 0, *[BUSY] * 50), 29) == HOME


def test_home_is_asked_again_after_five_minutes_and_taken_back() -> None:
    away = asked(asked(THREE, 10, DOWN, DOWN), 10, ANSWERED)
    assert next_region(away, 309.9) == 1
    assert next_region(away, 310) == HOME
    assert next_region(asked(away, 310, ANSWERED), 311) == HOME


def test_a_home_that_is_still_down_is_left_alone_for_another_five_minutes() -> None:
    away = asked(asked(THREE, 0, DOWN, DOWN, ANSWERED), 300, DOWN)
    assert next_region(away, 300) == 1
    assert next_region(away, 599) == 1
    assert next_region(away, 600) == HOME


def test_a_home_that_refuses_has_answered() -> None:
    away = asked(THREE, 0, DOWN, DOWN)
    assert next_region(asked(away, 300, ANSWERED), 301) == HOME


@pytest.mark.parametrize("outcome", [DOWN, CLOSED])
def test_a_fallback_that_is_down_or_closed_too_is_followed_by_the_next(outcome: CallOutcome) -> None:
    assert next_region(asked(THREE, 0, DOWN, DOWN, outcome), 0) == 2


def test_after_the_last_comes_home_again_which_has_one_more_try() -> None:
    everywhere = asked(THREE, 0, DOWN, DOWN, DOWN, DOWN)
    assert next_region(everywhere, 0) == HOME
    assert next_region(asked(everywhere, 0, DOWN), 0) == 1


def test_a_throttled_fallback_is_kept() -> None:
    assert next_region(asked(THREE, 0, DOWN, DOWN, BUSY, BUSY), 0) == 1


REFUSED = "The role does not trust."


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (StsUnreachable("No connection.", fix=""), DOWN),
        (StsUnavailable("Internal error.", fix="", status=500, aws_code="InternalFailure"), DOWN),
        (StsUnavailable("503.", fix="", status=503), DOWN),
        (StsUnavailable("Not an answer.", fix="", status=200), DOWN),
        (StsUnavailable("A page of a proxy's.", fix="", status=403), BUSY),
        (StsThrottled("Rate.", fix="", status=400, aws_code="Throttling"), BUSY),
        (IssuerUnreachable("No keys.", fix="", status=400), BUSY),
        (TokenRefused("Expired.", fix="", status=400), ANSWERED),
        (TrustRefused(REFUSED, fix="", status=403, aws_code="AccessDenied"), ANSWERED),
        (RequestRefused("Duration.", fix="", status=400, aws_code="ValidationError"), ANSWERED),
        (RequestRefused("Not activated.", fix="", status=403, aws_code="RegionDisabledException"), CLOSED),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else value.value,
)
def test_what_a_failure_says_of_the_region(error: ExchangeFailed, outcome: CallOutcome) -> None:
    assert outcome_of(error) is outcome


def test_an_account_without_sts_at_home_must_be_mended_not_evaded() -> None:
    assert next_region(asked(THREE, 0, CLOSED, CLOSED, CLOSED), 60) == HOME


# --- whatever happens ------------------------------------------------------------------------------------------

HISTORIES = st.lists(st.tuples(st.sampled_from(CallOutcome), st.floats(0, 400)), max_size=60)


@given(st.integers(1, 5), HISTORIES)
def test_refusals_alone_never_move_a_call(regions: int, history: list[tuple[CallOutcome, float]]) -> None:
    state, now = FailoverState(regions), 0.0
    for _, wait in history:
        now += wait
        assert next_region(state, now) == HOME
        state = asked(state, now, ANSWERED)


@given(st.integers(2, 5), HISTORIES)
def test_home_is_never_left_alone_for_longer_than_five_minutes(
    regions: int, history: list[tuple[CallOutcome, float]]
) -> None:
    state, now, home_asked_at = FailoverState(regions), 0.0, 0.0
    for outcome, wait in history:
        now += wait
        region = next_region(state, now)
        assert region in range(regions)
        if region == HOME:
            home_asked_at = now
        assert now - home_asked_at < 300
        state = after(state, region, outcome, now, now)


@given(st.integers(2, 5), HISTORIES)
def test_with_home_down_every_region_that_works_is_found_in_one_round(
    regions: int, history: list[tuple[CallOutcome, float]]
) -> None:
    state, now = FailoverState(regions), 0.0
    for outcome, wait in history:
        now += wait
        state = asked(state, now, outcome)
    works = regions - 1
    for _ in range(regions + 2):
        region = next_region(state, now)
        if region == works:
            return
        state = after(state, region, DOWN, now, now)
    raise AssertionError(state)


@given(HISTORIES)
def test_with_one_region_there_is_nowhere_to_go(history: list[tuple[CallOutcome, float]]) -> None:
    state, now = FailoverState(1), 0.0
    for outcome, wait in history:
        now += wait
        state = asked(state, now, outcome)
        assert next_region(state, now) == HOME
