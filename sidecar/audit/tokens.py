"""The questions to explain: the token that a service account would bring, made from what the cluster shows."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass

from sidecar.audit.cluster import Cluster, ClusterServiceAccount
from sidecar.audit.roles import AuditedRole
from sidecar.core.model import UnixTime
from sidecar.explain import Explanation, Judgement, Question, explain, judge
from sidecar.explain.question import OidcProvider

_HEADER = {"alg": "RS256", "kid": "from-the-cluster"}
_LIFE = 3600
"""Seconds. Kubernetes's default for a projected token."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One call: this account's token for this audience, and `role_arn` that it asks for."""

    role: AuditedRole
    cluster: Cluster
    account: ClusterServiceAccount
    audience: str
    role_arn: str
    session_name: str = ""
    """What the caller calls its session; "" for what the sidecar would."""


@dataclass(frozen=True, slots=True)
class Asker:
    """Asks explain as of `now`. `providers` are each account's OIDC providers; an account not in it is not known."""

    now: UnixTime
    providers: Mapping[str, tuple[OidcProvider, ...]]

    def judge(self, asked: Asked) -> Judgement:
        return judge(self._question(asked))

    def explain(self, asked: Asked) -> Explanation:
        """The same with its reasons, ten times as slow."""
        return explain(self._question(asked))

    def _question(self, asked: Asked) -> Question:
        return Question(
            token=_token(asked.cluster, asked.account, asked.audience, int(self.now)),
            policy=asked.role.text,
            now=self.now,
            role_arn=asked.role_arn,
            policy_of=asked.role.arn,
            providers=self.providers.get(asked.role.account, ()),
            session_name=asked.session_name,
        )


def _token(cluster: Cluster, account: ClusterServiceAccount, audience: str, now: int) -> str:
    pod = {"pod": {"name": account.pods[0].name}} if account.pods else {}
    claims = {
        "iss": cluster.issuer,
        "sub": account.subject,
        "aud": [audience],
        "iat": now,
        "nbf": now,
        "exp": now + _LIFE,
        "kubernetes.io": {"namespace": account.namespace, "serviceaccount": {"name": account.name}} | pod,
    }
    return f"{_part(_HEADER)}.{_part(claims)}.{'A' * 342}"  # no signature: none is looked at


def _part(found: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(found).encode()).decode().rstrip("=")
