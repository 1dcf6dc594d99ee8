"""Each mistake that people make with IRSA is recognised by name, with AWS's answer and what to do."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from sidecar.core.findings import Level
from tests.doubles import EPOCH
from tests.explain.asking import (
    ACCOUNT,
    AUDIENCE,
    CLUSTER,
    OLD_CLUSTER,
    OTHER_ACCOUNT,
    PROVIDER_ARN,
    ROLE,
    SUBJECT,
    equals,
    explained,
    get_role,
    policy,
    statement,
    token,
)

DENIED = ("deny", "AccessDenied")
INVALID = ("invalid-token", "InvalidIdentityToken")


@dataclass(frozen=True)
class Mistake:
    """What is wrong, what AWS answers, how we call it, and words that the explanation must have."""

    name: str
    code: str
    answer: tuple[str, str]
    words: tuple[str, ...]
    parts: dict[str, Any] = field(repr=False)


def only_statement(**parts: Any) -> dict[str, Any]:
    return {"policy": policy(statement(**parts))}


MISTAKES = (
    Mistake(
        "01 a typo in the namespace",
        "subject-differs",
        DENIED,
        ("`system:serviceaccount:payments:api` ≠ `system:serviceaccount:payment:api`", "the namespace differs"),
        only_statement(Condition=equals("system:serviceaccount:payment:api")),
    ),
    Mistake(
        "01 another service account of several",
        "subject-differs",
        DENIED,
        (f"`{SUBJECT}` ≠ `system:serviceaccount:payments:app`", "nearest of 2", "the service account differs"),
        only_statement(Condition=equals(["system:serviceaccount:web:front", "system:serviceaccount:payments:app"])),
    ),
    Mistake(
        "01 the case of a letter",
        "subject-differs",
        DENIED,
        ("only the case differs",),
        only_statement(Condition=equals("system:serviceaccount:Payments:api")),
    ),
    Mistake(
        "01 a subject without its prefix",
        "subject-shape",
        DENIED,
        ("`payments:api`", "never writes such a sub"),
        only_statement(Condition=equals("payments:api")),
    ),
    Mistake(
        "02 a wildcard under StringEquals",
        "wildcard-under-equals",
        DENIED,
        ("'system:serviceaccount:payments:*'", "plain character", "StringLike"),
        only_statement(Condition=equals("system:serviceaccount:payments:*")),
    ),
    Mistake(
        "03 the subject under the aud key",
        "subject-under-aud",
        DENIED,
        (SUBJECT, f'"{CLUSTER}:sub"'),
        only_statement(Condition={"StringEquals": {f"{CLUSTER}:aud": SUBJECT}}),
    ),
    Mistake(
        "04 China's audience in the policy",
        "audience-differs",
        DENIED,
        ("`sts.amazonaws.com` ≠ `sts.amazonaws.com.cn`", "in China too"),
        only_statement(Condition=equals(audience="sts.amazonaws.com.cn")),
    ),
    Mistake(
        "04 a regional host as audience",
        "audience-differs",
        DENIED,
        ("≠ `sts.eu-west-1.amazonaws.com`", "regional endpoint"),
        only_statement(Condition=equals(audience="sts.eu-west-1.amazonaws.com")),
    ),
    Mistake(
        "04 sts.amazon.com",
        "audience-differs",
        DENIED,
        ("≠ `sts.amazon.com`", "misspelt"),
        only_statement(Condition=equals(audience="sts.amazon.com")),
    ),
    Mistake(
        "05 the provider does not list the audience",
        "client-id-missing",
        INVALID,
        ("not among the provider's client ids (sigstore)", "add-client-id-to-open-id-connect-provider", PROVIDER_ARN),
        {"client_ids": ("sigstore",)},
    ),
    Mistake(
        "06 a condition key with https://",
        "scheme-in-condition-key",
        DENIED,
        (f"https://{CLUSTER}:sub", f"Write {CLUSTER}:sub"),
        only_statement(Condition=equals(cluster=f"https://{CLUSTER}")),
    ),
    Mistake(
        "07 a provider ARN with https://",
        "scheme-in-provider-arn",
        DENIED,
        (f"oidc-provider/https://{CLUSTER}", PROVIDER_ARN),
        only_statement(Principal={"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/https://{CLUSTER}"}),
    ),
    Mistake(
        "08 the policy names another cluster",
        "other-issuer",
        DENIED,
        (OLD_CLUSTER, CLUSTER, "another cluster"),
        only_statement(
            Principal={"Federated": PROVIDER_ARN.replace(CLUSTER, OLD_CLUSTER)}, Condition=equals(cluster=OLD_CLUSTER)
        ),
    ),
    Mistake(
        "09 another account in the role's ARN",
        "role-in-other-account",
        INVALID,
        (OTHER_ACCOUNT, ACCOUNT, "No OpenIDConnect provider found in your account"),
        {"role_arn": ROLE.replace(ACCOUNT, OTHER_ACCOUNT)},
    ),
    Mistake(
        "10 a path left out of the role's ARN",
        "role-path-differs",
        DENIED,
        (f"arn:aws:iam::{ACCOUNT}:role/api", ROLE, "path is part of the name"),
        {"role_arn": f"arn:aws:iam::{ACCOUNT}:role/api", "policy": get_role(ROLE, policy())},
    ),
    Mistake(
        "10 an instance profile",
        "not-a-role-arn",
        ("deny", "ValidationError"),
        ("instance profile", "Request ARN is invalid"),
        {"role_arn": f"arn:aws:iam::{ACCOUNT}:instance-profile/api"},
    ),
    Mistake(
        "10 a session's ARN",
        "not-a-role-arn",
        ("deny", "ValidationError"),
        ("this is a session",),
        {"role_arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/api/session"},
    ),
    Mistake(
        "11 another partition",
        "partition-differs",
        INVALID,
        ("aws-cn", "partition aws"),
        {"role_arn": ROLE.replace("arn:aws:", "arn:aws-cn:")},
    ),
    Mistake(
        "11 another partition in the policy",
        "partition-differs",
        DENIED,
        ("arn:aws-us-gov:", "partition aws."),
        only_statement(Principal={"Federated": PROVIDER_ARN.replace("arn:aws:", "arn:aws-us-gov:")}),
    ),
    Mistake(
        "12 a service as principal",
        "principal-not-federated",
        DENIED,
        ("Service ec2.amazonaws.com", PROVIDER_ARN),
        only_statement(Principal={"Service": "ec2.amazonaws.com"}, Action="sts:AssumeRole", Condition=None),
    ),
    Mistake(
        "12 an account as principal",
        "principal-not-federated",
        DENIED,
        ("AWS arn:aws:iam::111122223333:root",),
        only_statement(Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, Condition=None),
    ),
    Mistake(
        "12 a role for Pod Identity",
        "pod-identity-principal",
        DENIED,
        ("EKS Pod Identity", PROVIDER_ARN),
        only_statement(
            Principal={"Service": "pods.eks.amazonaws.com"}, Action=["sts:AssumeRole", "sts:TagSession"], Condition=None
        ),
    ),
    Mistake(
        "13 the action sts:AssumeRole",
        "action-not-web-identity",
        DENIED,
        ("sts:AssumeRole;", "sts:AssumeRoleWithWebIdentity"),
        only_statement(Action="sts:AssumeRole"),
    ),
    Mistake(
        "14 no provider for the cluster",
        "no-provider",
        INVALID,
        (OLD_CLUSTER, f"create-open-id-connect-provider --url https://{CLUSTER}", "a new issuer"),
        {"providers": (PROVIDER_ARN.replace(CLUSTER, OLD_CLUSTER),)},
    ),
    Mistake(
        "15 the API server's token",
        "api-token",
        INVALID,
        ("https://kubernetes.default.svc", "for the API server", "serviceAccountToken"),
        {"token": token(aud=["https://kubernetes.default.svc"])},
    ),
    Mistake(
        "15 Pod Identity's token",
        "pod-identity-token",
        INVALID,
        ("EKS Pod Identity's",),
        {"token": token(aud=["pods.eks.amazonaws.com"])},
    ),
    Mistake(
        "15 a Secret's token",
        "legacy-secret-token",
        INVALID,
        ("Secret's token", "never expires"),
        {"token": token(iss="kubernetes/serviceaccount", aud=None, exp=None)},
    ),
    Mistake(
        "16 a stale thumbprint",
        "stale-thumbprint",
        INVALID,
        ("update-open-id-connect-provider-thumbprint",),
        {"sts_message": "OpenIDConnect provider's HTTPS certificate doesn't match configured thumbprint"},
    ),
    Mistake(
        "17 a Deny",
        "explicit-deny",
        DENIED,
        ("This Deny applies", "no Allow outweighs it"),
        {
            "policy": policy(
                statement(), statement(Effect="Deny", Condition={"StringEquals": {f"{CLUSTER}:sub": SUBJECT}})
            )
        },
    ),
    Mistake(
        "17 a policy out of sight",
        "denied-out-of-sight",
        DENIED,
        ("resource control policies", "VPC endpoint"),
        {"sts_message": "An error occurred (AccessDenied): Not authorized to perform sts:AssumeRoleWithWebIdentity"},
    ),
    Mistake(
        "18 a trailing slash at the provider",
        "trailing-slash",
        INVALID,
        ("letter by letter",),
        {"providers": (PROVIDER_ARN + "/",)},
    ),
    Mistake(
        "18 a trailing slash in the policy",
        "trailing-slash",
        DENIED,
        ("trailing slash", CLUSTER),
        only_statement(Principal={"Federated": PROVIDER_ARN + "/"}, Condition=equals(cluster=CLUSTER + "/")),
    ),
    Mistake(
        "19 a condition on kubernetes.io",
        "claim-is-no-key",
        DENIED,
        ("kubernetes.io/namespace", "is not a condition key", "in sub"),
        only_statement(Condition={"StringEquals": {f"{CLUSTER}:kubernetes.io/namespace": "payments"}}),
    ),
    Mistake(
        "20 a region that is not activated",
        "region-not-activated",
        ("deny", "RegionDisabledException"),
        ("Activate it in IAM's account settings",),
        {
            "sts_message": "STS is not activated in this region for account:111122223333. Your account administrator "
            "can activate STS in this region using the IAM Console."
        },
    ),
)


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name)
def test_a_mistake_is_named_with_aws_code_cause_and_fix(mistake: Mistake) -> None:
    told = explained(**mistake.parts)
    found = [finding for finding in told.findings if finding.code == mistake.code]

    assert (told.verdict.value, told.aws_code) == mistake.answer
    assert found, [finding.code for finding in told.findings]
    text = " ".join(f"{finding.message} {finding.fix}" for finding in found)
    assert [word for word in mistake.words if word not in text] == []
    assert all(finding.fix for finding in found)


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name)
def test_what_the_lint_and_the_token_both_show_is_told_once(mistake: Mistake) -> None:
    told = [(finding.code, finding.where) for finding in explained(**mistake.parts).findings if finding.where]

    assert len(told) == len(set(told))


def test_all_twenty_are_there() -> None:
    assert sorted({mistake.name[:2] for mistake in MISTAKES}) == [f"{number:02}" for number in range(1, 21)]


def test_what_is_right_is_allowed_and_says_which_statement_lets_it_in() -> None:
    told = explained()

    assert (told.verdict.value, told.aws_code) == ("allow", "")
    assert [found.code for found in told.findings if found.level is not Level.INFO] == []
    assert "allowed-by" in [found.code for found in told.findings]


@pytest.mark.parametrize(
    ("claims", "now", "code", "answer"),
    [
        ({}, EPOCH + 86_400, "token-expired", ("invalid-token", "ExpiredTokenException")),
        ({"exp": EPOCH + 400_000}, EPOCH + 90_000, "token-too-old", ("invalid-token", "ExpiredTokenException")),
        ({}, EPOCH - 1, "token-not-yet-valid", INVALID),
        ({"aud": [AUDIENCE, "vault"]}, EPOCH, "several-audiences", INVALID),
        ({"exp": EPOCH + 0.5}, EPOCH, "time-not-whole", INVALID),
        ({"sub": None}, EPOCH, "claim-missing", INVALID),
    ],
)
def test_tokens_that_sts_refuses_for_themselves(
    claims: dict[str, object], now: float, code: str, answer: tuple[str, str]
) -> None:
    told = explained(token=token(**claims), now=now)

    assert (told.verdict.value, told.aws_code) == answer
    assert code in [finding.code for finding in told.findings]


def test_the_first_refusal_in_stss_order_is_the_answer_and_the_others_are_told_too() -> None:
    wrong = policy(statement(Condition=equals("system:serviceaccount:payment:api")))

    told = explained(now=EPOCH + 90_000, policy=wrong)

    assert told.aws_code == "ExpiredTokenException"
    assert {"token-expired", "subject-differs"} <= {finding.code for finding in told.findings}
