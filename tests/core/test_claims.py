"""What a token says of itself: the same as an independent decoder reads, and never an exception."""

import base64
import json
from math import inf
from typing import Any

import jwt
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sidecar.core.claims import NO_CLAIMS, unverified_claims
from tests.doubles import EPOCH, ISSUER, SUBJECT, a_token, unsigned_jwt

SIGNING_KEY = "long enough for an HMAC that nobody checks"

names = st.text(min_size=1, max_size=30)
moments = st.integers(0, 2**37)
payloads = st.fixed_dictionaries(
    {},
    optional={
        "iss": names,
        "sub": names,
        "aud": names | st.lists(names, max_size=3),
        "iat": moments,
        "exp": moments,
        "kubernetes.io": st.fixed_dictionaries(
            {},
            optional={
                "namespace": names,
                "pod": st.fixed_dictionaries({}, optional={"name": names, "uid": names}),
                "serviceaccount": st.fixed_dictionaries({}, optional={"name": names}),
            },
        ),
    },
)


def as_list(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


@given(payloads, names)
def test_reads_what_an_independent_decoder_reads(payload: dict[str, Any], key_id: str) -> None:
    token = jwt.encode(payload, SIGNING_KEY, algorithm="HS256", headers={"kid": key_id})
    judge = jwt.decode_complete(token, options={"verify_signature": False})
    said, kubernetes = judge["payload"], judge["payload"].get("kubernetes.io", {})
    claims = unverified_claims(token)
    assert claims.key_id == judge["header"]["kid"]
    assert claims.issuer == said.get("iss", "")
    assert claims.subject == said.get("sub", "")
    assert list(claims.audiences) == as_list(said.get("aud", []))
    assert claims.issued_at == said.get("iat", -inf)
    assert claims.expires_at == said.get("exp", inf)
    assert claims.namespace == kubernetes.get("namespace", "")
    assert claims.service_account == kubernetes.get("serviceaccount", {}).get("name", "")
    assert claims.pod == kubernetes.get("pod", {}).get("name", "")


def test_reads_a_kubelets_token() -> None:
    claims = a_token().claims
    assert claims.identity == (ISSUER, SUBJECT, ("sts.amazonaws.com",))
    assert (claims.namespace, claims.service_account, claims.pod) == ("shop", "checkout", "checkout-7c5d8-x2x8q")
    assert (claims.issued_at, claims.expires_at, claims.key_id) == (EPOCH, EPOCH + 86_400, "key-1")


# --- garbage -----------------------------------------------------------------------------------------------------


def encoded(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).decode().rstrip("=")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)
CLAIM_NAMES = ["iss", "sub", "aud", "iat", "exp", "kubernetes.io"]


@given(st.text(max_size=200))
@example("")
@example("...")
@example("a" * 20_000)
@example("\ud800.\ud800.x")
def test_any_text_has_claims_if_only_empty_ones(text: str) -> None:
    assert unverified_claims(text).issuer == ""


@given(st.binary(max_size=100), st.binary(max_size=100))
def test_any_bytes_in_a_tokens_form_have_claims(header: bytes, payload: bytes) -> None:
    unverified_claims(f"{encoded(header)}.{encoded(payload)}.signature")


@given(st.dictionaries(st.sampled_from(CLAIM_NAMES), json_values), json_values)
def test_claims_of_any_type_are_taken_or_left(payload: dict[str, Any], anything: object) -> None:
    claims = unverified_claims(unsigned_jwt(payload))
    assert isinstance(claims.issuer, str)
    assert all(isinstance(audience, str) for audience in claims.audiences)
    assert claims.expires_at > -inf
    assert claims.issued_at < inf
    assert unverified_claims(f"{encoded(json.dumps(anything).encode())}.{encoded(b'[]')}.x").identity == ("", "", ())


@pytest.mark.parametrize(
    "number",
    ["NaN", "Infinity", "-Infinity", "1e999", "1" + "0" * 400, "1" * 5000, "true", '"1800000000"', "null", "[]"],
)
def test_a_time_that_is_no_time_is_unknown(number: str) -> None:
    payload = f'{{"exp": {number}, "iat": {number}}}'
    claims = unverified_claims(f"x.{encoded(payload.encode())}.x")
    assert (claims.issued_at, claims.expires_at) == (-inf, inf)


def test_a_part_with_signs_that_no_token_has_is_no_claims() -> None:
    payload = encoded(b'{"iss": "https://issuer"}')
    strays = "!" * 4  # so that the filling at its end stays right
    assert unverified_claims(f"x.{payload[:8]}{strays}{payload[8:]}.x") == NO_CLAIMS


def test_the_last_second_of_the_calendar_is_a_time() -> None:
    assert unverified_claims(unsigned_jwt({"exp": 253_402_300_799})).expires_at == 253_402_300_799


def test_times_may_have_fractions() -> None:
    assert unverified_claims(unsigned_jwt({"exp": 1800000000.5})).expires_at == 1800000000.5


def test_nesting_too_deep_for_the_decoder_is_no_claims() -> None:
    assert unverified_claims(f"x.{encoded(b'[' * 100_000)}.x") == NO_CLAIMS


def test_an_undecodable_header_does_not_cost_the_payload() -> None:
    payload = encoded(b'{"iss": "https://issuer"}')
    assert unverified_claims(f"!!!.{payload}.x").issuer == "https://issuer"


def test_audiences_that_are_not_text_are_left_out() -> None:
    assert unverified_claims(unsigned_jwt({"aud": ["a", 1, None, "b"]})).audiences == ("a", "b")


@pytest.mark.parametrize("exp", [1_795_446_305_000, 1e300, -1, 253_402_300_800])
def test_a_time_that_no_calendar_can_show_is_as_good_as_none(exp: float) -> None:
    assert unverified_claims(unsigned_jwt({"exp": exp})).expires_at == inf
