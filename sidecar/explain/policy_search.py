"""Where a role's trust policy stands in what AWS's tools, Terraform, CloudFormation and operators print."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sidecar.explain.json_pairs import written
from sidecar.explain.unknown_text import UNRESOLVED

_DOCUMENTS = ("AssumeRolePolicyDocument", "assumeRolePolicyDocument", "assumeRolePolicy", "assume_role_policy")
_INTRINSIC = re.compile(r"Fn::\w+|Ref|Condition")
_YAML_INTRINSIC = re.compile(r"!(?:Sub|Ref|GetAtt|Join|If|ImportValue|FindInMap|Select|Split)\b")


@dataclass(frozen=True, slots=True)
class FoundRole:
    """A role as far as the file tells: its document is JSON text, perhaps still URL-encoded."""

    document: str
    arn: str = ""
    name: str = ""

    def is_template(self, text: str) -> bool:
        """Whether the YAML around it has a tag in the policy that CloudFormation replaces at deployment."""
        return any(_YAML_INTRINSIC.search(block) for block in _blocks(text))


def roles_in(found: Any, name: str = "") -> Iterator[FoundRole]:
    """Every role with a document, in the order of the file; `name` is that of the object around."""
    if isinstance(found, list):
        for item in found:
            yield from roles_in(item, name)
    if not isinstance(found, Mapping):
        return
    name = _name(found) or name
    document = next((found[key] for key in _DOCUMENTS if found.get(key)), None)
    if isinstance(document, (str, dict)):
        yield FoundRole(_text(document), _first(found, "Arn", "arn"), name)
    planned = {key: found[key] for key in ("planned_values",) if key in found}
    for key, inner in (planned or found).items():
        if key not in _DOCUMENTS and isinstance(inner, (list, Mapping)):
            yield from roles_in(inner, name if key in _AROUND else "" if isinstance(inner, list) else str(key))


_AROUND = ("Properties", "values", "spec", "forProvider", "Role", "initProvider")
"""Members that hold the parts of the object itself, and no other one."""


def _name(found: Mapping[str, Any]) -> str:
    metadata = found.get("metadata")
    outer = _first(metadata, "name") if isinstance(metadata, Mapping) else ""
    return _first(found, "RoleName", "name") or outer


def _first(found: Mapping[str, Any], *names: str) -> str:
    return next((value for name in names if isinstance(value := found.get(name), str) and value), "")


def _text(document: Any) -> str:
    if isinstance(document, str):
        return document
    return UNRESOLVED if _has_intrinsic(document) else written(document)


def _has_intrinsic(found: Any) -> bool:
    """CloudFormation's functions: an object of one member with their name."""
    if isinstance(found, Mapping):
        alone = len(found) == 1 and all(_INTRINSIC.fullmatch(str(name)) for name in found)
        is_function = alone and not all(isinstance(value, Mapping) for value in found.values())
        return is_function or any(map(_has_intrinsic, found.values()))
    return isinstance(found, list) and any(map(_has_intrinsic, found))


def _blocks(text: str) -> Iterator[str]:
    """The lines of each trust policy in a YAML text: those that are indented deeper than its key."""
    lines = text.splitlines()
    for number, line in enumerate(lines):
        if line.lstrip().startswith(f"{_DOCUMENTS[0]}:"):
            indent = len(line) - len(line.lstrip())
            inside = [line]
            for other in lines[number + 1 :]:
                if other.strip() and len(other) - len(other.lstrip()) <= indent:
                    break
                inside.append(other)
            yield "\n".join(inside)
