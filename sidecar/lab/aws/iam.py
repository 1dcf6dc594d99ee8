"""IAM's side of the lab: OIDC providers and roles with their trust policies. `iam_yaml` reads them from a file.

Limits are IAM's (API reference, CreateOpenIDConnectProvider and CreateRole). One difference: a provider may be
http://127.0.0.1, which AWS refuses, because the lab has no certificate that clients trust.
"""

import json
from dataclasses import dataclass
from typing import Any

from sidecar import trust
from sidecar.core.findings import Finding
from sidecar.lab.aws.arns import IamRoleArn, parse_role_arn
from sidecar.trust import IdentityPolicy, TrustPolicy
from sidecar.trust.shared_issuers import BUILT_IN

SHORTEST_MAXIMUM, LONGEST_MAXIMUM = 3600, 43200


@dataclass(frozen=True, slots=True)
class IamOidcProvider:
    """An OIDC identity provider in one account. Thumbprints are checked for form alone: nothing here speaks TLS."""

    url: str
    account: str
    partition: str = "aws"
    client_ids: tuple[str, ...] = ()
    thumbprints: tuple[str, ...] = ()

    @property
    def is_built_in(self) -> bool:
        """Known to AWS without a provider in the account; it lists no client ids, the policy alone decides."""
        return trust.issuer_prefix(self.url) in BUILT_IN

    @property
    def arn(self) -> str:
        """Of a built-in one the bare name, as policies write it."""
        if self.is_built_in:
            return trust.issuer_prefix(self.url)
        return f"arn:{self.partition}:iam::{self.account}:oidc-provider/{trust.issuer_prefix(self.url)}"


@dataclass(frozen=True, slots=True)
class IamRole:
    """A role that can be assumed. `max_session_duration` is in seconds; `permissions`: what it may do itself."""

    arn: IamRoleArn
    policy: TrustPolicy
    max_session_duration: int = SHORTEST_MAXIMUM
    permissions: tuple[IdentityPolicy, ...] = ()

    def as_iam_shows(self) -> dict[str, Any]:
        """The members of IAM's GetRole that matter for trust."""
        return {
            "Path": self.arn.path,
            "RoleName": self.arn.name,
            "RoleId": self.arn.unique_id,
            "Arn": str(self.arn),
            "MaxSessionDuration": self.max_session_duration,
            "AssumeRolePolicyDocument": json.loads(self.policy.text),
        }


@dataclass(frozen=True, slots=True)
class Remark:
    """A finding of the lint, with its line."""

    file: str
    line: int
    finding: Finding

    def __str__(self) -> str:
        finding = self.finding
        return f"{self.file}:{self.line}: {finding.level}: {finding.message} {finding.fix} [{finding.code}]"


@dataclass(frozen=True, slots=True)
class Iam:
    """All providers and roles, and the findings of the lint."""

    providers: tuple[IamOidcProvider, ...] = ()
    roles: tuple[IamRole, ...] = ()
    remarks: tuple[Remark, ...] = ()

    def provider(self, role: IamRoleArn, issuer: str) -> IamOidcProvider | None:
        """The provider for exactly this issuer in the role's account, where STS looks for it, or a built-in one."""
        if issuer.removeprefix("https://") in BUILT_IN:
            return IamOidcProvider(issuer, role.account, role.partition)
        place = (role.partition, role.account, issuer)
        return next((found for found in self.providers if (found.partition, found.account, found.url) == place), None)

    def role(self, arn: IamRoleArn) -> IamRole | None:
        """By the full ARN, path included."""
        return next((role for role in self.roles if role.arn == arn), None)

    def role_by_text(self, arn: str) -> IamRole | None:
        """The same by an ARN as text."""
        return next((role for role in self.roles if str(role.arn) == arn), None)


POD_IDENTITY_ROLE = "arn:aws:iam::111122223333:role/pod-identity"


def pod_identity_text(role_arn: str = POD_IDENTITY_ROLE) -> str:
    """What the first IAM file of a lab with an EKS Pod Identity agent has besides: a role that EKS may assume."""
    return f"""\

  - arn: {role_arn}
    trustPolicy:
      Version: "2012-10-17"
      Statement:
        - Effect: Allow
          Principal:
            Service: pods.eks.amazonaws.com
          Action: [sts:AssumeRole, sts:TagSession]
"""


def default_text(issuer: str, role_arn: str = "arn:aws:iam::111122223333:role/demo") -> str:
    """A first IAM file: the lab's issuer as provider, one role that `default/app` may assume."""
    role, name = parse_role_arn(role_arn), trust.issuer_prefix(issuer)
    return f"""\
# The lab's IAM. Edit it while the lab runs: it is read again when it changes, and the lab prints its complaints.
# The port in names and keys is the lab's: a real issuer has none, and a real condition key has one colon.
providers:
  - url: {issuer} # AWS accepts only https://
    account: "{role.account}"
    clientIds: [sts.amazonaws.com]

roles:
  - arn: {role_arn}
    maxSessionDuration: 3600
    trustPolicy: # as YAML, or as JSON text below a `|`
      Version: "2012-10-17"
      Statement:
        - Effect: Allow
          Principal:
            Federated: arn:{role.partition}:iam::{role.account}:oidc-provider/{name}
          Action: sts:AssumeRoleWithWebIdentity
          Condition:
            StringEquals:
              "{name}:aud": sts.amazonaws.com
              "{name}:sub": system:serviceaccount:default:app
"""
