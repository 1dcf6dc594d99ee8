"""The input: a token, a policy, and what is known of the IAM provider and the role."""

import re
from dataclasses import dataclass, field
from functools import cached_property

from sidecar.core.arns import RoleArn
from sidecar.core.findings import Finding
from sidecar.core.model import UnixTime
from sidecar.explain.jwt_parts import UnverifiedToken, shown
from sidecar.trust import IntendedCaller, TrustPolicy, issuer_prefix, lint

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
    providers: tuple[OidcProvider, ...] = ()
    client_ids: tuple[str, ...] = ()
    sts_message: str = ""


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
    def provider_arn(self) -> str:
        """What a policy must name as its principal for this token."""
        return self.place.provider_arn(self.token.issuer_name)

    def key(self, claim: str) -> str:
        """The condition key of a claim of this token."""
        return f"{issuer_prefix(self.token.issuer)}:{claim}"
