"""What counts as credentials from a container endpoint; whoever answers in its place makes us serve nothing else."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.core.errors import EndpointUnavailable
from sidecar.core.model import Credentials, UnixTime
from sidecar.sources.container_answer import credentials_in, refusal_in
from sidecar.sources.container_refusal import AskedEndpoint
from sidecar.sts.answer import Answer
from tests.doubles import EPOCH, KEY_CANARY, SESSION_CANARY
from tests.sources.agent_answers import ACCOUNT, AGENT, document, of_eks

HOUR = 3600
ROLE_ARN = f"arn:aws:iam::{ACCOUNT}:role/shop/checkout"


def taken(body: bytes, date: UnixTime | None = EPOCH, wall: UnixTime = EPOCH) -> Credentials:
    answer = Answer(200, body, date, "id")
    return credentials_in(answer, AskedEndpoint(AGENT).answerer, asked_at=100, asked_at_wall=wall)


def test_what_the_agent_answers_is_taken_whole() -> None:
    found = taken(document())
    assert (found.access_key_id, found.secret_access_key, found.session_token) == (
        "ASIAMADEUPMADEUPMADE",
        KEY_CANARY,
        SESSION_CANARY,
    )
    assert (found.role_arn, found.assumed_role_arn, found.account_id) == ("", "", ACCOUNT)
    assert (found.issued_at, found.expires_at, found.expiration) == (100, 100 + 6 * HOUR, EPOCH + 6 * HOUR)


def test_the_role_that_ecs_names_is_kept_and_its_account() -> None:
    found = taken(document(RoleArn=ROLE_ARN, AccountId=None))
    assert (found.role_arn, found.account_id) == (ROLE_ARN, ACCOUNT)


@pytest.mark.parametrize("other", ["nonsense", "arn:aws:iam::1:user/x", ROLE_ARN + "\x1b[31m", 7, None, ["a"], ""])
def test_what_is_no_roles_arn_is_not_shown(other: object) -> None:
    assert taken(document(RoleArn=other)).role_arn == ""


@pytest.mark.parametrize("other", ["12345", "abcdefghijkl", 111122223333, f"{ACCOUNT} ", f"{ACCOUNT}\n"])
def test_what_is_no_account_is_not_told(other: object) -> None:
    assert taken(document(AccountId=other)).account_id == ""


@pytest.mark.parametrize(
    "written", ["2027-01-15T14:00:00Z", "2027-01-15T14:00:00.123456789Z", "2027-01-15T15:00:00+01:00"]
)
def test_every_way_in_which_rfc_3339_writes_the_expiration_is_read(written: str) -> None:
    assert taken(document(Expiration=written)).expiration == pytest.approx(EPOCH + 6 * HOUR, abs=1)


@pytest.mark.parametrize("wrong_by", [-7200, 7200])
def test_life_is_measured_on_the_endpoints_clock(wrong_by: float) -> None:
    assert taken(document(), wall=EPOCH + wrong_by).lifetime == 6 * HOUR


def test_without_a_date_the_nodes_clock_has_to_do() -> None:
    assert taken(document(), date=None, wall=EPOCH + HOUR).lifetime == 5 * HOUR


TAMPERED = {
    "nothing": b"",
    "no JSON": b"<html>",
    "a list": b"[]",
    "a string": b'"AccessKeyId"',
    "depth": b"[" * 50_000,
    "another encoding": document().decode().encode("utf-16"),
    "two key ids": document().replace(b"{", b'{"AccessKeyId": "ASIAOTHEROTHEROTHERO",', 1),
    "two expirations": document().replace(b"{", b'{"Expiration": "2027-01-15T14:00:00Z",', 1),
    "no key id": document(AccessKeyId=None),
    "no secret": document(SecretAccessKey=None),
    "no token": document(Token=None),
    "no expiration": document(Expiration=None),
    "empty keys of a failed refresh": document(AccessKeyId="", SecretAccessKey="", Token=""),
    "a number for a key id": document(AccessKeyId=1),
    "an object for a token": document(Token={"a": 1}),
    "a failure in a good answer": document(Code="Failed"),
    "a second profile": document(SecretAccessKey=f"{KEY_CANARY}\n[default]\ncredential_process = touch /tmp/owned"),
    "an escape sequence": document(Token=f"{SESSION_CANARY}\x1b[31m"),
    "letters of another script": document(AccessKeyId="ΑSIAMADEUPMADEUPMADE"),
    "a surrogate": document().replace(b'"Token": "', b'"Token": "\\ud800'),
    "a lot": document(Token="A" * 20_000),
    "an expired answer": document(Expiration="2026-01-15T14:00:00Z"),
    "credentials that are as good as dead": document(Expiration="2027-01-15T08:00:09Z"),
    "an expiration in 2099": document(Expiration="2099-01-01T00:00:00Z"),
    "an expiration beyond what a date holds": document(Expiration="9999-12-31T23:59:59-23:59"),
    "an expiration before the year 1": document(Expiration="0001-01-01T00:00:00+23:59"),
    "an expiration in another script": document(Expiration="२०२७-01-15T09:00:00Z"),
    "an expiration that is a number": document(Expiration=1_800_021_600),
    "a day for an expiration": document(Expiration="2027-01-15"),
}


@pytest.mark.parametrize("body", TAMPERED.values(), ids=TAMPERED.keys())
def test_a_tampered_answer_never_becomes_credentials(body: bytes) -> None:
    with pytest.raises(EndpointUnavailable) as caught:
        taken(body)
    assert "owned" not in str(caught.value)
    assert "canary" not in str(caught.value)


@given(
    st.binary(max_size=300)
    | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(json.dumps).map(str.encode)
)
def test_whatever_answers_there_is_a_named_failure_or_credentials(body: bytes) -> None:
    refusal_in(Answer(500, body))
    with pytest.raises(EndpointUnavailable):
        taken(body)


def test_the_agents_own_form_of_a_refusal_is_taken_apart() -> None:
    refusal = refusal_in(Answer(404, of_eks("ResourceNotFoundException", "No association found")))
    assert (refusal.code, refusal.request_id) == ("ResourceNotFoundException", "0a1b2c3d-0000-1111-2222-333344445555")
    assert refusal.message.startswith("No association found")


@pytest.mark.parametrize("names", [("code", "message"), ("Code", "Message")])
def test_a_refusal_in_json_is_read_in_both_spellings(names: tuple[str, str]) -> None:
    code, message = names
    refusal = refusal_in(Answer(503, json.dumps({code: "Uninitialized", message: "Wait."}).encode()))
    assert (refusal.code, refusal.message) == ("Uninitialized", "Wait.")


def test_a_code_is_repeated_only_as_harmless_text() -> None:
    assert refusal_in(Answer(500, b'{"code": "a\\u001b[31m b"}')).code == "a?31m?b".replace("?31m", "??31m")


def test_no_secret_is_in_a_repr() -> None:
    assert "canary" not in repr(taken(document()))
