"""The roles of an account, from `aws iam get-account-authorization-details`."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import unquote

from sidecar.core.arns import account_of
from sidecar.explain.policy_search import FoundRole, roles_in
from sidecar.explain.question import OidcProvider, provider
from sidecar.terminal.json_items import TOO_DEEP, JsonItems, NotUsableJson
from sidecar.trust import Effect, MalformedPolicy, Statement, TrustPolicy, parse

OIDC = ":oidc-provider/"
_LARGE = frozenset({"RolePolicyList", "UserDetailList", "GroupDetailList", "Policies", "Tags"})
"""Members that say nothing of who may assume a role."""

MOST_POLICIES = 16 << 20
"""Characters of all trust policies and ARNs: an account has 5000 roles at most, most with a policy of 2 KiB."""

_OF_ROLE = 200
"""Bytes that each takes besides."""

_PRINTS = "`aws iam get-account-authorization-details --filter Role --output json` prints them"


class NotAnAccount(Exception):
    """The file is not what `aws iam get-account-authorization-details` prints; it says why."""


@dataclass(frozen=True)
class AuditedRole:
    """A role and the text of its trust policy."""

    arn: str
    text: str

    @property
    def account(self) -> str:
        return account_of(self.arn)

    @property
    def likeness(self) -> tuple[str, str]:
        return likeness(self.arn)

    @cached_property
    def policy(self) -> TrustPolicy | None:
        """None for one that is not understood."""
        try:
            return parse(self.text)
        except MalformedPolicy:
            return None

    @cached_property
    def allows(self) -> tuple[Statement, ...]:
        """The statements that let somebody in."""
        statements = self.policy.statements if self.policy else ()
        return tuple(statement for statement in statements if statement.effect is Effect.ALLOW)

    @cached_property
    def issuers(self) -> frozenset[str]:
        """The issuers that it trusts, without their scheme."""
        return frozenset(name for statement in self.allows for name in issuers_of(statement))


def likeness(role_arn: str) -> tuple[str, str]:
    """Account and name of a role. Within an account no two roles have the same, whatever their paths and case."""
    return account_of(role_arn), role_arn.rpartition("/")[2].casefold()


def issuers_of(statement: Statement) -> Iterator[str]:
    """The issuers whose OIDC providers the statement names."""
    for principal in statement.principals:
        _, found, issuer = principal.name.partition(OIDC)
        if found and principal.kind == "Federated":
            yield issuer


def roles_from(pieces: Iterable[str]) -> tuple[AuditedRole, ...]:
    """Each role once, in the order of the text. Raises `NotAnAccount`."""
    found, roles, characters = JsonItems(pieces), {}, 0
    try:
        for role in _roles_in(found):
            roles[role.arn] = role
            characters += len(role.text) + len(role.arn) + _OF_ROLE
            if characters > MOST_POLICIES:
                raise NotAnAccount(f"its trust policies have more than {MOST_POLICIES} characters")
    except NotUsableJson as problem:
        raise NotAnAccount(f"{problem}; {_PRINTS}") from None
    except RecursionError:  # what could be read goes too deep to be looked through
        raise NotAnAccount(f"{TOO_DEEP}; {_PRINTS}") from None
    if not roles:
        raise NotAnAccount(f"it has no role; {_PRINTS}")
    return tuple(roles.values())


def _roles_in(found: JsonItems) -> Iterator[AuditedRole]:
    for name, item in found:
        if name in _LARGE:
            continue
        found.looked_through()
        for role in roles_in({name: item}):
            if role.arn:
                found.found_one()
                yield AuditedRole(role.arn, _document(role))


def providers_from(text: str) -> tuple[OidcProvider, ...]:
    """From what `aws iam list-open-id-connect-providers` prints. Raises `NotAnAccount`."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    listed = found.get("OpenIDConnectProviderList") if isinstance(found, dict) else None
    if not isinstance(listed, list):
        prints = "`aws iam list-open-id-connect-providers --output json` prints one"
        raise NotAnAccount(f"it has no OpenIDConnectProviderList; {prints}")
    try:
        return tuple(provider(item["Arn"]) for item in listed)
    except (TypeError, KeyError, ValueError) as problem:
        raise NotAnAccount(f"an entry of its list has no Arn of an OIDC provider ({problem})") from None


def _document(role: FoundRole) -> str:
    """The API gives it URL-encoded, the AWS CLI decoded."""
    return unquote(role.document) if role.document.lstrip().startswith("%") else role.document
