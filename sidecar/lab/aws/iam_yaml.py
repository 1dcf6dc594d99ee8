"""Reads `iam.yaml`; every complaint and every remark names its line.

Limits are IAM's (API reference, CreateOpenIDConnectProvider and CreateRole).
"""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

from sidecar import trust
from sidecar.core.findings import Finding, Where, warning
from sidecar.lab import yaml_file
from sidecar.lab.aws.arns import parse_role_arn
from sidecar.lab.aws.iam import LONGEST_MAXIMUM, SHORTEST_MAXIMUM, Iam, IamOidcProvider, IamRole, Remark
from sidecar.lab.yaml_file import BadFile, Complaint, YamlFile
from sidecar.trust import MalformedPolicy

_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_PROVIDER_KEYS = ("url", "account", "partition", "clientIds", "thumbprints")
_ROLE_KEYS = ("arn", "maxSessionDuration", "trustPolicy", "policies")


def parse_iam(text: str, name: str = "iam.yaml") -> Iam:
    """Raises BadFile with every complaint and its line.

    Mistakes in a valid policy become remarks, so that they can be rehearsed.
    """
    document = yaml_file.load(text, name)
    complaints = list(_unknown(document, document.data, ("providers", "roles"), ()))
    providers: list[IamOidcProvider] = []
    roles: list[IamRole] = []
    remarks: list[Remark] = []
    for index, item in enumerate(document.items("providers")):
        found = list(_provider_complaints(document, item, ("providers", index)))
        complaints += found
        if not found:
            providers.append(_provider(item))
    complaints += _duplicates(document, [provider.arn for provider in providers], "providers")
    for index, item in enumerate(document.items("roles")):
        found = list(_role_complaints(document, item, ("roles", index)))
        complaints += found
        if not found:
            roles.append(_role(item))
            remarks += _remarks(document, roles[-1], providers, ("roles", index))
    complaints += _duplicates(document, [str(role.arn) for role in roles], "roles")
    if complaints:
        raise BadFile(complaints)
    return Iam(tuple(providers), tuple(roles), tuple(remarks))


def _provider(item: dict[str, Any]) -> IamOidcProvider:
    return IamOidcProvider(
        item["url"],
        item["account"],
        item.get("partition", "aws"),
        tuple(item.get("clientIds") or ()),
        tuple(item.get("thumbprints") or ()),
    )


def _role(item: dict[str, Any]) -> IamRole:
    maximum = int(item.get("maxSessionDuration", SHORTEST_MAXIMUM))
    policies = tuple(trust.parse_identity(_policy_text(found)) for found in item.get("policies") or ())
    return IamRole(parse_role_arn(item["arn"]), trust.parse(_policy_text(item["trustPolicy"])), maximum, policies)


def _policy_text(found: Any) -> str:
    return found if isinstance(found, str) else json.dumps(found)


def _provider_complaints(document: YamlFile, item: Any, where: Where) -> Iterator[Complaint]:
    if not isinstance(item, dict):
        yield document.complain("a provider is a mapping with url and account", *where)
        return
    yield from _unknown(document, item, _PROVIDER_KEYS, where)
    for complaint in _url_complaints(item.get("url", "")):
        yield document.complain(complaint, *where, "url")
    if not re.fullmatch(r"\d{12}", item.get("account", "")):
        yield document.complain("account is not 12 digits", *where, "account")
    for key, shape, meaning in (
        ("clientIds", r".{1,255}", "at most 100 audiences of 1 to 255 characters"),
        ("thumbprints", r"[0-9a-fA-F]{40}", "at most 5 SHA-1 thumbprints of 40 hex digits"),
    ):
        values = item.get(key) or []
        most = 100 if key == "clientIds" else 5
        if not isinstance(values, list) or len(values) > most or not all(re.fullmatch(shape, str(v)) for v in values):
            yield document.complain(f"{key} must be a list of {meaning}", *where, key)


def _url_complaints(url: str) -> Iterator[str]:
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        yield f"url is {url!r}; write https://..., or http://127.0.0.1:<port> for the lab's own issuer"
    if len(url) > 255:  # noqa: PLR2004 (IAM API reference)
        yield "url has more than 255 characters"
    if parts.query or parts.fragment:
        yield "url has a query or a fragment; a provider's has neither"


def _role_complaints(document: YamlFile, item: Any, where: Where) -> Iterator[Complaint]:
    if not isinstance(item, dict):
        yield document.complain("a role is a mapping with arn and trustPolicy", *where)
        return
    yield from _unknown(document, item, _ROLE_KEYS, where)
    try:
        parse_role_arn(item.get("arn", ""))
    except ValueError as error:
        yield document.complain(str(error), *where, "arn")
    maximum = str(item.get("maxSessionDuration", SHORTEST_MAXIMUM))
    if not maximum.isdigit() or not SHORTEST_MAXIMUM <= int(maximum) <= LONGEST_MAXIMUM:
        allowed = f"{SHORTEST_MAXIMUM} to {LONGEST_MAXIMUM} seconds"
        yield document.complain(f"maxSessionDuration is {maximum}; allowed: {allowed}", *where, "maxSessionDuration")
    yield from _permission_complaints(document, item.get("policies") or [], (*where, "policies"))
    if not item.get("trustPolicy"):
        yield document.complain("trustPolicy is missing", *where)
        return
    yield from _malformed(document, trust.parse, item["trustPolicy"], (*where, "trustPolicy"))


def _permission_complaints(document: YamlFile, policies: Any, where: Where) -> Iterator[Complaint]:
    if not isinstance(policies, list):
        yield document.complain("policies is a list of policies that say what the role may do", *where)
        return
    for index, policy in enumerate(policies):
        yield from _malformed(document, trust.parse_identity, policy, (*where, index))


def _malformed(document: YamlFile, parse: Callable[[str], object], policy: Any, where: Where) -> Iterator[Complaint]:
    try:
        parse(_policy_text(policy))
    except MalformedPolicy as error:
        yield Complaint(document.name, _policy_line(document, where, policy, error.where), str(error))


def _remarks(document: YamlFile, role: IamRole, providers: list[IamOidcProvider], where: Where) -> Iterator[Remark]:
    policy = document.data["roles"][where[1]]["trustPolicy"]
    for finding in (*trust.lint(role.policy), *_foreign_principals(role, providers)):
        line = _policy_line(document, (*where, "trustPolicy"), policy, finding.where)
        yield Remark(document.name, line, finding)


def _foreign_principals(role: IamRole, providers: list[IamOidcProvider]) -> Iterator[Finding]:
    """Principals that name no provider in this file; provider and role must share account and partition."""
    place = (role.arn.partition, role.arn.account)
    known = {provider.arn for provider in providers if (provider.partition, provider.account) == place}
    for statement in role.policy.statements:
        for principal in statement.principals:
            if principal.kind == "Federated" and principal.name not in known:
                yield warning(
                    "principal-without-provider",
                    f"No provider of account {role.arn.account} in this file is called {principal.name}.",
                    f"Known there: {', '.join(sorted(known)) or 'none'}.",
                    ("Statement", statement.index, "Principal"),
                )


def _policy_line(document: YamlFile, where: Where, policy: Any, inside: Where) -> int:
    """The line of a path in a policy, whether the policy is YAML or JSON text."""
    if not isinstance(policy, str):
        return document.line(*where, *_as_written(policy, inside))
    try:
        text = yaml_file.load(policy, document.name)  # JSON is YAML, for counting lines
    except BadFile:
        return document.line(*where)
    return document.line(*where) + text.line(*_as_written(text.data, inside))


def _as_written(policy: dict[str, Any], inside: Where) -> Where:
    """One statement may stand without a list around it."""
    single = isinstance(policy.get("Statement"), dict) and len(inside) > 1
    return ("Statement", *inside[2:]) if single else inside


def _unknown(document: YamlFile, found: dict[str, Any], known: tuple[str, ...], where: Where) -> Iterator[Complaint]:
    for key in found:
        if key not in known:
            yield document.complain(f"unknown setting {key!r}; known: {', '.join(known)}", *where, key)


def _duplicates(document: YamlFile, names: list[str], key: str) -> list[Complaint]:
    return [
        document.complain(f"{name} appears twice", key) for index, name in enumerate(names) if name in names[:index]
    ]
