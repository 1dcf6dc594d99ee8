"""The input: a token, a policy, and what is known of the IAM provider and the role."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from sidecar.core.arns import RoleArn
from sidecar.core.claims import Claims
from sidecar.core.findings import Finding
from sidecar.core.model import UnixTime
from sidecar.explain.jwt_parts import UnverifiedToken, shown
from sidecar.sts.endpoints import is_of_aws
from sidecar.sts.session_name import session_name_for
from sidecar.trust import IntendedCaller, RequestContext, TrustPolicy, issuer_prefix, lint, web_identity
from sidecar.trust.patterns import has_wildcard
from sidecar.trust.shared_issuers import BUILT_IN

_PROVIDER_ARN = re.compile(r"arn:(?P<partition>aws[a-z0-9-]*):iam::(?P<account>\d{12}):oidc-provider/(?P<name>.+)")
_PROVIDER_URL = re.compile(r"https?://(?P<name>[^\s?#]+)")
UNKNOWN_ACCOUNT = "<account>"


@dataclass(frozen=True, slots=True)
class IamLocation:
    """Where something in IAM lives. STS looks for the provider where the role is."""

    partition: str
    account: str

    def provider_arn(self, name: str) -> str:
        return f"arn:{self.partition}:iam::{self.account}:oidc-provider/{name}"


@dataclass(frozen=True, slots=True)
class OidcProvider:
    """An IAM OIDC provider: its issuer without the scheme, and its place if an ARN told it."""

    name: str
    place: IamLocation | None = None

    @property
    def written(self) -> str:
        return self.place.provider_arn(self.name) if self.place else f"https://{self.name}"


def provider(text: str) -> OidcProvider:
    """From a provider's URL or ARN. Raises `ValueError` saying what is allowed."""
    if found := _PROVIDER_ARN.fullmatch(text):
        # `arn:…:oidc-provider/https://…` is one of the mistakes: the scheme stays in the name.
        return OidcProvider(found["name"], IamLocation(found["partition"], found["account"]))
    if found := _PROVIDER_URL.fullmatch(text):
        return OidcProvider(found["name"])
    raise ValueError(
        f"{text!r} is not an OIDC provider; https://<issuer> or "
        "arn:<partition>:iam::<account>:oidc-provider/<issuer without https://> is allowed"
    )


def role_in(text: str) -> RoleArn | None:
    """The role that an ARN names; None if it is not a role's."""
    try:
        return RoleArn.parse(text)
    except ValueError:
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """The arguments of `explain`, as text. `now` is in Unix seconds; `sts_message` is STS's own, if there was one."""

    token: str = field(repr=False)
    policy: str
    now: UnixTime
    role_arn: str = ""
    """The role that the pod asks for (AWS_ROLE_ARN)."""
    policy_of: str = ""
    """The role that the policy was read from, if `get-role` told."""
    sts_endpoint: str = ""
    """The URL of the STS that is asked; "" for AWS's."""
    providers: tuple[OidcProvider, ...] = ()
    client_ids: tuple[str, ...] = ()
    sts_message: str = ""
    untold: tuple[str, ...] = ()
    """Claims that the token may have though its text, made from an event, does not tell."""
    session_name: str = ""
    """The real call's, if somebody saw it; else the one that `serve` would choose."""
    request_keys: Mapping[str, str] = field(default_factory=dict)
    """Condition keys of the real call that somebody saw, such as `aws:SourceIp`."""
    remarks: tuple[Finding, ...] = ()
    """What the files showed while they were read."""

    @property
    def asks_aws(self) -> bool:
        """Whether AWS's own STS is asked: where another one can fetch an issuer's keys is its own affair."""
        return not self.sts_endpoint or is_of_aws(self.sts_endpoint)


@dataclass(frozen=True)
class Case:
    """A question whose token could be taken apart and whose policy could be parsed."""

    asked: Question
    token: UnverifiedToken
    policy: TrustPolicy

    @property
    def intended(self) -> IntendedCaller:
        """Whom the policy should let in: for the fixes."""
        return IntendedCaller(self.provider_arn, shown(self.token.subject))

    @cached_property
    def linted(self) -> tuple[Finding, ...]:
        """What the policy shows by itself, with fixes for this token."""
        return lint(self.policy, self.intended)

    @cached_property
    def role(self) -> IamLocation | None:
        """Where the role is, None while nobody said."""
        role = role_in(self.asked.role_arn) or role_in(self.asked.policy_of)
        return IamLocation(role.partition, role.account) if role else None

    @cached_property
    def principals(self) -> tuple[OidcProvider, ...]:
        """The OIDC providers that the policy trusts."""
        names = (p.name for statement in self.policy.statements for p in statement.principals if p.kind == "Federated")
        return tuple(provider(name) for name in names if _PROVIDER_ARN.fullmatch(name))

    @cached_property
    def matching(self) -> OidcProvider | None:
        """The IAM provider for exactly the token's issuer: given, or the one that the policy trusts, or assumed."""
        name = self.token.issuer_name
        given = [found for found in self.asked.providers if found.name == name]
        trusted = [found for found in self.principals if found.name == name]
        if self.asked.providers:
            at_home = [found for found in given if found.place in (None, self.role)]
            return next(iter(at_home or given), None)
        at_home = [found for found in trusted if found.place == self.role]
        return next(iter(at_home or trusted), OidcProvider(name))

    @cached_property
    def place(self) -> IamLocation:
        """Where to look for the provider. A misplaced one is named as such once, and from then on taken for right."""
        if self.matching and self.matching.place:
            return self.matching.place
        anywhere = (found.place for found in (*self.asked.providers, *self.principals) if found.place)
        return self.role or next(anywhere, IamLocation("aws", UNKNOWN_ACCOUNT))

    @property
    def wanted_audience(self) -> str:
        """What the provider lists, or else the policy wants; "" if neither tells."""
        conditions = (found for statement in self.policy.statements for found in statement.conditions)
        key = self.key("aud").casefold()
        wanted = (
            value
            for found in conditions
            if found.key.casefold() == key and not found.operator.negated and found.operator.base != "Null"
            for value in found.values
            if not has_wildcard(value)
        )
        return next(iter((*self.asked.client_ids, *wanted)), "")

    @property
    def is_built_in(self) -> bool:
        """Whether AWS knows the issuer without a provider in the account."""
        return self.token.issuer_name in BUILT_IN

    @cached_property
    def request(self) -> RequestContext:
        """What STS will show to the policy."""
        return web_identity(
            self.token.claims,
            self.provider_arn,
            session_name=self.session_name,
            now=self.asked.now,
            more=self.asked.request_keys,
        )

    @cached_property
    def session_name(self) -> str:
        """The call's own, or the one that `serve` would choose."""
        return self.asked.session_name or session_name_for(_claims(self.token))

    @property
    def provider_arn(self) -> str:
        """What a policy must name as its principal for this token."""
        if self.is_built_in:
            return self.token.issuer_name
        return self.place.provider_arn(self.token.issuer_name)

    def key(self, claim: str) -> str:
        """The condition key of a claim of this token."""
        return f"{issuer_prefix(self.token.issuer)}:{claim}"


def _claims(token: UnverifiedToken) -> Claims:
    kubernetes = token.claims.get("kubernetes.io")
    found = kubernetes if isinstance(kubernetes, dict) else {}
    pod = found.get("pod")
    name = pod.get("name") if isinstance(pod, dict) else ""
    namespace = found.get("namespace")
    return Claims(
        subject=token.subject,
        namespace=namespace if isinstance(namespace, str) else "",
        pod=name if isinstance(name, str) else "",
    )
