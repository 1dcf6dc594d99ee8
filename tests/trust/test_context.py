"""What IAM sees of a request: its condition keys, the caller's names, and the actions that a token needs."""

from typing import Any

import pytest

from sidecar import trust
from tests.trust.test_evaluate import ARN, token

TAGS = "https://aws.amazon.com/tags"
SOURCE_IDENTITY = "https://aws.amazon.com/source_identity"
CALL, TAG, NAME = "sts:AssumeRoleWithWebIdentity", "sts:TagSession", "sts:SetSourceIdentity"


@pytest.mark.parametrize(
    ("claims", "actions"),
    [
        ({}, (CALL,)),
        ({TAGS: {"principal_tags": {"team": ["pay"]}}}, (CALL, TAG)),
        ({TAGS: {"transitive_tag_keys": ["team"]}}, (CALL, TAG)),
        ({f"{TAGS}/principal_tags/team": "pay"}, (CALL, TAG)),
        ({TAGS: "nonsense"}, (CALL,)),
        ({SOURCE_IDENTITY: "ada", TAGS: {"principal_tags": {"team": ["pay"]}}}, (CALL, TAG, NAME)),
    ],
)
def test_tags_and_a_source_identity_each_need_an_action_of_their_own(
    claims: dict[str, Any], actions: tuple[str, ...]
) -> None:
    assert trust.required_actions(token(**claims)) == actions


@pytest.mark.parametrize(
    "claims",
    [
        {TAGS: {"principal_tags": {"team": ["pay"]}, "transitive_tag_keys": ["team"]}},
        {f"{TAGS}/principal_tags/team": "pay", f"{TAGS}/transitive_tag_keys": ["team"]},
    ],
)
def test_session_tags_become_keys_nested_or_flat(claims: dict[str, Any]) -> None:
    keys = trust.web_identity(token(**claims), ARN).keys
    assert keys["aws:requesttag/team"] == ("pay",)
    assert keys["aws:tagkeys"] == keys["sts:transitivetagkeys"] == ("team",)


def test_keys_that_somebody_saw_are_the_requests_too() -> None:
    assert trust.web_identity(token(), ARN, more={"aws:SourceVpce": "vpce-1"}).keys["aws:sourcevpce"] == ("vpce-1",)


def test_an_issuer_that_aws_has_built_in_is_meant_by_its_own_name_too() -> None:
    google = trust.web_identity(token(iss="https://accounts.google.com"), ARN)
    assert google.principals == (ARN, "accounts.google.com")
    assert trust.web_identity(token(), ARN).principals == (ARN,)
