"""A chain, offline: each mistake that people make in one link is named, on the right side, with what to write."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.core.arns import RoleArn
from sidecar.core.claims import NO_CLAIMS
from sidecar.core.findings import Level
from sidecar.core.session_request import ChainedSessionRequest
from sidecar.explain import Explanation, Verdict
from sidecar.explain.account_roles import AccountRole, account_roles
from sidecar.explain.chain import ChainLink, ChainSession, explain_link
from sidecar.explain.policy_text import NotAPolicy
from sidecar.trust import SessionTags
from tests.doubles import a_token

BASE = "arn:aws:iam::111122223333:role/shop/base"
TARGET = "arn:aws:iam::444455556666:role/team/partner"
AT_HOME = "arn:aws:iam::111122223333:role/other"
ALL = ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]


def document(statement: Any) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statement})


def trusting(principal: Any = None, action: Any = ALL, **more: Any) -> str:
    return document({"Effect": "Allow", "Principal": principal or {"AWS": BASE}, "Action": action} | more)


def allowing(resource: Any = TARGET, action: Any = ALL, **more: Any) -> str:
    return document({"Effect": "Allow", "Action": action, "Resource": resource} | more)


def explained(
    trust_policy: str | None = None,
    *policies: str,
    target: str = TARGET,
    caller: ChainSession | None = None,
    base_is_seen: bool = True,
    unseen: tuple[str, ...] = (),
    **asked: Any,
) -> Explanation:
    base = AccountRole(BASE, "{}", tuple((f"p{n}", text) for n, text in enumerate(policies)), unseen)
    link = ChainLink(
        caller or ChainSession(RoleArn.parse(BASE), "shop.checkout"),
        base if base_is_seen else None,
        RoleArn.parse(target),
        AccountRole(target, trust_policy, None) if trust_policy else None,
        ChainedSessionRequest(**asked),
        a_token().claims,
    )
    return explain_link(link)


def codes(told: Explanation) -> list[str]:
    return [found.code for found in told.findings if found.level is not Level.INFO]


TAGS: dict[str, Any] = {"tags": (("team", "a"),)}
MISTAKES: list[tuple[str, Explanation, str, str]] = [
    ("the base role has no policy", explained(trusting()), "base-assume-role-missing", f'"Resource": "{TARGET}"'),
    (
        "the base role's policy leaves the path out",
        explained(trusting(), allowing(TARGET.replace("/team", ""))),
        *("base-resource-differs", f'Write "Resource": "{TARGET}"'),
    ),
    (
        "the base role's policy has a Deny",
        explained(trusting(), allowing(), document({"Effect": "Deny", "Action": "*", "Resource": "*"})),
        *("explicit-deny", "Narrow that Deny"),
    ),
    (
        "the base role's policy has a condition",
        explained(trusting(), allowing(Condition={"StringEquals": {"aws:PrincipalTag/team": "a"}})),
        *("base-condition-fails", "Attach to"),
    ),
    (
        "the trust policy is for tokens",
        explained(
            trusting({"Federated": "arn:aws:iam::444455556666:oidc-provider/x"}, "sts:AssumeRoleWithWebIdentity"),
            allowing(),
        ),
        *("assume-role-missing", "sts:AssumeRole"),
    ),
    (
        "the trust policy names the role without its path",
        explained(trusting({"AWS": BASE.replace("/shop", "")}), allowing()),
        *("other-principal", f'Write "Principal": {{"AWS": "{BASE}"}}'),
    ),
    (
        "the trust policy names a role that was deleted",
        explained(trusting({"AWS": "AROAEXAMPLEEXAMPLE"}), allowing()),
        *("other-principal", BASE),
    ),
    (
        "the trust policy names the role's namesake in another account",
        explained(trusting({"AWS": BASE.replace("1111", "9999")}), allowing()),
        *("other-principal", BASE),
    ),
    (
        "no external id",
        explained(trusting(Condition={"StringEquals": {"sts:ExternalId": "42"}}), allowing()),
        *("external-id-missing", "external_id = 42"),
    ),
    (
        "another external id",
        explained(trusting(Condition={"StringEquals": {"sts:ExternalId": "42"}}), allowing(), external_id="24"),
        *("external-id-differs", "external_id = 42"),
    ),
    (
        "tags without sts:TagSession in the trust policy",
        explained(trusting(action="sts:AssumeRole"), allowing(), **TAGS),
        *("tag-session-missing", '["sts:AssumeRole", "sts:TagSession"]'),
    ),
    (
        "tags without sts:TagSession in the base role's policy",
        explained(trusting(), allowing(action="sts:AssumeRole"), **TAGS),
        *("base-tag-session-missing", '"Action": "sts:TagSession"'),
    ),
    (
        "a source identity without its action in the trust policy",
        explained(trusting(action=ALL[:2]), allowing(), source_identity="pod"),
        *("source-identity-missing", "sts:SetSourceIdentity"),
    ),
    (
        "another tag than the trust policy wants",
        explained(trusting(Condition={"StringEquals": {"aws:RequestTag/team": "b"}}), allowing(), **TAGS),
        *("tag-differs", "team=b"),
    ),
    (
        "a tag of the base session that was not made transitive",
        explained(trusting(Condition={"StringEquals": {"aws:PrincipalTag/team": "a"}}), allowing()),
        *("tag-differs", "sidecar_transitive_tags"),
    ),
    (
        "a condition on a session's ARN",
        explained(
            trusting(Condition={"ArnEquals": {"aws:PrincipalArn": "arn:aws:sts::111122223333:assumed-role/base/s"}}),
            allowing(),
        ),
        *("principal-arn-of-a-session", BASE),
    ),
    (
        "a condition on a tag in the statement for the source identity",
        explained(
            trusting(Condition={"StringEquals": {"aws:RequestTag/team": "a"}}), allowing(), source_identity="s1", **TAGS
        ),
        *("key-not-in-action", "a statement of its own"),
    ),
    (
        "a transitive tag set again",
        explained(
            trusting(),
            allowing(),
            caller=ChainSession(RoleArn.parse(BASE), "s", SessionTags({"Team": "b"}, ("Team",))),
            **TAGS,
        ),
        *("transitive-tag-set-again", "Take team out"),
    ),
    (
        "another source identity than the chain has",
        explained(
            trusting(),
            allowing(),
            caller=ChainSession(RoleArn.parse(BASE), "s", source_identity="x"),
            source_identity="yy",
        ),
        *("source-identity-set-again", "the first one stays"),
    ),
    (
        "a session policy of the base",
        explained(trusting(), allowing(), caller=ChainSession(RoleArn.parse(BASE), "s", policy=allowing("*", "s3:*"))),
        *("session-policy-denies", "sidecar_policy_file"),
    ),
]


@pytest.mark.parametrize(
    ("told", "code", "fix"), [mistake[1:] for mistake in MISTAKES], ids=[mistake[0] for mistake in MISTAKES]
)
def test_each_mistake_is_named_alone_with_its_fix(told: Explanation, code: str, fix: str) -> None:
    assert (told.verdict, told.aws_code) == (Verdict.DENY, "AccessDenied")
    found = [finding for finding in told.findings if finding.level is Level.ERROR]
    assert found[0].code == code
    assert {each.code for each in found} <= {code, "other-principal"}
    assert fix in found[0].fix


def test_what_both_sides_allow_is_allowed_and_says_by_what() -> None:
    told = explained(
        trusting(Condition={"StringEquals": {"sts:ExternalId": "42"}}, action=ALL[0]), allowing(), external_id="42"
    )
    assert (told.verdict, told.aws_code, codes(told)) == (Verdict.ALLOW, "", [])
    assert "Target: Statement 0 allows it. Base: Statement 0 of p0 allows it." in told.findings[0].message


def test_within_an_account_the_trust_policy_is_enough_if_it_names_the_role() -> None:
    assert explained(trusting(), target=AT_HOME).verdict is Verdict.ALLOW
    of_account = explained(trusting({"AWS": "arn:aws:iam::111122223333:root"}), target=AT_HOME)
    assert codes(of_account) == ["base-assume-role-missing"]


def test_what_no_file_has_is_taken_for_right_and_said() -> None:
    told = explained(None, base_is_seen=False)
    assert (told.verdict, codes(told)) == (Verdict.ALLOW, ["target-unseen", "base-policies-unseen"])
    told = explained(trusting(), unseen=("the managed policy Power",))
    assert (told.verdict, codes(told)) == (Verdict.ALLOW, ["base-policies-unseen"])
    assert "the managed policy Power" in told.findings[1].message


def test_a_tag_that_the_token_cannot_fill_is_said_before_any_policy() -> None:
    link = ChainLink(
        ChainSession(RoleArn.parse(BASE), "s"),
        None,
        RoleArn.parse(TARGET),
        None,
        ChainedSessionRequest(tags=(("n", "{namespace}"),)),
        NO_CLAIMS,
    )
    assert [found.code for found in explain_link(link).findings] == ["claim-missing-for-tag"]


def test_a_policy_that_iam_would_not_store_is_said() -> None:
    told = explained(document({"Effect": "Allow"}))
    assert (told.verdict, told.aws_code) == (Verdict.INVALID_POLICY, "MalformedPolicyDocument")


def test_tags_and_identity_go_on_to_the_next_link() -> None:
    caller = ChainSession(RoleArn.parse(BASE), "s", SessionTags({"a": "1", "b": "2"}, ("a",)), "first")
    link = ChainLink(
        caller,
        None,
        RoleArn.parse(TARGET),
        None,
        ChainedSessionRequest(tags=(("n", "{namespace}"), ("c", "3")), transitive_tags=("n",), source_identity="first"),
        a_token().claims,
    )
    session = link.session
    assert session.tags == SessionTags({"a": "1", "n": "shop", "c": "3"}, ("a", "n"))
    assert (session.source_identity, session.name) == ("first", "shop.checkout-7c5d8-x2x8q")
    assert session.arn == "arn:aws:sts::444455556666:assumed-role/partner/shop.checkout-7c5d8-x2x8q"


DETAILS = {
    "RoleDetailList": [
        {
            "Arn": BASE,
            "AssumeRolePolicyDocument": json.loads(trusting()),
            "RolePolicyList": [{"PolicyName": "inline", "PolicyDocument": json.loads(allowing())}],
            "AttachedManagedPolicies": [
                {"PolicyName": "Mine", "PolicyArn": "arn:aws:iam::111122223333:policy/Mine"},
                {"PolicyName": "ReadOnlyAccess", "PolicyArn": "arn:aws:iam::aws:policy/ReadOnlyAccess"},
            ],
            "PermissionsBoundary": {"PermissionsBoundaryArn": "arn:aws:iam::111122223333:policy/B"},
        }
    ],
    "Policies": [
        {
            "Arn": "arn:aws:iam::111122223333:policy/Mine",
            "PolicyVersionList": [
                {"IsDefaultVersion": False, "Document": {"old": True}},
                {"IsDefaultVersion": True, "Document": json.loads(allowing("*"))},
            ],
        }
    ],
}


def test_an_accounts_file_tells_every_policy_of_a_role_and_which_it_lacks() -> None:
    role = account_roles(json.dumps(DETAILS))[BASE]
    assert [name for name, _ in role.policies or ()] == ["inline", "Mine"]
    assert role.unseen == ("its permissions boundary", "the managed policy ReadOnlyAccess")


def test_get_role_tells_the_trust_policy_alone_url_encoded_or_not() -> None:
    encoded = "%7B%22Statement%22%3A%5B%5D%7D"
    role = account_roles(json.dumps({"Role": {"Arn": TARGET, "AssumeRolePolicyDocument": encoded}}))[TARGET]
    assert (role.trust_policy, role.policies) == ('{"Statement":[]}', None)


@pytest.mark.parametrize("content", ["", "[]", "{", "role", '{"Roles": [{"Arn": "x"}]}'])
def test_a_file_without_a_role_is_refused_by_what_it_is(content: str) -> None:
    with pytest.raises(NotAPolicy):
        account_roles(content)


PRINCIPALS = st.sampled_from([{"AWS": BASE}, {"AWS": "*"}, {"AWS": "arn:aws:iam::111122223333:root"}, {"AWS": TARGET}])
ACTIONS = st.lists(st.sampled_from([*ALL, "sts:*", "s3:Get"]), min_size=1, unique=True)


@given(PRINCIPALS, ACTIONS, ACTIONS, st.sampled_from([{}, TAGS]), st.sampled_from([TARGET, AT_HOME]))
def test_a_refusal_always_has_a_cause_and_an_allow_has_none(
    principal: dict[str, str], trusted: list[str], allowed: list[str], tags: dict[str, Any], target: str
) -> None:
    told = explained(trusting(principal, trusted), allowing(target, allowed), target=target, **tags)
    errors = [found for found in told.findings if found.level is Level.ERROR]
    assert bool(errors) is (told.verdict is Verdict.DENY)
    assert all(found.fix for found in errors)
