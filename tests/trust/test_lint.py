"""The mistakes that show in a policy alone, each by its stable code; and a sound policy has none."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from sidecar import trust
from sidecar.core.findings import Finding, Level
from tests.trust.test_evaluate import API, ARN, AUD, EQ, HOST, OTHER, SUB, deny, policy, statement


def findings(*statements: Mapping[str, Any], version: str = "2012-10-17") -> tuple[Finding, ...]:
    return trust.lint(trust.parse(policy(*statements, version=version)))


def codes(*statements: Mapping[str, Any], version: str = "2012-10-17") -> list[str]:
    return [finding.code for finding in findings(*statements, version=version)]


def with_sub(value: Any, operator: str = "StringEquals", key: str = SUB) -> dict[str, Any]:
    return statement({operator: {key: value, AUD: "sts.amazonaws.com"}})


SOUND = [
    statement(EQ),
    statement({"StringLike": {SUB: "system:serviceaccount:payments:*"}, "StringEquals": {AUD: "sts.amazonaws.com"}}),
    with_sub([API, "system:serviceaccount:payments:web"]),
    statement({**EQ, "StringNotLike": {SUB: "*:default"}}),
    statement({**EQ, "IpAddress": {"aws:SourceIp": "10.0.0.0/8"}, "Null": {SUB: "false"}}),
    statement(EQ, Principal={"Federated": ARN, "AWS": "111122223333"}, Action="sts:*"),
    statement({"StringEquals": {SUB.upper(): API, AUD: "sts.amazonaws.com"}}),
    deny({"StringNotEquals": {SUB: API}}),
    statement(Principal={"Service": "ec2.amazonaws.com"}, Action="sts:AssumeRole"),
    statement(Principal={"AWS": "111122223333"}, Action="sts:AssumeRole"),
]


@pytest.mark.parametrize("sound", SOUND)
def test_a_sound_statement_has_no_finding(sound: Mapping[str, Any]) -> None:
    assert codes(sound) == []


MISTAKES = [
    ("wildcard-under-equals", with_sub("system:serviceaccount:payments:*")),
    ("wildcard-under-equals", with_sub("system:serviceaccount:payments:ap?", "StringEqualsIgnoreCase")),
    ("wildcard-under-equals", statement({**EQ, "StringNotEquals": {SUB: "system:*"}})),
    ("subject-under-aud", statement({"StringEquals": {AUD: API, SUB: API}})),
    ("audience-under-sub", with_sub("sts.amazonaws.com")),
    ("subject-shape", with_sub("payments:api")),
    ("subject-shape", with_sub("system:serviceaccount:payments:api:x")),
    ("subject-shape", with_sub("system:serviceaccount:payments/api")),
    ("subject-shape", with_sub("system:serviceaccount:payments:")),
    ("odd-audience", statement({"StringEquals": {AUD: "sts.amazonaws.com.cn", SUB: API}})),
    ("odd-audience", statement({"StringEquals": {AUD: "sts.amazon.com", SUB: API}})),
    ("odd-audience", statement({"StringEquals": {AUD: "sts.eu-west-1.amazonaws.com", SUB: API}})),
    ("scheme-in-condition-key", with_sub(API, key=f"https://{SUB}")),
    ("scheme-in-provider-arn", statement(EQ, Principal={"Federated": f"arn:aws:iam::1:oidc-provider/https://{HOST}"})),
    ("not-an-oidc-provider", statement(EQ, Principal={"Federated": "arn:aws:iam::1:saml-provider/x"})),
    ("action-not-web-identity", statement(EQ, Action="sts:AssumeRole")),
    ("principal-not-federated", statement(EQ, Principal={"AWS": "arn:aws:iam::111122223333:root"})),
    ("principal-not-federated", statement(EQ, Principal="*")),
    ("pod-identity-principal", statement(Principal={"Service": "pods.eks.amazonaws.com"}, Action="sts:AssumeRole")),
    (
        "pod-identity-principal",
        statement(EQ, Principal={"Service": ["ec2.amazonaws.com", "pods.eks.amazonaws.com"]}, Action="sts:AssumeRole"),
    ),
    ("no-condition", statement()),
    ("no-condition", statement({})),
    ("no-subject-condition", statement({"StringEquals": {AUD: "sts.amazonaws.com"}})),
    ("no-subject-condition", statement({"StringNotEquals": {SUB: API}})),
    ("no-audience-condition", statement({"StringEquals": {SUB: API}})),
    ("pattern-covers-the-cluster", with_sub("system:serviceaccount:*:api", "StringLike")),
    ("pattern-covers-the-cluster", with_sub("*", "StringLike")),
    ("claim-is-no-key", statement({"StringEquals": {**EQ["StringEquals"], f"{HOST}:kubernetes.io/namespace": "x"}})),
    ("claim-is-no-key", statement({"StringEquals": {**EQ["StringEquals"], f"{HOST}:jti": "x"}})),
    ("for-all-values-hole", with_sub(API, "ForAllValues:StringEquals")),
    ("two-issuers", statement({"StringEquals": {**EQ["StringEquals"], f"{OTHER}:sub": API}})),
    ("issuer-differs-from-principal", with_sub(API, key=f"{OTHER}:sub")),
    ("issuer-differs-from-principal", with_sub(API, key=f"{HOST}/:sub")),
    ("both-must-hold", statement({**EQ, "StringLike": {SUB: "system:serviceaccount:web:*"}})),
    ("both-must-hold", statement({**EQ, "StringLike": {SUB.upper(): "system:serviceaccount:web:*"}})),
    ("key-never-carried", statement({**EQ, "StringLike": {"aws:PrincipalArn": "arn:*"}})),
]


@pytest.mark.parametrize(("code", "mistaken"), MISTAKES)
def test_a_mistake_is_called_by_its_name(code: str, mistaken: Mapping[str, Any]) -> None:
    assert code in codes(mistaken)


@pytest.mark.parametrize(("code", "mistaken"), MISTAKES)
def test_a_finding_leads_to_a_place_in_the_policy(code: str, mistaken: Mapping[str, Any]) -> None:
    (found,) = [finding for finding in findings(mistaken) if finding.code == code][:1]
    place = json.loads(policy(mistaken))
    assert found.where
    for step in found.where:
        place = place[step]


def test_a_trailing_slash_is_called_a_trailing_slash() -> None:
    (finding,) = [found for found in findings(with_sub(API, key=f"{HOST}/:sub")) if found.code.startswith("issuer")]
    assert "trailing slash" in finding.message


@pytest.mark.parametrize(
    ("key", "fix"),
    [
        ("aws:SourceIpp", "Write aws:SourceIp instead."),
        ("aws:PrincipalArn", "Remove the condition; aud and sub say who may call."),
    ],
)
def test_a_key_that_no_call_carries_is_replaced_by_the_one_that_was_meant_or_removed(key: str, fix: str) -> None:
    assert [found.fix for found in findings(statement({**EQ, "StringLike": {key: "10.*"}}))] == [fix]


def test_a_claim_that_may_be_a_key_at_a_shared_issuer_is_left_alone() -> None:
    gitlab = {"Federated": "arn:aws:iam::111122223333:oidc-provider/gitlab.com"}
    assert "claim-is-no-key" not in codes(statement({"StringEquals": {"gitlab.com:ref": "main"}}, Principal=gitlab))
    assert "claim-is-no-key" in codes(statement({"StringEquals": {f"{HOST}:ref": "main"}}))


def test_variables_need_the_newer_version() -> None:
    found = with_sub("${aws:userid}")
    assert "variables-need-version" in codes(found, version="2008-10-17")
    assert "variables-need-version" not in codes(found)


@pytest.mark.parametrize(
    ("size", "level"), [(2048, None), (2049, Level.WARNING), (4096, Level.WARNING), (4097, Level.ERROR)]
)
def test_size_is_measured_against_both_quotas(size: int, level: Level | None) -> None:
    text = policy(statement(EQ, Sid=""))
    padding = "x" * (size - trust.parse(text).size)
    found = {finding.code: finding.level for finding in findings(statement(EQ, Sid=padding))}
    assert found.get("size-over-quota") is level


def test_a_finding_says_where_and_what_to_write() -> None:
    (finding,) = findings(statement(EQ), with_sub("system:serviceaccount:payments:*"))
    assert finding.where == ("Statement", 1, "Condition", "StringEquals", SUB)
    assert finding.level is Level.ERROR
    assert finding.fix == "Write StringLike instead."


def test_a_subject_in_other_case_has_the_right_shape_where_case_does_not_count() -> None:
    assert "subject-shape" not in codes(with_sub(API.upper(), "StringEqualsIgnoreCase"))
    assert "subject-shape" in codes(with_sub(API.upper(), "StringEquals"))


def test_a_condition_that_only_excludes_subjects_is_not_said_to_be_missing() -> None:
    (found,) = [each for each in findings(statement({"StringNotEquals": {SUB: API}})) if "subject" in each.code]
    assert found.message.startswith("Apart from whom the condition on sub excludes, every service account")


def test_the_provider_is_a_key_that_every_call_carries() -> None:
    assert codes(statement(EQ | {"ArnEquals": {"aws:FederatedProvider": ARN}})) == codes(statement(EQ))


def test_everyone_is_written_as_in_the_policy() -> None:
    (found,) = [each for each in findings(statement(EQ, Principal="*")) if each.code == "principal-not-federated"]
    assert found.message.startswith("The principal is *;")
