"""One cluster, one role, one service account, and the policy that is right for them: each test spoils one thing."""

import json
from typing import Any

from sidecar.core.findings import Level
from sidecar.explain import Explanation, Question, explain
from sidecar.explain.policy_text import policy_text
from sidecar.explain.question import OidcProvider, provider
from tests.doubles import EPOCH, a_token

CLUSTER = "oidc.eks.eu-west-1.amazonaws.com/id/AAAA1111BBBB2222CCCC3333DDDD4444"
OLD_CLUSTER = "oidc.eks.eu-west-1.amazonaws.com/id/0000999900008888000077770000FFFF"
ACCOUNT = "111122223333"
OTHER_ACCOUNT = "999999999999"
PROVIDER_ARN = f"arn:aws:iam::{ACCOUNT}:oidc-provider/{CLUSTER}"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/payments/api"
AUDIENCE = "sts.amazonaws.com"
SUBJECT = "system:serviceaccount:payments:api"
NOW = EPOCH + 600

Document = dict[str, Any]


def token(**claims: object) -> str:
    """The pod's token, ten minutes old; a claim of None is null, as good as missing."""
    kubernetes = {"namespace": "payments", "pod": {"name": "api-0"}, "serviceaccount": {"name": "api"}}
    usual: Document = {"iss": f"https://{CLUSTER}", "sub": SUBJECT, "kubernetes.io": kubernetes}
    return a_token(**usual | claims).raw


def statement(**parts: Any) -> Document:
    """The right statement, with parts replaced; a part of None is left out."""
    whole = {
        "Effect": "Allow",
        "Principal": {"Federated": PROVIDER_ARN},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringEquals": {f"{CLUSTER}:aud": AUDIENCE, f"{CLUSTER}:sub": SUBJECT}},
    } | parts
    return {name: value for name, value in whole.items() if value is not None}


def equals(subject: str | list[str] = SUBJECT, audience: str = AUDIENCE, cluster: str = CLUSTER) -> Document:
    """A Condition as most people write it."""
    return {"StringEquals": {f"{cluster}:aud": audience, f"{cluster}:sub": subject}}


def policy(*statements: Document) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements or (statement(),))})


def asked(**parts: Any) -> Question:
    """The question of a pod for which everything is right, with parts replaced."""
    found = policy_text(parts.pop("policy", policy()))
    providers: tuple[OidcProvider, ...] = tuple(provider(text) for text in parts.pop("providers", (PROVIDER_ARN,)))
    usual: Document = {"token": token(), "now": NOW, "role_arn": ROLE, "client_ids": (AUDIENCE,)}
    return Question(**usual | {"policy": found.text, "policy_of": found.role_arn, "providers": providers} | parts)


def explained(**parts: Any) -> Explanation:
    return explain(asked(**parts))


def causes(told: Explanation) -> list[str]:
    """The codes for which STS refuses, in order."""
    return [found.code for found in told.findings if found.level is Level.ERROR]


def codes(told: Explanation) -> list[str]:
    """Everything that is said, in order."""
    return [found.code for found in told.findings]


def get_role(arn: str, document: str) -> str:
    """What `aws iam get-role` prints."""
    return json.dumps({"Role": {"Arn": arn, "AssumeRolePolicyDocument": json.loads(document)}})
