"""From our errors to HTTP answers: one table, and no error without a row."""

import inspect
import json
import math

import pytest

from sidecar.core import errors
from sidecar.core.errors import ExchangeFailed, MethodRefused, NoCredentials, SidecarError, StsThrottled, TrustRefused
from sidecar.faces.problems import problem
from tests.faces.kit import body

EXPECTED = {"BadTokenLife": 400, "NotAuthorized": 401, "HostRefused": 403, "NoSuchPath": 404, "MethodRefused": 405}
"""All that is final for a client; whatever else goes wrong may pass, and is 503."""
CLASSES = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, SidecarError)]


def an_error(kind: type[SidecarError]) -> SidecarError:
    if issubclass(kind, MethodRefused):
        return kind("What happened.", fix="What to change.", allowed=("GET", "HEAD"))
    if issubclass(kind, NoCredentials):
        return kind(None, cause="What happened.", fix="What to change.", retry_after=2)
    return kind("What happened.", fix="What to change.")


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_every_error_has_a_status_and_says_what_to_change_in_both_spellings(kind: type[SidecarError]) -> None:
    answer = problem(an_error(kind))
    assert answer.status == EXPECTED.get(kind.__name__, 503)
    assert body(answer) == {
        "code": kind.__name__,
        "message": "What happened. What to change.",
        "Code": kind.__name__,
        "Message": "What happened. What to change.",
    }
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Cache-Control"] == "no-store"


def test_no_error_is_429_which_is_final_for_java_and_rust() -> None:
    assert 429 not in {problem(an_error(kind)).status for kind in CLASSES}
    assert problem(StsThrottled("STS throttles.", fix="Wait.", aws_code="Throttling", status=429)).status == 503


def test_no_credentials_bears_the_code_of_its_reason() -> None:
    reason = TrustRefused("The role does not trust shop/checkout.", fix="Add it.", aws_code="AccessDenied", status=403)
    answer = problem(NoCredentials(reason, cause=reason.cause, fix=reason.fix, retry_after=7.2))
    assert (answer.status, answer.headers["Retry-After"]) == (503, "8")
    assert body(answer)["Code"] == body(answer)["code"] == "TrustRefused"
    assert body(answer)["Message"] == "The role does not trust shop/checkout. Add it."


@pytest.mark.parametrize(
    ("seconds", "header"),
    [(-math.inf, "1"), (-3, "1"), (0.2, "1"), (1, "1"), (1.01, "2"), (30, "30"), (61, "60"), (math.inf, "60")],
)
def test_retry_after_is_whole_seconds_from_one_to_sixty(seconds: float, header: str) -> None:
    answer = problem(NoCredentials(None, cause="c", fix="f", retry_after=seconds))
    assert answer.headers["Retry-After"] == header


def test_a_wrong_method_is_told_which_are_right() -> None:
    assert problem(an_error(MethodRefused)).headers["Allow"] == "GET, HEAD"


def test_what_only_awss_people_need_does_not_reach_the_client() -> None:
    failed = ExchangeFailed("c", fix="f", aws_code="SomeCode", status=400, request_id="request-7")
    text = json.dumps(body(problem(failed))) + str(problem(failed).headers)
    assert "SomeCode" not in text
    assert "request-7" not in text
