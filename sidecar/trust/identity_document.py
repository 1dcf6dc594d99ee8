"""A policy that is attached to a role, or passed with a session: what its holder may do, as typed values.

Source: AWS IAM User Guide, "JSON policy element reference".
"""

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from sidecar.trust.elements import (
    VERSIONS,
    Condition,
    Effect,
    conditions_of,
    effect_of,
    head_of,
    one_of,
    refuse_repeated,
    refuse_unknown,
    require_mapping,
    sid_of,
    texts_of,
)

_STATEMENT_ELEMENTS = ("Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition")
_USUAL_ACTION, _USUAL_RESOURCE = '"sts:AssumeRole"', '"<ARN of the role to assume>"'


@dataclass(frozen=True, slots=True)
class IdentityStatement:
    """One statement. `except_actions` and `except_resources` say that NotAction or NotResource was written."""

    index: int
    sid: str
    effect: Effect
    actions: tuple[str, ...]
    except_actions: bool
    resources: tuple[str, ...]
    except_resources: bool
    conditions: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class IdentityPolicy:
    """A whole policy. `name` is what a person calls it."""

    version: str
    statements: tuple[IdentityStatement, ...]
    name: str = field(default="", compare=False)

    @property
    def has_variables(self) -> bool:
        """Version 2008-10-17, which is also the default, takes `${...}` literally."""
        return self.version == VERSIONS[0]


@lru_cache(maxsize=64)
def parse_identity(text: str, name: str = "") -> IdentityPolicy:
    """Reads a policy document. Raises `MalformedPolicy`, which says where and what to change."""
    head = head_of(text, "Effect, Action and Resource")
    statements = tuple(_statement(raw, index) for index, raw in enumerate(head.statements))
    refuse_repeated(statements)
    return IdentityPolicy(head.version, statements, name)


def _statement(found: Any, index: int) -> IdentityStatement:
    where = ("Statement", index)
    require_mapping(found, f"Statement {index}", where)
    refuse_unknown(found, _STATEMENT_ELEMENTS, where)
    action = one_of(found, "Action", "NotAction", where, _USUAL_ACTION)
    resource = one_of(found, "Resource", "NotResource", where, _USUAL_RESOURCE)
    return IdentityStatement(
        index=index,
        sid=sid_of(found.get("Sid", ""), where),
        effect=effect_of(found.get("Effect"), where),
        actions=texts_of(found[action], (*where, action)),
        except_actions=action == "NotAction",
        resources=texts_of(found[resource], (*where, resource)),
        except_resources=resource == "NotResource",
        conditions=tuple(conditions_of(found.get("Condition", {}), (*where, "Condition"))),
    )
