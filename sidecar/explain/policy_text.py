"""The trust policy in the forms in which people have it: bare, inside an answer or a plan, URL-encoded, in a web page.

Sources: AWS CLI `iam get-role` and `get-account-authorization-details`, IAM API GetRole (URL-encoded as in RFC 3986),
CloudFormation's AWS::IAM::Role, `terraform show -json`, the Role objects of ACK and Crossplane.
"""

import json
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from sidecar.core.findings import Finding, warning
from sidecar.explain.json_pairs import loads, written
from sidecar.explain.policy_search import FoundRole, roles_in
from sidecar.explain.unknown_text import UNRESOLVED, what_it_is

_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})[^\n]*\n(.*?)^ {0,3}\1", re.DOTALL | re.MULTILINE)
_SMART = str.maketrans(dict.fromkeys("“”„‟", '"'))
_SHOWN = 3
MOST_CHARACTERS = 1_000_000
"""IAM takes 131,072, not counting white space."""


class NotAPolicy(Exception):
    """The file holds something in which no trust policy can be found; it says what it is."""


@dataclass(frozen=True, slots=True)
class PolicyText:
    """A policy document as JSON text, the role's ARN if the file told, and what is odd about the file."""

    text: str
    role_arn: str = ""
    remarks: tuple[Finding, ...] = ()


def policy_text(content: str, role_arn: str = "") -> PolicyText:
    """Find the document; `role_arn` chooses among several roles. Raises `NotAPolicy`.

    A text that begins as JSON does and is none comes back as it is: the parser of policies says where the mistake is.
    """
    try:
        return _found(content, role_arn)
    except RecursionError:
        raise NotAPolicy("it is nested too deeply; no policy is") from None


def _found(content: str, role_arn: str) -> PolicyText:
    plain = _unquoted(content.removeprefix("\ufeff").strip())
    if not plain:
        raise NotAPolicy("the file is empty")
    fenced = None if plain.startswith(("{", "[", '"')) else _FENCE.search(plain)
    if fenced:
        return _fenced(fenced[2].strip(), role_arn)
    try:
        found = loads(plain)
    except (ValueError, RecursionError):
        if plain.startswith(("{", "“", "//", "#{")):
            return PolicyText(plain)
        return _of_yaml(plain, role_arn)
    return _inside(found, plain, role_arn)


def _unquoted(text: str) -> str:
    return unquote(text) if re.match(r"%7B|%5B|%22", text, re.IGNORECASE) else text


def _fenced(text: str, role_arn: str) -> PolicyText:
    """A block of a web page, where a word processor may have changed the quotation marks."""
    straight = text.translate(_SMART)
    found = _found(straight, role_arn)
    return found if straight == text else PolicyText(found.text, found.role_arn, (*found.remarks, _smart_quotes()))


def _smart_quotes() -> Finding:
    return warning(
        "smart-quotes",
        "The block has typographic quotation marks, which IAM refuses; it was read as if they were straight.",
        'Write the straight quotation mark " throughout.',
    )


def _of_yaml(plain: str, role_arn: str) -> PolicyText:
    if known := what_it_is(plain):
        raise NotAPolicy(known)
    try:
        from sidecar import positioned_yaml  # noqa: PLC0415 (its library comes with an extra)
    except ImportError:
        raise NotAPolicy("it is not JSON; for YAML install irsa-sidecar[inject]") from None
    try:
        documents = positioned_yaml.parse(plain)
    except positioned_yaml.NotYaml as problem:
        raise NotAPolicy(f"it is neither JSON nor YAML (line {problem.line}: {problem})") from None
    if twice := next(filter(None, map(positioned_yaml.repeated_key, documents)), None):
        raise NotAPolicy(f'the key "{twice.text}" appears twice in one mapping, again on line {twice.line}')
    found = [document.data() for document in documents]
    return _inside(found[0] if len(found) == 1 else found, plain, role_arn)


def _inside(found: Any, plain: str, role_arn: str) -> PolicyText:
    if isinstance(found, str):
        if found == plain:
            raise NotAPolicy("it is plain text, neither JSON nor YAML")
        return _found(found, role_arn)
    if isinstance(found, dict) and _is_a_policy(found):
        return _alone(plain if plain.startswith("{") else written(found))
    roles = list(dict.fromkeys(roles_in(found)))
    if not roles:
        return _without_roles(found, plain)
    return _text_of(_chosen(roles, role_arn), plain)


def _alone(text: str) -> PolicyText:
    """Raises `NotAPolicy` for more than IAM takes: it would be quoted."""
    if len(text) > MOST_CHARACTERS:
        raise NotAPolicy(f"it has {len(text)} characters; a policy has {MOST_CHARACTERS} at most")
    return PolicyText(text)


def _is_a_policy(found: dict[str, Any]) -> bool:
    return any(str(name).casefold() in ("statement", "version") for name in found) and not any(
        name in found for name in ("Role", "Roles", "planned_values", "values", "Resources")
    )


def _without_roles(found: Any, plain: str) -> PolicyText:
    """No role in it: an answer to another question, or perhaps a policy that is broken at its top."""
    if isinstance(found, dict) and not any(name in found for name in _OTHER_ANSWERS):
        return _alone(plain if plain.startswith("{") else written(found))
    raise NotAPolicy("no AssumeRolePolicyDocument in it; `aws iam get-role --role-name <name>` prints one")


_OTHER_ANSWERS = (
    *(
        "Role",
        "Roles",
        "RoleDetailList",
        "PolicyDocument",
        "Policy",
        "Policies",
        "Resources",
        "planned_values",
        "values",
    ),
    *("apiVersion", "kind", "items", "format_version", "AttachedPolicies", "UserId", "Account"),
)


def _chosen(roles: list[FoundRole], role_arn: str) -> FoundRole:
    """The only role, or the one that is asked for: by its ARN, else by its name."""
    if len(roles) == 1:
        return roles[0]
    name = role_arn.rpartition("/")[2]
    for asked in ([role for role in roles if role.arn == role_arn], [role for role in roles if role.name == name]):
        if role_arn and len({role.document for role in asked}) == 1:
            return asked[0]
    names = ", ".join(role.name or role.arn or "one without a name" for role in roles[:_SHOWN])
    more = f" and {len(roles) - _SHOWN} more" if len(roles) > _SHOWN else ""
    raise NotAPolicy(f"it holds {len(roles)} roles ({names}{more}); name one of them with --role-arn")


def _text_of(role: FoundRole, plain: str) -> PolicyText:
    text = _unquoted(role.document.strip())
    if UNRESOLVED in text or role.is_template(plain):
        raise NotAPolicy(
            "the template fills in the policy when it is deployed; give the deployed one, "
            f"`aws iam get-role --role-name {role.name or '<name>'}`"
        )
    try:
        nested = json.loads(text)
    except (ValueError, RecursionError):
        return PolicyText(text, role.arn)
    return PolicyText(_unquoted(nested) if isinstance(nested, str) else text, role.arn)
