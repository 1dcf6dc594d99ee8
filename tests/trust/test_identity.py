"""What a role's own policies allow it, statement by statement."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar import trust
from sidecar.trust import MalformedPolicy
from sidecar.trust.evaluate import Decision

BASE = "arn:aws:iam::111122223333:role/base"
SESSION = "arn:aws:sts::111122223333:assumed-role/base/pod"
TARGET = "arn:aws:iam::444455556666:role/team/partner"


def statement(**changes: Any) -> dict[str, Any]:
    found = {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": TARGET} | changes
    return {name: value for name, value in found.items() if value is not None}


def document(*statements: dict[str, Any], version: str = "2012-10-17") -> str:
    return json.dumps({"Version": version, "Statement": list(statements)})


def judged(*policies: str, **request: Any) -> trust.IdentityEvaluation:
    asked = trust.role_session(BASE, SESSION, **request)
    return trust.evaluate_identity([trust.parse_identity(each) for each in policies], asked, TARGET)


@pytest.mark.parametrize(
    "resource",
    [
        TARGET,
        "*",
        "arn:aws:iam::444455556666:role/*",
        "arn:aws:iam::*:role/team/partner",
        "arn:aws:iam::44445555666?:role/team/part*",
        ["arn:aws:iam::444455556666:role/other", TARGET],
    ],
)
def test_a_resource_that_covers_the_role_allows(resource: Any) -> None:
    assert judged(document(statement(Resource=resource))).allowed


@pytest.mark.parametrize(
    "resource",
    [
        "arn:aws:iam::444455556666:role/partner",
        "arn:aws:iam::444455556666:role/team",
        "arn:aws:iam:*:role/team/partner",
        "arn:aws-cn:iam::444455556666:role/team/partner",
        TARGET.upper(),
        "",
    ],
)
def test_a_resource_that_does_not_cover_it_does_not(resource: str) -> None:
    found = judged(document(statement(Resource=resource)))
    assert found.decision is Decision.IMPLICIT_DENY
    assert found.reason == f"Statement 0 does not apply: its resource is {resource}, not {TARGET}."


@pytest.mark.parametrize("action", ["sts:AssumeRole", "STS:assumerole", "sts:*", "*", ["s3:*", "sts:Assume*"]])
def test_actions_may_have_stars_and_any_case(action: Any) -> None:
    assert judged(document(statement(Action=action))).allowed


def test_without_a_statement_about_the_action_that_is_said() -> None:
    assert judged(document(statement(Action="s3:*"))).reason == "No statement allows sts:AssumeRole."
    assert judged().reason == "No statement allows sts:AssumeRole."


def test_a_deny_in_any_policy_wins() -> None:
    found = judged(document(statement()), document(statement(Sid="Never", Effect="Deny", Resource="*")))
    assert found.denied
    assert found.reason == "Statement 0 (Never) denies it."


def test_all_but_some_resources_and_actions_can_be_meant() -> None:
    assert judged(document(statement(Resource=None, NotResource="arn:aws:iam::1:role/x"))).allowed
    assert not judged(document(statement(Resource=None, NotResource=TARGET))).allowed
    assert not judged(document(statement(Action=None, NotAction="sts:*"))).allowed


def test_a_condition_must_hold_and_is_named_if_it_does_not() -> None:
    policy = document(statement(Condition={"StringEquals": {"sts:ExternalId": "42"}}))
    assert judged(policy, external_id="42").allowed
    assert "sts:ExternalId expects '42', the request has no value" in judged(policy).reason


def test_a_resource_may_name_the_caller_by_a_variable() -> None:
    tags = trust.SessionTags({"team": "team"})
    policy = statement(Resource="arn:aws:iam::444455556666:role/${aws:PrincipalTag/team}/*")
    assert judged(document(policy), inherited=tags).allowed
    assert not judged(document(policy)).allowed
    assert not judged(document(policy, version="2008-10-17"), inherited=tags).allowed


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"Principal": {"AWS": "*"}}, "'Principal' is not an element of a policy here"),
        ({"Resource": None}, "Resource is missing from statement 0"),
        ({"NotResource": "*"}, "has both of Resource and NotResource"),
        ({"Effect": "allow"}, "Effect is 'allow'"),
        ({"Resource": []}, "Resource has an empty list"),
        ({"Condition": {"StringEqual": {"a:b": "c"}}}, "is not a condition operator"),
    ],
)
def test_what_iam_would_not_store_is_refused_by_name(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(MalformedPolicy, match=words):
        trust.parse_identity(document(statement(**changes)))


PARTS = st.sampled_from([TARGET, "*", "arn:aws:iam::444455556666:role/x", "arn:aws:iam::*:role/team/*"])
ACTIONS = st.sampled_from(["sts:AssumeRole", "sts:*", "sts:TagSession", "*", "s3:Get*"])
STATEMENTS = st.builds(
    lambda effect, action, resource: statement(Effect=effect, Action=action, Resource=resource),
    st.sampled_from(["Allow", "Deny"]),
    ACTIONS,
    PARTS,
)


@given(st.lists(STATEMENTS, min_size=1, max_size=5), STATEMENTS)
def test_more_denies_never_allow_and_more_allows_never_deny(before: list[dict[str, Any]], more: dict[str, Any]) -> None:
    first, then = judged(document(*before)), judged(document(*before, more))
    if more["Effect"] == "Deny":
        assert not then.allowed or first.allowed
    else:
        assert then.allowed or not first.allowed


@given(st.lists(STATEMENTS, min_size=1, max_size=5))
def test_the_order_of_statements_and_their_spread_over_policies_change_nothing(found: list[dict[str, Any]]) -> None:
    together = judged(document(*found)).decision
    assert judged(document(*reversed(found))).decision is together
    assert judged(*(document(each) for each in found)).decision is together
