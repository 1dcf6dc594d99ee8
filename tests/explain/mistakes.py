"""The mistakes that people make with IRSA, numbered as in docs/explain.md: the one table of them.

Each is the right world with something spoilt: statement, IAM provider, token, role ARN, or a fault of the lab. `{P}`
stands for the issuer as ARNs and condition keys spell it, `{U}` for its URL.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sidecar.core.errors import ExchangeFailed, RequestRefused, TokenRefused, TrustRefused
from sidecar.explain import Question
from sidecar.explain.question import provider
from tests.explain.asking import ACCOUNT, AUDIENCE, OLD_CLUSTER, OTHER_ACCOUNT, ROLE, SUBJECT

Json = dict[str, Any]

DENIED, INVALID, EXPIRED = (403, "AccessDenied"), (400, "InvalidIdentityToken"), (400, "ExpiredTokenException")
VALIDATION, REGION = (400, "ValidationError"), (403, "RegionDisabledException")


@dataclass(frozen=True, kw_only=True)
class Mistake:
    """What is wrong; how `explain` calls it, with words that it must say; what AWS answers; what that is to us."""

    name: str
    code: str
    words: tuple[str, ...]
    aws: tuple[int, str] = DENIED
    ours: type[ExchangeFailed] = TrustRefused
    statement: Json = field(default_factory=dict, repr=False)
    more: tuple[Json, ...] = field(default=(), repr=False)
    provider: Json = field(default_factory=dict, repr=False)
    claims: Json = field(default_factory=dict, repr=False)
    role_arn: str = ROLE
    fault: str = ""
    """Of the lab: what no file shows. STS's message is then given to `explain`."""

    def __str__(self) -> str:
        return self.name

    def policy(self, issuer: str) -> Json:
        """The role's trust policy, for a cluster whose issuer has this URL."""
        spoilt = {name: value for name, value in (RIGHT | self.statement).items() if value is not None}
        document: Json = filled({"Version": "2012-10-17", "Statement": [spoilt, *self.more]}, issuer)
        return document

    def oidc_provider(self, issuer: str) -> Json:
        """IAM's provider, in the lab's form."""
        right = {"url": "{U}", "account": ACCOUNT, "clientIds": [AUDIENCE]}
        spoilt: Json = filled(right | self.provider, issuer)
        return spoilt

    def question(self, issuer: str, token: str, now: float, sts_message: str = "") -> Question:
        """What `explain` is asked, with all that the account's owner could tell."""
        found = self.oidc_provider(issuer)
        return Question(
            token=token,
            policy=json.dumps(self.policy(issuer)),
            policy_of=ROLE,
            now=now,
            role_arn=self.role_arn,
            providers=(provider(f"arn:aws:iam::{ACCOUNT}:oidc-provider/{found['url'].partition('://')[2]}"),),
            client_ids=tuple(found["clientIds"]),
            sts_message=sts_message,
        )


def filled(thing: Any, issuer: str) -> Any:
    """The thing with the issuer's name and URL in it."""
    return json.loads(json.dumps(thing).replace("{P}", issuer.partition("://")[2]).replace("{U}", issuer))


def equals(subject: str | list[str] = SUBJECT, audience: str = AUDIENCE, issuer: str = "{P}") -> Json:
    return condition({f"{issuer}:aud": audience, f"{issuer}:sub": subject})


def condition(block: Mapping[str, Any]) -> Json:
    return {"Condition": {"StringEquals": block}}


def federated(arn: str) -> Json:
    return {"Principal": {"Federated": arn}}


def provider_arn(issuer: str = "{P}", partition: str = "aws") -> str:
    return f"arn:{partition}:iam::{ACCOUNT}:oidc-provider/{issuer}"


RIGHT: Json = {
    "Effect": "Allow",
    "Action": "sts:AssumeRoleWithWebIdentity",
    **federated(provider_arn()),
    **equals(),
}
NOTHING_WRONG = Mistake(name="nothing wrong", code="allowed-by", words=(), aws=(200, ""))

THE_TWENTY = (
    Mistake(
        name="01 a typo in the namespace",
        code="subject-differs",
        words=("`system:serviceaccount:payments:api` ≠ `system:serviceaccount:payment:api`", "the namespace differs"),
        statement=equals("system:serviceaccount:payment:api"),
    ),
    Mistake(
        name="01 another service account of several",
        code="subject-differs",
        words=(f"`{SUBJECT}` ≠ `system:serviceaccount:payments:app`", "nearest of 2", "the service account differs"),
        statement=equals(["system:serviceaccount:web:front", "system:serviceaccount:payments:app"]),
    ),
    Mistake(
        name="01 the case of a letter",
        code="subject-differs",
        words=("only the case differs",),
        statement=equals("system:serviceaccount:Payments:api"),
    ),
    Mistake(
        name="01 a subject without its prefix",
        code="subject-shape",
        words=("`payments:api`", "never issues such a sub"),
        statement=equals("payments:api"),
    ),
    Mistake(
        name="02 a wildcard under StringEquals",
        code="wildcard-under-equals",
        words=("'system:serviceaccount:payments:*'", "plain character", "StringLike"),
        statement=equals("system:serviceaccount:payments:*"),
    ),
    Mistake(
        name="03 the subject under the aud key",
        code="subject-under-aud",
        words=(SUBJECT, '"{P}:sub"'),
        statement=condition({"{P}:aud": SUBJECT}),
    ),
    Mistake(
        name="04 China's audience in the policy",
        code="audience-differs",
        words=("`sts.amazonaws.com` ≠ `sts.amazonaws.com.cn`", "in China too"),
        statement=equals(audience="sts.amazonaws.com.cn"),
    ),
    Mistake(
        name="04 a regional host as audience",
        code="audience-differs",
        words=("≠ `sts.eu-west-1.amazonaws.com`", "regional endpoint"),
        statement=equals(audience="sts.eu-west-1.amazonaws.com"),
    ),
    Mistake(
        name="04 sts.amazon.com",
        code="audience-differs",
        words=("≠ `sts.amazon.com`", "misspelled"),
        statement=equals(audience="sts.amazon.com"),
    ),
    Mistake(
        name="05 the provider does not list the audience",
        code="client-id-missing",
        words=(
            "not among the provider's client ids (sigstore)",
            "add-client-id-to-open-id-connect-provider",
            provider_arn(),
        ),
        aws=INVALID,
        provider={"clientIds": ["sigstore"]},
    ),
    Mistake(
        name="06 a condition key with https://",
        code="scheme-in-condition-key",
        words=("https://{P}:sub", "Write {P}:sub"),
        statement=equals(issuer="https://{P}"),
    ),
    Mistake(
        name="07 a provider ARN with https://",
        code="scheme-in-provider-arn",
        words=("oidc-provider/https://{P}", provider_arn()),
        statement=federated(provider_arn("https://{P}")),
    ),
    Mistake(
        name="08 the policy names another cluster",
        code="other-issuer",
        words=(OLD_CLUSTER, "{P}", "another cluster"),
        statement=federated(provider_arn(OLD_CLUSTER)) | equals(issuer=OLD_CLUSTER),
    ),
    Mistake(
        name="09 another account in the role's ARN",
        code="role-in-other-account",
        words=(OTHER_ACCOUNT, ACCOUNT, "No OpenIDConnect provider found in your account"),
        aws=INVALID,
        role_arn=ROLE.replace(ACCOUNT, OTHER_ACCOUNT),
    ),
    Mistake(
        name="10 a path left out of the role's ARN",
        code="role-path-differs",
        words=(f"arn:aws:iam::{ACCOUNT}:role/api", ROLE, "path is part of the name"),
        role_arn=f"arn:aws:iam::{ACCOUNT}:role/api",
    ),
    Mistake(
        name="10 an instance profile",
        code="not-a-role-arn",
        words=("instance profile", "Request ARN is invalid"),
        aws=VALIDATION,
        ours=RequestRefused,
        role_arn=f"arn:aws:iam::{ACCOUNT}:instance-profile/api",
    ),
    Mistake(
        name="10 a session's ARN",
        code="not-a-role-arn",
        words=("this is a session",),
        aws=VALIDATION,
        ours=RequestRefused,
        role_arn=f"arn:aws:sts::{ACCOUNT}:assumed-role/api/session",
    ),
    Mistake(
        name="11 another partition",
        code="partition-differs",
        words=("aws-cn", "partition aws"),
        aws=INVALID,
        role_arn=ROLE.replace("arn:aws:", "arn:aws-cn:"),
    ),
    Mistake(
        name="11 another partition in the policy",
        code="partition-differs",
        words=("arn:aws-us-gov:", "partition aws."),
        statement=federated(provider_arn(partition="aws-us-gov")),
    ),
    Mistake(
        name="12 a service as principal",
        code="principal-not-federated",
        words=("Service ec2.amazonaws.com", provider_arn()),
        statement={"Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole", "Condition": None},
    ),
    Mistake(
        name="12 an account as principal",
        code="principal-not-federated",
        words=(f"AWS arn:aws:iam::{ACCOUNT}:root", provider_arn()),
        statement={"Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Condition": None},
    ),
    Mistake(
        name="12 a role for Pod Identity",
        code="pod-identity-principal",
        words=("EKS Pod Identity", provider_arn()),
        statement={
            "Principal": {"Service": "pods.eks.amazonaws.com"},
            "Action": ["sts:AssumeRole", "sts:TagSession"],
            "Condition": None,
        },
    ),
    Mistake(
        name="13 the action sts:AssumeRole",
        code="action-not-web-identity",
        words=("sts:AssumeRole,", "sts:AssumeRoleWithWebIdentity"),
        statement={"Action": "sts:AssumeRole"},
    ),
    Mistake(
        name="14 no provider for the cluster",
        code="no-provider",
        words=(OLD_CLUSTER, "create-open-id-connect-provider --url {U}", "a new issuer"),
        aws=INVALID,
        provider={"url": f"https://{OLD_CLUSTER}"},
    ),
    Mistake(
        name="15 the API server's token",
        code="api-token",
        words=("https://kubernetes.default.svc", "for the API server", "serviceAccountToken"),
        aws=INVALID,
        claims={"aud": ["https://kubernetes.default.svc"]},
    ),
    Mistake(
        name="15 Pod Identity's token",
        code="pod-identity-token",
        words=("EKS Pod Identity's",),
        aws=INVALID,
        claims={"aud": ["pods.eks.amazonaws.com"]},
    ),
    Mistake(
        name="15 a Secret's token",
        code="legacy-secret-token",
        words=("Secret's token", "never expires"),
        aws=INVALID,
        ours=TokenRefused,
        claims={"iss": "kubernetes/serviceaccount", "aud": None, "exp": None},
    ),
    Mistake(
        name="16 a stale thumbprint",
        code="stale-thumbprint",
        words=("update-open-id-connect-provider-thumbprint",),
        aws=INVALID,
        fault="thumbprint",
    ),
    Mistake(
        name="17 a Deny",
        code="explicit-deny",
        words=("This Deny applies", "no Allow overrides it"),
        more=(RIGHT | {"Effect": "Deny"},),
    ),
    Mistake(
        name="17 a policy out of sight",
        code="denied-out-of-sight",
        words=("resource control policies", "VPC endpoint"),
        fault="denied-elsewhere",
    ),
    Mistake(
        name="18 a trailing slash at the provider",
        code="trailing-slash",
        words=("compares exactly",),
        aws=INVALID,
        provider={"url": "{U}/"},
    ),
    Mistake(
        name="18 a trailing slash in the policy",
        code="trailing-slash",
        words=("trailing slash", "{P}"),
        statement=federated(provider_arn("{P}/")) | equals(issuer="{P}/"),
    ),
    Mistake(
        name="19 a condition on kubernetes.io",
        code="claim-is-no-key",
        words=("kubernetes.io/namespace", "is not a condition key", "in sub"),
        statement=condition({"{P}:kubernetes.io/namespace": "payments"}),
    ),
    Mistake(
        name="20 a region that is not activated",
        code="region-not-activated",
        words=("Activate it in IAM's account settings",),
        aws=REGION,
        ours=RequestRefused,
        fault="region-disabled",
    ),
)

OF_THE_TOKEN_ALONE = (
    Mistake(
        name="several audiences",
        code="several-audiences",
        words=("2 audiences", "no azp"),
        aws=INVALID,
        ours=TokenRefused,
        claims={"aud": [AUDIENCE, "vault"]},
    ),
    Mistake(
        name="an expired token",
        code="token-expired",
        words=("expired", "do not mount it with subPath"),
        aws=EXPIRED,
        ours=TokenRefused,
        claims={"iat": 1_700_000_000, "nbf": 1_700_000_000, "exp": 1_700_003_600},
    ),
)

MISTAKES = (*THE_TWENTY, *OF_THE_TOKEN_ALONE)
MISTAKES_OF_POLICIES = [mistake for mistake in MISTAKES if mistake.statement or mistake.more]
BY_NAME = {mistake.name: mistake for mistake in MISTAKES}
