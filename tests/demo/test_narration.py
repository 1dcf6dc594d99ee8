"""What the demo prints of the parts' lines and events, and how it counts."""

import pytest

from sidecar.demo import narration
from sidecar.demo.progress import Counts

ISSUED = {"event": "credentials issued", "access_key_id": "ASIAQNZGABCD", "expires_in": 60, "next_attempt_in": 25}


@pytest.mark.parametrize(
    ("line", "fields"),
    [
        ('{"event": "listening", "n": 1}', {"event": "listening", "n": 1}),
        ('{"n": 1}', None),
        ("[]", None),
        ("Traceback (most recent call last):", None),
    ],
)
def test_a_log_line_is_told_from_any_other(line: str, fields: dict[str, object] | None) -> None:
    assert narration.log_fields(line) == fields


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        (ISSUED, "has new credentials: key ASIAQNZGABCD, valid for 60 s, next refresh in 25 s"),
        ({"event": "token rotated", "next_attempt": "at once"}, "read the new token, and uses it at once"),
        (
            {"event": "token rotated", "next_attempt": "as planned"},
            "read the new token; its credentials are still valid, so it does not call STS",
        ),
        (
            {"event": "refresh failed", "cause": "No STS.", "credentials_valid_for": 9, "phase": "due"},
            "refresh failed: No STS. It serves its credentials for another 9 s.",
        ),
        (
            {"event": "refresh failed", "cause": "No STS.", "credentials_valid_for": 4, "phase": "expired"},
            "refresh failed: No STS. It has nothing to serve.",
        ),
        (
            ISSUED | {"role": "reports"},
            "for reports it has new credentials: key ASIAQNZGABCD, valid for 60 s, next refresh in 25 s",
        ),
        ({"event": "starting"}, None),
        ({"event": "starting", "role": "reports"}, None),
    ],
)
def test_the_sidecars_events_are_sentences(fields: dict[str, object], told: str | None) -> None:
    assert narration.of_sidecar(fields) == told


def test_a_failed_call_stands_out() -> None:
    assert narration.of_application({"error": "NoCredentialsError: none"}) == "FAILED: NoCredentialsError: none"


def test_columns_stand_below_each_other_and_hold_what_tells_roles_apart() -> None:
    call = {
        "who": "arn:aws:sts::444455556666:assumed-role/partner/x",
        "access_key_id": "ASIAQNZGABCD",
        "seconds_left": 9,
    }
    brief = narration.of_application_briefly(call)
    assert brief == "444455556666 partner, key …ABCD, 9 s left"
    assert narration.side_by_side(["a", "b"]).index("|") == narration.side_by_side([brief, "b"]).index("|")
    assert narration.of_application_briefly({"error": "none"}) == "FAILED: none"


def test_one_of_a_kind_is_counted_in_the_singular() -> None:
    assert str(Counts(1, 2, 1, 0, 0, frozenset({"A"}))) == (
        "1 token rotation, 1 refresh, 1 application call, 0 failed, 1 access key"
    )
    assert str(Counts(2, 3, 5, 1, 0, frozenset("AB"))) == (
        "2 token rotations, 2 refreshes, 5 application calls, 1 failed, 2 access keys"
    )
