"""`explain --fix`: the corrected policy lets this token in, nobody else through it, and leaves the rest alone."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.explain import CannotFix, narrowed
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


def lets_in(document: Document, subject: str, audience: str = AUDIENCE) -> bool:
    claims = {"iss": f"https://{CLUSTER}", "sub": subject, "aud": [audience]}
    request = web_identity(claims, PROVIDER_ARN, session_name="payments.api-0", now=NOW)
    return evaluate(parse(json.dumps(document)), request).allowed


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


@given(st.lists(statements, min_size=1, max_size=4))
def test_whatever_the_policy_was_the_corrected_one_allows_the_token(written: list[Document]) -> None:
    fixed = narrowed(asked(policy=policy(*written)))

    assert lets_in(fixed, SUBJECT)
    assert explained(policy=json.dumps(fixed)).verdict.value == "allow"


@given(st.lists(statements, min_size=1, max_size=4))
def test_whatever_the_policy_was_the_corrected_one_lets_nobody_in_who_was_refused(written: list[Document]) -> None:
    before = json.loads(policy(*written))
    after = narrowed(asked(policy=policy(*written)))

    for stranger in ("system:serviceaccount:web:front", "system:serviceaccount:payments:other"):
        assert lets_in(before, stranger) or not lets_in(after, stranger)


@pytest.mark.parametrize("mistake", MISTAKES_OF_POLICIES, ids=str)
def test_each_mistake_in_a_policy_is_mended(mistake: Mistake) -> None:
    fixed = narrowed(mistake.question(f"https://{CLUSTER}", token(), NOW))

    assert explained(policy=json.dumps(fixed)).verdict.value == "allow"
    assert lets_in(fixed, SUBJECT)
    assert not lets_in(fixed, "system:serviceaccount:payments:other")
    assert not lets_in(fixed, SUBJECT, audience="another")


def test_the_broken_statement_is_replaced_and_its_sid_kept() -> None:
    wrong = statement(Sid="Irsa", Condition=equals("system:serviceaccount:payments:*"))

    fixed = narrowed(asked(policy=policy(FOR_EC2, wrong)))

    assert fixed["Statement"] == [FOR_EC2, statement(Sid="Irsa")]


def test_a_statement_that_serves_other_service_accounts_stays_beside_the_new_one() -> None:
    others = statement(Condition=equals(["system:serviceaccount:web:front", "system:serviceaccount:web:back"]))

    assert narrowed(asked(policy=policy(others)))["Statement"] == [others, statement()]


def test_a_statement_for_another_cluster_stays_beside_the_new_one() -> None:
    other = statement(
        Principal={"Federated": PROVIDER_ARN.replace(CLUSTER, OLD_CLUSTER)}, Condition=equals(cluster=OLD_CLUSTER)
    )

    assert narrowed(asked(policy=policy(other)))["Statement"] == [other, statement()]


def test_a_pattern_that_cannot_match_costs_nobody_who_stands_beside_it_the_role() -> None:
    mixed = statement(Condition=equals(["system:serviceaccount:web:front", "system:serviceaccount:payments:*"]))

    assert narrowed(asked(policy=policy(mixed)))["Statement"] == [mixed, statement()]


def test_a_statement_that_trusts_another_cluster_whole_stays_as_it_is() -> None:
    other = statement(Principal={"Federated": PROVIDER_ARN.replace(CLUSTER, OLD_CLUSTER)}, Condition=None)

    assert narrowed(asked(policy=policy(other)))["Statement"] == [other, statement()]


@pytest.mark.parametrize(
    "misspelt",
    [
        PROVIDER_ARN.replace(ACCOUNT, OTHER_ACCOUNT),
        PROVIDER_ARN.replace("arn:aws:", "arn:aws-cn:"),
        PROVIDER_ARN.replace("oidc-provider/", "oidc-provider/https://"),
        PROVIDER_ARN.upper().replace("ARN:AWS:IAM", "arn:aws:iam").replace("OIDC-PROVIDER/", "oidc-provider/"),
        PROVIDER_ARN + "/",
    ],
)
def test_a_misspelt_provider_of_the_tokens_issuer_is_replaced(misspelt: str) -> None:
    wrong = statement(Sid="Irsa", Principal={"Federated": misspelt})

    assert narrowed(asked(policy=policy(wrong)))["Statement"] == [statement(Sid="Irsa")]


def test_the_case_of_a_keys_name_does_not_matter() -> None:
    wrong = statement(Condition={"StringEquals": {f"{CLUSTER}:SUB": "system:serviceaccount:web:front"}})
    slip = statement(Condition={"StringEquals": {f"{CLUSTER}:SUB": "system:serviceaccount:payment:api"}})

    assert narrowed(asked(policy=policy(wrong)))["Statement"] == [wrong, statement()]
    assert narrowed(asked(policy=policy(slip)))["Statement"] == [statement()]


def test_a_statement_that_trusts_the_whole_cluster_is_narrowed() -> None:
    assert narrowed(asked(policy=policy(statement(Condition=None))))["Statement"] == [statement()]


def test_a_policy_that_is_right_comes_back_as_it_was() -> None:
    assert narrowed(asked()) == json.loads(policy())


def test_a_deny_spares_the_service_account_and_stays_for_the_others() -> None:
    everyone = statement(Effect="Deny", Condition={"StringNotEquals": {f"{CLUSTER}:sub": "system:serviceaccount:a:b"}})

    fixed = narrowed(asked(policy=policy(statement(), everyone)))

    exceptions = fixed["Statement"][1]["Condition"]["StringNotEquals"][f"{CLUSTER}:sub"]
    assert fixed["Statement"][1]["Effect"] == "Deny"
    assert exceptions == ["system:serviceaccount:a:b", SUBJECT]


def test_conditions_on_the_requests_own_keys_stay() -> None:
    office = {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}
    wrong = statement(Condition=equals("system:serviceaccount:payment:api") | office)

    assert narrowed(asked(policy=policy(wrong)))["Statement"] == [statement(Condition=equals() | office)]


def test_other_actions_named_in_the_statement_stay() -> None:
    actions = ["sts:AssumeRoleWithWebIdentity", "sts:TagSession"]
    wrong = statement(Action=actions, Condition=equals("system:serviceaccount:payment:api"))

    assert narrowed(asked(policy=policy(wrong)))["Statement"] == [statement(Action=actions)]


def test_statements_that_iam_would_not_store_are_left_out() -> None:
    nonsense = statement(Condition={"StringEqual": {f"{CLUSTER}:sub": SUBJECT}})

    assert narrowed(asked(policy=policy(FOR_EC2, nonsense)))["Statement"] == [FOR_EC2, statement()]


def test_what_is_not_json_becomes_a_policy_for_this_token_alone() -> None:
    assert narrowed(asked(policy="{")) == json.loads(policy())


def test_the_providers_account_and_partition_are_the_roles() -> None:
    china = f"arn:aws-cn:iam::{OTHER_ACCOUNT}:role/api"

    fixed = narrowed(asked(policy="{}", role_arn=china, providers=()))

    assert fixed["Statement"][0]["Principal"] == {
        "Federated": f"arn:aws-cn:iam::{OTHER_ACCOUNT}:oidc-provider/{CLUSTER}"
    }


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        ({"token": "not-a-jwt"}, "the token is not a JWT"),
        ({"token": token(aud=None)}, "lacks iss, sub or aud"),
        ({"policy": "{}", "role_arn": "", "providers": ()}, "pass --role-arn"),
    ],
)
def test_where_no_policy_helps_it_says_why(parts: dict[str, Any], reason: str) -> None:
    with pytest.raises(CannotFix, match=reason):
        narrowed(asked(**parts))
