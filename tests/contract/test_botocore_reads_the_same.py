"""botocore is the judge: the same bytes through both parsers, the same form out of both writers."""

from datetime import datetime
from typing import Any

import pytest
from botocore.parsers import ResponseParserError, create_parser
from botocore.serialize import create_serializer
from botocore.session import get_session
from hypothesis import given
from hypothesis import strategies as st

from sidecar.core.errors import StsUnavailable
from sidecar.sts.answer import Answer, credentials_in, refusal_in
from sidecar.sts.refusal import failure_of
from sidecar.sts.session_fields import policy_fields
from sidecar.sts.wordings import KNOWN_CODES
from tests.doubles import EPOCH, ROLE_ARN, a_token
from tests.recorded import CONTENT_TYPE, REFUSALS, Recorded, form_for, recorded

OPERATION = get_session().get_service_model("sts").operation_model("AssumeRoleWithWebIdentity")


def judged(status: int, body: bytes) -> dict[str, Any]:
    answer = {"status_code": status, "headers": {}, "body": body}
    parsed: dict[str, Any] = create_parser("query").parse(answer, OPERATION.output_shape)
    return parsed


def assert_same_credentials(body: bytes) -> None:
    ours = credentials_in(Answer(200, body, EPOCH), role_arn=ROLE_ARN, duration=3600, asked_at=0, asked_at_wall=EPOCH)
    theirs = judged(200, body)
    expiration = theirs["Credentials"]["Expiration"]
    assert isinstance(expiration, datetime)
    assert ours.access_key_id == theirs["Credentials"]["AccessKeyId"]
    assert ours.secret_access_key == theirs["Credentials"]["SecretAccessKey"]
    assert ours.session_token == theirs["Credentials"]["SessionToken"]
    assert ours.expiration == expiration.timestamp()
    assert ours.assumed_role_arn == theirs["AssumedRoleUser"]["Arn"]


@pytest.mark.parametrize("name", ["issued", "issued_with_more"])
def test_the_same_credentials(name: str) -> None:
    assert_same_credentials(recorded(name))


@pytest.mark.parametrize(
    "expiration", ["2027-01-15T09:00:00Z", "2027-01-15T09:00:00.125Z", "2027-01-15T10:00:00+01:00", "20270115T090000Z"]
)
def test_the_same_instant_in_every_form(expiration: str) -> None:
    assert_same_credentials(recorded("issued").replace(b"2027-01-15T09:00:00Z", expiration.encode()))


@given(st.from_regex(r"[A-Za-z0-9/+=_.-]{16,300}", fullmatch=True))
def test_the_same_session_token_whatever_is_in_it(text: str) -> None:
    assert_same_credentials(recorded("issued").replace(b"canary/in/the/session/token+and==", text.encode()))


@pytest.mark.parametrize("case", REFUSALS, ids=str)
def test_the_same_code_message_and_request_id(case: Recorded) -> None:
    ours, theirs = refusal_in(case.answer), judged(case.status, case.body)
    assert ours is not None
    assert (ours.code, ours.message) == (theirs["Error"]["Code"], theirs["Error"]["Message"])
    assert ours.request_id == theirs["ResponseMetadata"]["RequestId"]
    assert failure_of(case.answer, claims=a_token().claims, role_arn=ROLE_ARN, now=EPOCH).aws_code == ours.code


@pytest.mark.parametrize("body", [b"<html></html>", b"", b"not xml", recorded("issued")[:500]])
def test_neither_finds_credentials_where_there_are_none(body: bytes) -> None:
    with pytest.raises((ResponseParserError, KeyError)):
        judged(200, body)["Credentials"]
    with pytest.raises(StsUnavailable):
        credentials_in(Answer(200, body, EPOCH), role_arn=ROLE_ARN, duration=3600, asked_at=0, asked_at_wall=EPOCH)


def test_every_error_that_the_model_names_is_known_by_name() -> None:
    codes = {shape.metadata.get("error", {}).get("code", shape.name) for shape in OPERATION.error_shapes}
    assert codes - KNOWN_CODES == set()


def test_the_form_that_botocore_would_send() -> None:
    parameters = {
        "RoleArn": ROLE_ARN,
        "RoleSessionName": "shop.checkout-7c5d8-x2x8q",
        "DurationSeconds": 3600,
        "WebIdentityToken": "a.b.c",
    }
    request = create_serializer("query").serialize_to_request(parameters, OPERATION)
    assert {name: str(value) for name, value in request["body"].items()} == form_for("a.b.c")
    assert (request["method"], request["url_path"]) == ("POST", "/")
    assert request["headers"]["Content-Type"].startswith(CONTENT_TYPE)


def test_botocore_would_not_sign_either() -> None:
    assert OPERATION.auth_type == "none"


@given(
    text=st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF), min_size=1, max_size=50),
    arns=st.lists(st.from_regex(r"arn:aws:iam::aws:policy/\w{1,9}", fullmatch=True), max_size=3),
)
def test_a_session_policy_has_the_fields_that_botocore_gives_it(text: str, arns: list[str]) -> None:
    parameters = {
        "RoleArn": ROLE_ARN,
        "RoleSessionName": "s1",
        "WebIdentityToken": "a.b.c",
        "Policy": text,
        "PolicyArns": [{"arn": arn} for arn in arns],
    }
    body = create_serializer("query").serialize_to_request(parameters, OPERATION)["body"]
    theirs = {name: value for name, value in body.items() if name.startswith("Policy") and value}
    assert policy_fields(text, arns) == theirs
