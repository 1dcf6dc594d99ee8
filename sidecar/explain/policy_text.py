"""The trust policy in the three forms in which people have it: bare, inside `get-role`'s answer, URL-encoded."""

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote


class NotAPolicy(Exception):
    """The file holds something in which no trust policy can be found."""


@dataclass(frozen=True, slots=True)
class PolicyText:
    """A policy document as JSON text, and the role's ARN if the file told."""

    text: str
    role_arn: str = ""


def policy_text(content: str) -> PolicyText:
    """Find the document. What is JSON at all but no such answer is taken for the document itself.

    Sources: AWS CLI `iam get-role` (Role.AssumeRolePolicyDocument as an object), IAM API GetRole (the same, URL-encoded
    as in RFC 3986). Raises `NotAPolicy` for an empty file, and for the answer to another question.
    """
    plain = content.strip()
    if plain.startswith(("%7B", "%7b")):
        plain = unquote(plain)
    if not plain:
        raise NotAPolicy("the file is empty")
    try:
        found = json.loads(plain)
    except (ValueError, RecursionError):
        return PolicyText(plain)  # the parser of policies says where the mistake is
    return _inside(found, plain)


def _inside(found: Any, plain: str) -> PolicyText:
    if isinstance(found, str):
        return PolicyText(unquote(found) if found.lower().startswith("%7b") else found)
    if not isinstance(found, dict):
        return PolicyText(plain)
    role = found.get("Role", found)
    if isinstance(role, dict) and "AssumeRolePolicyDocument" in role:
        arn = role.get("Arn")
        return PolicyText(_document(role["AssumeRolePolicyDocument"]), arn if isinstance(arn, str) else "")
    if "Role" in found or "Roles" in found or "PolicyDocument" in found:
        raise NotAPolicy("no AssumeRolePolicyDocument in it; `aws iam get-role --role-name <name>` prints one")
    return PolicyText(plain)


def _document(document: Any) -> str:
    if isinstance(document, str):
        return unquote(document) if document.lstrip().lower().startswith("%7b") else document
    return json.dumps(document)
