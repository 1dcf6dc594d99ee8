"""`explain --fix`: the corrected policy lets this token in, nobody else through it, and leaves the rest alone."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.explain import CannotFix, corrected
from sidecar.trust import evaluate, parse, web_identity
from tests.explain.asking import (
    ACCOUNT,
    AUDIENCE,
    CLUSTER,
    NOW,
    OLD_CLUSTER,
    OTHER_ACCOUNT,
    PROVIDER_ARN,
    SUBJECT,
    Document,
    asked,
    equals,
    explained,
    policy,
    statement,
    token,
)
from tests.explain.mistakes import MISTAKES_OF_POLICIES, Mistake

FOR_EC2: Document = {
    "Sid": "Nodes",
    "Effect": "Allow",
    "Principal": {"Service": "ec2.amazonaws.com"},
    "Action": "sts:AssumeRole",
}


def lets_in(document: Document, subject: str, audience: str = AUDIENCE, cluster: str = CLUSTER) -> bool:
    claims = {"iss": f"https://{cluster}", "sub": subject, "aud": [audience]}
    arn = PROVIDER_ARN.replace(CLUSTER, cluster)
    request = web_identity(claims, arn, session_name="payments.api-0", now=NOW)
    return evaluate(parse(json.dumps(document)), request).allowed


def has_deny(written: list[Document]) -> bool:
    """Then this subject is spared whatever its audience."""
    return any(found["Effect"] == "Deny" for found in written)


def with_different_sids(written: list[Document]) -> list[Document]:
    """IAM refuses a Sid that is used twice."""
    return [found | {"Sid": f"S{number}"} if "Sid" in found else found for number, found in enumerate(written)]


subjects = st.sampled_from([SUBJECT, "system:serviceaccount:payment:api", "system:serviceaccount:web:*", "api", "*"])
conditions = st.one_of(
    st.none(),
    st.fixed_dictionaries(
        {},
        optional={
            operator: st.dictionaries(
                st.sampled_from(
                    [
                        f"{CLUSTER}:sub",
                        f"{CLUSTER}:aud",
                        f"{CLUSTER}:SUB",
                        f"{OLD_CLUSTER}:sub",
                        f"https://{CLUSTER}:sub",
                        f"{CLUSTER}:kubernetes.io/namespace",
                        "sts:RoleSessionName",
                    ]
                ),
                st.one_of(subjects, st.lists(subjects, min_size=1, max_size=2), st.just(AUDIENCE)),
                max_size=3,
            )
            for operator in ("StringEquals", "StringLike", "StringNotEquals", "ForAllValues:StringEquals")
        },
    ),
)
principals = st.sampled_from(
    [
        {"Federated": PROVIDER_ARN},
        {"Federated": [PROVIDER_ARN, PROVIDER_ARN.replace(CLUSTER, OLD_CLUSTER)]},
        {"Federated": PROVIDER_ARN + "/"},
        {"Federated": PROVIDER_ARN.replace("oidc-provider/", "oidc-provider/https://")},
        {"Federated": PROVIDER_ARN.replace(CLUSTER, OLD_CLUSTER)},
        {"Service": "ec2.amazonaws.com"},
        {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
        "*",
    ]
)
statements = st.builds(
    statement,
    Sid=st.sampled_from([None, "Irsa"]),
    Effect=st.sampled_from(["Allow", "Allow", "Deny"]),
    Principal=principals,
    Action=st.sampled_from(
        [
            "sts:AssumeRoleWithWebIdentity",
            "sts:AssumeRole",
            "sts:*",
            ["sts:AssumeRoleWithWebIdentity", "sts:TagSession"],
        ]
    ),
    Condition=conditions,
)


policies = st.lists(statements, min_size=1, max_size=4).map(with_different_sids)
STRANGERS = (
    "system:serviceaccount:web:front",
    "system:serviceaccount:payment:api",
    "system:serviceaccount:payments:other",
    "api",
)


@given(policies)
def test_whatever_the_policy_was_the_corrected_one_allows_the_token(written: list[Document]) -> None:
    fixed = corrected(asked(policy=policy(*written)))

    assert lets_in(fixed, SUBJECT)
    assert explained(policy=json.dumps(fixed)).verdict.value == "allow"


@given(policies)
def test_the_correction_changes_the_answer_for_nobody_else(written: list[Document]) -> None:
    before = json.loads(policy(*written))
    after = corrected(asked(policy=policy(*written)))

    for stranger in STRANGERS:
        for audience in (AUDIENCE, "vault"):
            assert lets_in(before, stranger, audience) == lets_in(after, stranger, audience)
        assert lets_in(before, stranger, cluster=OLD_CLUSTER) == lets_in(after, stranger, cluster=OLD_CLUSTER)
    assert lets_in(before, SUBJECT, cluster=OLD_CLUSTER) == lets_in(after, SUBJECT, cluster=OLD_CLUSTER)
    assert lets_in(before, SUBJECT, "vault") or not lets_in(after, SUBJECT, "vault") or has_deny(written)


@given(policies)
def test_every_statement_but_the_mended_ones_comes_back_as_it_was(written: list[Document]) -> None:
    """A Deny gains an exception, at most one Allow is mended, at most one is added."""
    after = corrected(asked(policy=policy(*written)))["Statement"]

    changed = [old for old, new in zip(written, after, strict=False) if old != new and old["Effect"] == "Allow"]
    assert len(after) - len(written) + len(changed) <= 1
    for old, new in zip(written, after, strict=False):
        assert {name: part for name, part in old.items() if name in ("Sid", "Effect")}.items() <= new.items()
        if old["Effect"] == "Deny":
            assert {**new, "Condition": None} == {**old, "Condition": None}


@pytest.mark.parametrize("mistake", MISTAKES_OF_POLICIES, ids=str)
def test_each_mistake_in_a_policy_is_mended(mistake: Mistake) -> None:
    fixed = corrected(mistake.question(f"https://{CLUSTER}", token(), NOW))

    assert explained(policy=json.dumps(fixed)).verdict.value == "allow"
    assert lets_in(fixed, SUBJECT)
    assert not lets_in(fixed, "system:serviceaccount:payments:other")
    assert not lets_in(fixed, SUBJECT, audience="another")


def test_the_broken_statement_is_replaced_and_its_sid_kept() -> None:
    wrong = statement(Sid="Irsa", Condition=equals("system:serviceaccount:payments:*"))

    fixed = corrected(asked(policy=policy(FOR_EC2, wrong)))

    assert fixed["Statement"] == [FOR_EC2, statement(Sid="Irsa")]


def test_a_statement_that_serves_other_service_accounts_stays_beside_the_new_one() -> None:
    others = statement(Condition=equals(["system:serviceaccount:web:front", "system:serviceaccount:web:back"]))

    assert corrected(asked(policy=policy(others)))["Statement"] == [others, statement()]


def test_a_statement_for_another_cluster_stays_beside_the_new_one() -> None:
    other = statement(
        Principal={"Federated": PROVIDER_ARN.replace(CLUSTER, OLD_CLUSTER)}, Condition=equals(cluster=OLD_CLUSTER)
    )

    assert corrected(asked(policy=policy(other)))["Statement"] == [other, statement()]


def test_a_pattern_that_cannot_match_costs_nobody_who_stands_beside_it_the_role() -> None:
    mixed = statement(Condition=equals(["system:serviceaccount:web:front", "system:serviceaccount:payments:*"]))

    assert corrected(asked(policy=policy(mixed)))["Statement"] == [mixed, statement()]


def test_a_statement_that_trusts_another_cluster_whole_stays_as_it_is() -> None:
    other = statement(Principal={"Federated": PROVIDER_ARN.replace(CLUSTER, OLD_CLUSTER)}, Condition=None)

    assert corrected(asked(policy=policy(other)))["Statement"] == [other, statement()]


@pytest.mark.parametrize(
    "misspelt",
    [
        PROVIDER_ARN.replace(ACCOUNT, OTHER_ACCOUNT),
        PROVIDER_ARN.replace("arn:aws:", "arn:aws-cn:"),
        PROVIDER_ARN.replace("oidc-provider/", "oidc-provider/https://"),
        PROVIDER_ARN + "/",  # whose tokens never have the keys of the conditions
    ],
)
def test_a_provider_that_cannot_be_in_the_roles_account_is_replaced(misspelt: str) -> None:
    wrong = statement(Sid="Irsa", Principal={"Federated": misspelt})

    assert corrected(asked(policy=policy(wrong)))["Statement"] == [statement(Sid="Irsa")]


def test_a_provider_that_may_be_another_issuers_stays_beside_the_right_one() -> None:
    wrong = statement(Sid="Irsa", Principal={"Federated": PROVIDER_ARN.replace(CLUSTER, CLUSTER.lower())})

    assert corrected(asked(policy=policy(wrong)))["Statement"] == [wrong, statement()]


def test_a_statement_that_may_serve_the_misspelt_service_account_stays() -> None:
    slip = statement(Condition={"StringEquals": {f"{CLUSTER}:SUB": "system:serviceaccount:payment:api"}})

    assert corrected(asked(policy=policy(slip)))["Statement"] == [slip, statement()]


def test_a_statement_that_trusts_the_whole_cluster_is_not_narrowed_for_the_others() -> None:
    loose = policy(statement(Condition=None))

    assert corrected(asked(policy=loose)) == json.loads(loose)


def test_a_policy_that_is_right_comes_back_as_it_was() -> None:
    assert corrected(asked()) == json.loads(policy())


def test_a_deny_spares_the_service_account_and_stays_for_the_others() -> None:
    everyone = statement(Effect="Deny", Condition={"StringNotEquals": {f"{CLUSTER}:sub": "system:serviceaccount:a:b"}})

    fixed = corrected(asked(policy=policy(statement(), everyone)))

    exceptions = fixed["Statement"][1]["Condition"]["StringNotEquals"][f"{CLUSTER}:sub"]
    assert fixed["Statement"][1]["Effect"] == "Deny"
    assert exceptions == ["system:serviceaccount:a:b", SUBJECT]


def test_conditions_on_the_requests_own_keys_stay() -> None:
    office = {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}
    wrong = statement(Condition=equals("system:serviceaccount:payment:api") | office)

    assert corrected(asked(policy=policy(wrong)))["Statement"] == [wrong, statement(Condition=equals() | office)]


def test_other_actions_named_in_the_statement_stay() -> None:
    actions = ["sts:AssumeRoleWithWebIdentity", "sts:TagSession"]
    wrong = statement(Action=actions, Condition=equals("system:serviceaccount:payment:api"))

    assert corrected(asked(policy=policy(wrong)))["Statement"] == [wrong, statement(Action=actions)]


def test_an_action_that_lacks_a_key_of_the_statement_gets_one_of_its_own() -> None:
    """sts:RoleSessionName comes with the call alone; the condition on it stays there, and the tag's own goes on."""
    call, tag = "sts:AssumeRoleWithWebIdentity", "sts:TagSession"
    named, tagged = {"StringLike": {"sts:RoleSessionName": "pay-*"}}, {"Null": {"aws:RequestTag/team": "false"}}
    tags = {"https://aws.amazon.com/tags": {"principal_tags": {"team": ["pay"]}}}
    wrong = statement(Sid="Irsa", Action=call, Condition=equals("system:serviceaccount:payment:api") | named | tagged)

    fixed = corrected(asked(token=token(**tags), policy=policy(wrong), session_name="pay-0"))

    for_the_call = statement(Action=call, Condition=equals() | named | tagged)
    assert fixed["Statement"] == [wrong, for_the_call, statement(Action=tag, Condition=equals() | tagged)]


def test_no_condition_of_the_provider_is_lost() -> None:
    github = "token.actions.githubusercontent.com"
    arn = PROVIDER_ARN.replace(CLUSTER, github)
    branch, owner = "repo:acme/shop:ref:refs/heads/main", {f"{github}:repository_owner_id": "42"}
    names = {f"{github}:aud": AUDIENCE, f"{github}:sub": "repo:acme/shop:ref:refs/heads/release"}
    wrong = statement(Principal={"Federated": arn}, Condition={"StringEquals": names, "StringLike": owner})

    fixed = corrected(
        asked(
            token=token(iss=f"https://{github}", sub=branch, repository_owner_id="42"),
            policy=policy(wrong),
            providers=(arn,),
        )
    )

    assert fixed["Statement"][0] == wrong
    assert fixed["Statement"][1]["Condition"]["StringLike"] == owner


def test_a_policy_of_the_old_version_keeps_its_version() -> None:
    old = json.dumps({"Version": "2008-10-17", "Id": "x", "Statement": FOR_EC2})

    assert corrected(asked(policy=old)) == {"Version": "2008-10-17", "Id": "x", "Statement": [FOR_EC2, statement()]}


def test_the_providers_account_and_partition_are_the_roles() -> None:
    china = f"arn:aws-cn:iam::{OTHER_ACCOUNT}:role/api"

    fixed = corrected(asked(policy=policy(FOR_EC2), role_arn=china, providers=()))

    assert fixed["Statement"][1]["Principal"] == {
        "Federated": f"arn:aws-cn:iam::{OTHER_ACCOUNT}:oidc-provider/{CLUSTER}"
    }


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        ({"token": "not-a-jwt"}, "the token is not a JWT"),
        ({"token": token(aud=None)}, "lacks iss, sub or aud"),
        ({"token": token(aud=["https://kubernetes.default.svc"])}, "the token is the wrong one"),
        ({"policy": policy(FOR_EC2), "role_arn": "", "providers": ()}, "pass --role-arn"),
        ({"policy": "{}"}, "Statement is missing"),
        ({"policy": "{"}, "not JSON"),
        ({"policy": policy(FOR_EC2, statement(Condition={"StringEqual": {f"{CLUSTER}:sub": "x"}}))}, "StringEquals"),
    ],
)
def test_where_no_policy_helps_it_says_why(parts: dict[str, Any], reason: str) -> None:
    with pytest.raises(CannotFix, match=reason):
        corrected(asked(**parts))
