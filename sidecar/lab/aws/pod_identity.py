"""EKS Auth's decision for the Pod Identity agent: a service account's token in, a session of its role out.

Operation and codes: EKS Auth API reference, AssumeRoleForPodIdentity. The order of its checks is inference.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sidecar import trust
from sidecar.core.audiences import POD_IDENTITY
from sidecar.lab.aws import token_verification
from sidecar.lab.aws.answers import ServiceRefusal, StsRefusal
from sidecar.lab.aws.arns import parse_role_arn
from sidecar.lab.aws.associations import Association
from sidecar.lab.aws.iam import Iam, IamRole
from sidecar.lab.aws.sessions import IssuedSession, Sessions
from sidecar.lab.aws.token_verification import DecodedToken, IssuerKeys

CLUSTER = "lab"
SESSION_LIFETIME = 6 * 3600.0
"""Seconds, always (EKS User Guide, "How EKS Pod Identity works")."""
DENIED = "Unauthorized Exception! EKS does not have permissions to assume the associated role."


class EksRefusal(ServiceRefusal):
    """EKS Auth refuses."""


@dataclass(frozen=True, slots=True)
class PodIdentity:
    """EKS Auth over one IAM, one set of sessions, the issuers' keys, and the associations.

    `session_lifetime` (seconds) replaces the six hours, so that a rehearsal can see credentials expire.
    """

    iam: Callable[[], Iam]
    associations: Callable[[], tuple[Association, ...]]
    sessions: Sessions = field(repr=False)
    keys: IssuerKeys
    session_lifetime: float | None = None

    async def assume_role(self, text: str, now: float) -> IssuedSession:
        """Raises EksRefusal."""
        try:
            token = token_verification.take_apart(text)
            key = await self.keys.find(token.issuer, str(token.header.get("kid", "")))
            token_verification.check_signature(token, key)
            token_verification.check_times(token.claims, now)
        except StsRefusal as error:
            raise _bad_token(error) from error
        if POD_IDENTITY not in token.audiences:
            why = f"The audience is {', '.join(token.audiences)}."
            raise EksRefusal("InvalidTokenException", "The token's audience is not the expected one.", why=why)
        return self._issue(self._role(token, now), token, now)

    def _role(self, token: DecodedToken, now: float) -> IamRole:
        """The one that is associated, if it trusts EKS to assume it for this pod."""
        association = next((each for each in self.associations() if each.subject == token.claims["sub"]), None)
        if association is None:
            raise EksRefusal("ResourceNotFoundException", "No association found for the service account", status=404)
        role = self.iam().role(parse_role_arn(association.role_arn))
        if role is None:
            raise EksRefusal("AccessDeniedException", DENIED, why=f"There is no role {association.role_arn}.")
        for action in (trust.ASSUME_ROLE, trust.TAG_SESSION):
            verdict = trust.evaluate(role.policy, _request(action, session_tags(token.claims), now))
            if not verdict.allowed:
                raise EksRefusal("AccessDeniedException", DENIED, why=f"{action}: {verdict.reason}")
        return role

    def _issue(self, role: IamRole, token: DecodedToken, now: float) -> IssuedSession:
        lifetime = SESSION_LIFETIME if self.session_lifetime is None else self.session_lifetime
        tags = session_tags(token.claims)
        name = f"eks-{CLUSTER}-{tags['kubernetes-pod-name']}"[:64]
        return self.sessions.issue(
            arn=role.arn.session(name),
            assumed_role_id=f"{role.arn.unique_id}:{name}",
            role_arn=str(role.arn),
            expires_at=float(math.floor(now + lifetime)),
            tags=tags,
            transitive_tags=tuple(tags),
        )


def session_tags(claims: Mapping[str, Any]) -> dict[str, str]:
    """EKS User Guide, "Grant Pods access to AWS resources based on tags"."""
    pod = claims.get("kubernetes.io") or {}
    found = {
        "eks-cluster-name": CLUSTER,
        "kubernetes-namespace": pod.get("namespace", ""),
        "kubernetes-service-account": (pod.get("serviceaccount") or {}).get("name", ""),
        "kubernetes-pod-name": (pod.get("pod") or {}).get("name", ""),
        "kubernetes-pod-uid": (pod.get("pod") or {}).get("uid", ""),
    }
    return {key: str(value) for key, value in found.items()}


def _request(action: str, tags: Mapping[str, str], now: float) -> trust.RequestContext:
    """What EKS's call shows to a trust policy."""
    keys: dict[str, tuple[str, ...]] = {f"aws:requesttag/{key}": (value,) for key, value in tags.items()}
    keys |= {"aws:tagkeys": tuple(tags), "aws:epochtime": (str(int(now)),), "aws:securetransport": ("true",)}
    return trust.RequestContext(action, "Service", (POD_IDENTITY,), keys)


def _bad_token(error: StsRefusal) -> EksRefusal:
    code = "ExpiredTokenException" if error.code == "ExpiredTokenException" else "InvalidTokenException"
    return EksRefusal(code, error.message, why=error.why)
