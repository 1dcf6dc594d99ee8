"""The past as people are shown it: bounded, and without a secret."""

from dataclasses import replace

from sidecar.core.errors import StsUnreachable, TokenUnreadable
from sidecar.observe.history import KEPT, Failure, Refresh
from sidecar.observe.history import History as Past
from tests.conftest import Canary
from tests.doubles import credentials
from tests.observe.kit import History

DOWN = StsUnreachable("STS is not reachable.", fix="Check the network.")
NO_FILE = TokenUnreadable("There is no token file.", fix="Mount one.")


def test_before_the_first_event_there_is_nothing_to_tell() -> None:
    past = Past()
    assert (list(past.refreshes), past.last_success, past.last_failure) == ([], None, None)
    assert (past.rotations, past.rotated_at) == (0, None)


def test_each_refresh_is_kept_with_its_outcome_and_how_long_sts_took() -> None:
    past = Past()
    events = History(past)
    events.issued(1, replace(credentials(), request_id="request-7"), took=0.1)
    events.failed(2, DOWN, took=10)
    events.failed(3, NO_FILE, took=None)
    assert list(past.refreshes) == [
        Refresh(1, 0.1, request_id="request-7"),
        Refresh(2, 10, code="StsUnreachable"),
        Refresh(3, None, code="TokenUnreadable"),
    ]


def test_a_success_ends_a_failure_and_hides_neither() -> None:
    past = Past()
    events = History(past)
    events.failed(1, DOWN)
    events.issued(2, credentials(), took=0.1)
    assert (past.last_failure, past.last_success) == (Failure(1, DOWN), Refresh(2, 0.1))


def test_rotations_are_counted_and_the_last_is_dated() -> None:
    past = Past()
    events = History(past)
    events.rotated(10)
    events.rotated(20, same_identity=False)
    assert (past.rotations, past.rotated_at, len(past.refreshes)) == (2, 20, 0)


def test_an_outage_of_days_costs_no_more_memory_than_one_of_minutes() -> None:
    past = Past()
    events = History(past)
    for second in range(10 * KEPT):
        events.failed(second, DOWN)
    assert [refresh.at for refresh in past.refreshes] == list(range(9 * KEPT, 10 * KEPT))


def test_it_remembers_no_secret(canary: Canary) -> None:
    past = Past()
    History(past).issued(1, credentials())
    canary.saw(vars(past), *past.refreshes, past.last_success)
    held = credentials()
    assert held.access_key_id[-12:] not in repr(vars(past))
