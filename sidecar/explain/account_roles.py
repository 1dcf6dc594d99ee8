"""The roles of an account with all their policies, as `aws iam get-account-authorization-details` prints them.

The output of `get-role` is read too: it has the trust policy, and says nothing of what the role may do itself.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from sidecar.explain.policy_text import NotAPolicy

_BOUNDARY = "its permissions boundary"


@dataclass(frozen=True, slots=True)
class AccountRole:
    """One role. `policies`: name and JSON text of each that is attached to it; None where the file does not tell.

    `unseen`: what limits or grants besides and is not in the file, by name.
    """

    arn: str
    trust_policy: str
    policies: tuple[tuple[str, str], ...] | None
    unseen: tuple[str, ...] = ()


def account_roles(content: str) -> dict[str, AccountRole]:
    """By ARN. Raises `NotAPolicy`."""
    try:
        by_arn = {role.arn: role for role in _roles(json.loads(content.removeprefix("\ufeff"))) if role.arn}
    except (ValueError, RecursionError):
        raise NotAPolicy("it is not JSON; `aws iam get-account-authorization-details` prints it") from None
    if not by_arn:
        raise NotAPolicy("there is no role in it; `aws iam get-account-authorization-details` prints them")
    return by_arn


def _roles(document: Any) -> Iterator[AccountRole]:
    found = list(_mappings(document))
    managed = dict(_managed(found))
    return (_role(each, managed) for each in found if "AssumeRolePolicyDocument" in each)


def _mappings(found: Any) -> Iterator[dict[str, Any]]:
    """Every object, wherever it is, but nothing inside a policy."""
    if isinstance(found, list):
        for item in found:
            yield from _mappings(item)
    if isinstance(found, dict):
        yield found
        for name, value in found.items():
            if name not in {"AssumeRolePolicyDocument", "PolicyDocument", "Document"}:
                yield from _mappings(value)


def _managed(found: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    for each in found:
        for version in _objects(each.get("PolicyVersionList")):
            if version.get("IsDefaultVersion"):
                yield str(each.get("Arn", "")), _text(version.get("Document"))


def _role(found: Mapping[str, Any], managed: Mapping[str, str]) -> AccountRole:
    inline, attached = found.get("RolePolicyList"), found.get("AttachedManagedPolicies")
    names = {str(each.get("PolicyArn", "")): str(each.get("PolicyName", "")) for each in _objects(attached)}
    policies = (
        *((str(each.get("PolicyName", "")), _text(each.get("PolicyDocument"))) for each in _objects(inline)),
        *((name, managed[arn]) for arn, name in names.items() if arn in managed),
    )
    unseen = (
        *((_BOUNDARY,) if found.get("PermissionsBoundary") else ()),
        *(f"the managed policy {name or arn}" for arn, name in names.items() if arn not in managed),
    )
    told = inline is not None or attached is not None
    arn = str(found.get("Arn", ""))
    return AccountRole(arn, _text(found.get("AssumeRolePolicyDocument")), policies if told else None, unseen)


def _objects(found: Any) -> list[dict[str, Any]]:
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def _text(document: Any) -> str:
    """A document as JSON text: IAM's API has it URL-encoded, the command line as an object."""
    return unquote(document) if isinstance(document, str) else json.dumps(document)
