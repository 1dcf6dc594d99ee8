"""Cases of tokens, issuers, roles and STS's own words."""

from collections.abc import Iterator

from tests.explain.asking import (
    ACCOUNT,
    CLUSTER,
    NOW,
    OLD_CLUSTER,
    OTHER_ACCOUNT,
    PROVIDER_ARN,
    ROLE,
    get_role,
    statement,
    token,
)
from tests.explain.corpus.example import ALLOW, DENY, INVALID, RIGHT, Example, Json, document, examples, sub, when


def tokens() -> Iterator[Example]:
    unreachable = "public https:// issuer"
    right = when(RIGHT)

    def of(issuer: str, arn: str = "") -> Json:
        return {
            "token": token(iss=issuer),
            "providers": (arn or PROVIDER_ARN.replace(CLUSTER, issuer.partition("://")[2] or issuer),),
        }

    yield from examples(
        INVALID,
        (
            "kubeadm's default issuer",
            "issuer-unreachable",
            unreachable,
            right,
            of("https://kubernetes.default.svc.cluster.local"),
        ),
        ("rke2 as issuer", "issuer-unreachable", unreachable, right, of("rke2")),
        ("a private address as issuer", "issuer-unreachable", unreachable, right, of("https://10.0.0.1:6443")),
        ("a local name as issuer", "issuer-unreachable", unreachable, right, of("https://k8s.corp.local")),
        ("a single label as issuer", "issuer-unreachable", unreachable, right, of("https://kubernetes")),
        ("an http issuer", "issuer-unreachable", unreachable, right, of("http://oidc.example.com")),
        ("a scheme in capitals", "issuer-unreachable", unreachable, right, of("HTTPS://oidc.example.com")),
        ("an issuer without a scheme", "issuer-unreachable", unreachable, right, of("oidc.example.com")),
        ("https on loopback as issuer", "issuer-unreachable", unreachable, right, of("https://localhost:8443")),
        ("an expired token", "token-expired", "subPath", right, {"now": NOW + 90_000}),
        ("a token from the future", "token-not-yet-valid", "NTP", right, {"now": NOW - 7200}),
        (
            "a Secret's token",
            "legacy-secret-token",
            "serviceAccountToken",
            right,
            {"token": token(iss="kubernetes/serviceaccount", aud=None, exp=None)},
        ),
        ("a token without sub", "claim-missing", "serviceAccountToken", right, {"token": token(sub=None)}),
        ("not a token", "not-a-jwt", "serviceAccountToken", right, {"token": "AKIAEXAMPLE"}),
        (
            "no provider for the issuer",
            "no-provider",
            "create-open-id-connect-provider",
            right,
            {"providers": (PROVIDER_ARN.replace(CLUSTER, OLD_CLUSTER),)},
        ),
        (
            "a provider with a trailing slash",
            "trailing-slash",
            "Create a provider",
            right,
            {"providers": (f"{PROVIDER_ARN}/",)},
        ),
        (
            "a provider in other letters",
            "issuer-case",
            "Create a provider",
            right,
            {"providers": (f"https://{CLUSTER.lower()}",)},
        ),
        (
            "a role of another account",
            "role-in-other-account",
            PROVIDER_ARN.replace(ACCOUNT, OTHER_ACCOUNT),
            right,
            {"role_arn": ROLE.replace(ACCOUNT, OTHER_ACCOUNT)},
        ),
        (
            "a role of another partition",
            "partition-differs",
            "aws-cn",
            right,
            {"role_arn": ROLE.replace("arn:aws:", "arn:aws-cn:")},
        ),
    )
    yield from examples(
        DENY,
        ("a role's bare name", "not-a-role-arn", "get-role --role-name api", right, {"role_arn": "api"}),
        (
            "an instance profile",
            "not-a-role-arn",
            "get-role",
            right,
            {"role_arn": ROLE.replace(":role/", ":instance-profile/")},
        ),
        (
            "a session's ARN",
            "not-a-role-arn",
            "--role-name api",
            right,
            {"role_arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/api/x"},
        ),
        ("a user's ARN", "not-a-role-arn", "get-role", right, {"role_arn": ROLE.replace(":role/", ":user/")}),
        (
            "the role's path left out",
            "role-path-differs",
            ROLE,
            get_role(ROLE, right),
            {"role_arn": f"arn:aws:iam::{ACCOUNT}:role/api"},
        ),
        (
            "another role's policy",
            "other-role",
            ROLE,
            get_role(ROLE, right),
            {"role_arn": f"arn:aws:iam::{ACCOUNT}:role/web"},
        ),
        (
            "session tags without the permission",
            "tag-session-missing",
            "sts:TagSession",
            right,
            {"token": token(**{"https://aws.amazon.com/tags": {"principal_tags": {"team": ["pay"]}}})},
        ),
        (
            "a source identity without the permission",
            "source-identity-missing",
            "sts:SetSourceIdentity",
            right,
            {"token": token(**{"https://aws.amazon.com/source_identity": "ann"})},
        ),
        (
            "words of STS that are not known",
            "saying-unknown",
            "complete message",
            right,
            {"sts_message": "computer says no"},
        ),
        (
            "a denial by a policy out of sight",
            "denied-out-of-sight",
            "resource control policies",
            right,
            {"sts_message": "Not authorized to perform sts:AssumeRoleWithWebIdentity"},
        ),
        (
            "a region that is not activated",
            "region-not-activated",
            "account settings",
            right,
            {"sts_message": "STS is not activated in this region for account:111122223333."},
        ),
    )
    yield from examples(
        ALLOW,
        (
            "session tags with the permission",
            "allowed-by",
            "",
            document(statement(Action=["sts:AssumeRoleWithWebIdentity", "sts:TagSession"])),
            {"token": token(**{"https://aws.amazon.com/tags": {"principal_tags": {"team": ["pay"]}}})},
        ),
        (
            "a tag that the policy wants",
            "allowed-by",
            "",
            when(
                RIGHT, sub("pay", key="aws:RequestTag/team"), Action=["sts:AssumeRoleWithWebIdentity", "sts:TagSession"]
            ),
            {"token": token(**{"https://aws.amazon.com/tags/principal_tags/team": "pay"})},
        ),
        ("a newline behind the token", "white-space-around-token", "printf", right, {"token": token() + "\n"}),
        (
            "the lab's issuer",
            "issuer-of-the-lab",
            "public",
            right.replace(CLUSTER, "127.0.0.1:8080"),
            of("http://127.0.0.1:8080"),
        ),
    )
