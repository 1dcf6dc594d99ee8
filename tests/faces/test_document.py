"""The credentials documents: the superset of the container endpoints, and EC2's own."""

import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.core.model import Credentials
from sidecar.faces.document import Render, container_document, instance_document
from tests.doubles import EPOCH, KEY_CANARY, ROLE_ARN, SESSION_CANARY, credentials

EXACTLY = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)
"""What boto 2 and botocore's IMDS logic parse with strptime, and minio-py, JavaScript and Rust insist on."""


def document(held: Credentials, render: Render = container_document) -> dict[str, Any]:
    parsed = json.loads(render(held))
    assert isinstance(parsed, dict)
    return parsed


def test_ec2s_document_is_this_and_nothing_else_and_the_superset_adds_who_it_is() -> None:
    held = credentials(issued_at=0, life=3600)
    ec2 = {
        "Code": "Success",
        "Type": "AWS-HMAC",
        "LastUpdated": "2027-01-15T08:00:00Z",
        "AccessKeyId": held.access_key_id,
        "AccessKeyID": held.access_key_id,
        "SecretAccessKey": KEY_CANARY,
        "Token": SESSION_CANARY,
        "Expiration": "2027-01-15T09:00:00Z",
    }
    assert document(held, instance_document) == ec2
    assert document(held) == ec2 | {"RoleArn": ROLE_ARN, "AccountId": "111122223333"}


@pytest.mark.parametrize("fraction", [0, 0.001, 0.5, 0.999999])
def test_times_have_no_fraction_and_never_promise_more_than_there_is(fraction: float) -> None:
    held = replace(credentials(), expiration=EPOCH + fraction)
    assert document(held)["Expiration"] == "2027-01-15T08:00:00Z"


@given(st.floats(min_value=0, max_value=4e9), st.floats(min_value=10, max_value=43_200))
def test_every_time_is_utc_to_the_second_with_a_z(expiration: float, life: float) -> None:
    held = document(replace(credentials(), expiration=expiration, issued_at=0, expires_at=life))
    for name in ("Expiration", "LastUpdated"):
        assert EXACTLY.fullmatch(held[name])
    read = datetime.strptime(held["Expiration"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    assert read.timestamp() == int(expiration)


@pytest.mark.parametrize("name", ["AccessKeyId", "SecretAccessKey", "Token", "Expiration"])
def test_the_four_that_clients_insist_on_are_strings_with_something_in_them(name: str) -> None:
    assert isinstance(document(credentials())[name], str)
    assert document(credentials())[name]


def test_no_name_is_code_in_lower_case_which_rust_takes_for_an_error() -> None:
    assert {name: value for name, value in document(credentials()).items() if name.lower() == "code"} == {
        "Code": "Success"
    }


@pytest.mark.parametrize("unknown", ["", "arn:aws:sts", "arn:aws:sts::"])
def test_the_account_is_left_out_when_it_is_not_known(unknown: str) -> None:
    assert "AccountId" not in document(replace(credentials(), assumed_role_arn=unknown))


def test_a_session_token_arrives_as_sts_wrote_it() -> None:
    awkward = 'IQoJb3//+/==\\"\u2028é'
    assert document(replace(credentials(), session_token=awkward))["Token"] == awkward
