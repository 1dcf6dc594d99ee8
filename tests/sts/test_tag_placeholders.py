"""Session tags that are filled from the token: nothing else is replaced, and nothing is left empty."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.core.claims import NO_CLAIMS
from sidecar.core.errors import ClaimMissing, Retry
from sidecar.sts.tag_placeholders import filled, unknown_placeholders
from tests.doubles import a_token

CLAIMS = a_token().claims
PLAIN = st.text(st.characters(exclude_characters="{}"))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("{namespace}", "shop"),
        ("{service_account}", "checkout"),
        ("{pod}", "checkout-7c5d8-x2x8q"),
        ("{namespace}/{service_account}", "shop/checkout"),
        ("team-a", "team-a"),
        ("", ""),
    ],
)
def test_a_placeholder_is_replaced_by_the_claim(value: str, expected: str) -> None:
    assert filled(value, "team", CLAIMS) == expected


@given(PLAIN, PLAIN)
def test_all_around_a_placeholder_stays_as_it_is(before: str, after: str) -> None:
    assert filled(f"{before}{{namespace}}{after}", "team", CLAIMS) == f"{before}shop{after}"
    assert not list(unknown_placeholders(f"{before}{{pod}}{after}"))


@given(PLAIN)
def test_without_a_brace_there_is_nothing_to_fill_in(value: str) -> None:
    assert filled(value, "team", NO_CLAIMS) == value
    assert not list(unknown_placeholders(value))


def test_what_a_claim_holds_is_not_read_for_placeholders() -> None:
    assert filled("{namespace}", "team", replace(CLAIMS, namespace="{pod}")) == "{pod}"


@pytest.mark.parametrize(("value", "odd"), [("{team}", ["{team}"]), ("a{pod}{Pod}", ["{Pod}"]), ("{}", ["{}"])])
def test_an_unknown_placeholder_is_found_before_sts_is_asked(value: str, odd: list[str]) -> None:
    assert list(unknown_placeholders(value)) == odd


def test_a_claim_that_is_missing_is_named_and_no_empty_tag_is_sent() -> None:
    with pytest.raises(ClaimMissing, match="tag team needs the token's namespace") as caught:
        filled("{namespace}", "team", NO_CLAIMS)
    assert caught.value.retry is Retry.NEW_TOKEN
