"""A trust policy as typed values. What each element may hold is in `elements`."""

import json
from collections.abc import Iterator
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
    no_statement,
    one_of,
    refuse_repeated,
    refuse_unknown,
    require_mapping,
    sid_of,
    texts_of,
)
from sidecar.trust.malformed import MalformedPolicy
from sidecar.trust.patterns import has_wildcard

ANYONE = "*"

_STATEMENT_ELEMENTS = ("Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Condition")
_USUAL_ELEMENTS = "Effect, Principal and Action"
_USUAL_ACTION, _USUAL_PRINCIPAL = '"sts:AssumeRoleWithWebIdentity"', '{"Federated": "<provider ARN>"}'
_PRINCIPAL_KINDS = ("AWS", "Federated", "Service", "CanonicalUser")


@dataclass(frozen=True, slots=True)
class Principal:
    """Who: `kind` is AWS, Federated, Service, CanonicalUser, or `*` for `"Principal": "*"`."""

    kind: str
    name: str

    def __str__(self) -> str:
        return ANYONE if self.kind == ANYONE else f"{self.kind} {self.name}"


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement. `except_actions` and `except_principals` say that NotAction or NotPrincipal was written."""

    index: int
    sid: str
    effect: Effect
    actions: tuple[str, ...]
    except_actions: bool
    principals: tuple[Principal, ...]
    except_principals: bool
    conditions: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class TrustPolicy:
    """A whole trust policy. `text` is its JSON without white space, which is what IAM's quota counts."""

    version: str
    statements: tuple[Statement, ...]
    text: str = field(repr=False, compare=False)

    @property
    def size(self) -> int:
        """In characters."""
        return len(self.text)

    @property
    def has_variables(self) -> bool:
        """Version 2008-10-17, which is also the default, takes `${...}` literally."""
        return self.version == VERSIONS[0]


@lru_cache(maxsize=64)
def parse(text: str) -> TrustPolicy:
    """Reads a policy document. Raises MalformedPolicy, which says where and what to change."""
    head = head_of(text, _USUAL_ELEMENTS)
    if not head.statements:
        raise no_statement(_USUAL_ELEMENTS)
    compact = json.dumps(head.document, separators=(",", ":"), ensure_ascii=False)
    statements = tuple(_statement(raw, index) for index, raw in enumerate(head.statements))
    refuse_repeated(statements)
    return TrustPolicy(head.version, statements, compact)


def _statement(found: Any, index: int) -> Statement:
    where = ("Statement", index)
    require_mapping(found, f"Statement {index}", where)
    refuse_unknown(found, _STATEMENT_ELEMENTS, where)
    action = one_of(found, "Action", "NotAction", where, _USUAL_ACTION)
    principal = one_of(found, "Principal", "NotPrincipal", where, _USUAL_PRINCIPAL)
    effect = effect_of(found.get("Effect"), where)
    _refuse_allow_for_all_but(principal, effect, where)
    return Statement(
        index=index,
        sid=sid_of(found.get("Sid", ""), where),
        effect=effect,
        actions=texts_of(found[action], (*where, action)),
        except_actions=action == "NotAction",
        principals=tuple(_principals(found[principal], (*where, principal))),
        except_principals=principal == "NotPrincipal",
        conditions=tuple(conditions_of(found.get("Condition", {}), (*where, "Condition"))),
    )


def _refuse_allow_for_all_but(principal: str, effect: Effect, where: tuple[str | int, ...]) -> None:
    if principal == "NotPrincipal" and effect is Effect.ALLOW:
        raise MalformedPolicy(
            "NotPrincipal with Allow is not accepted in a trust policy.",
            fix="Write a Principal that names who may assume the role.",
            where=(*where, "NotPrincipal"),
        )


def _principals(found: Any, where: tuple[str | int, ...]) -> Iterator[Principal]:
    if found == ANYONE:
        yield Principal(ANYONE, ANYONE)
        return
    require_mapping(found, "Principal", where)
    refuse_unknown(found, _PRINCIPAL_KINDS, where)
    if not found:
        raise MalformedPolicy("Principal is empty.", fix='Write {"Federated": "<provider ARN>"}.', where=where)
    for kind, names in found.items():
        for name in texts_of(names, (*where, kind)):
            _refuse_wildcard(kind, name, (*where, kind))
            yield Principal(kind, name)


def _refuse_wildcard(kind: str, name: str, where: tuple[str | int, ...]) -> None:
    """IAM User Guide, "Principal": a wildcard cannot match part of a name or ARN. `{"AWS": "*"}` is everyone."""
    if has_wildcard(name) and (kind, name) != ("AWS", ANYONE):
        raise MalformedPolicy(
            f"The principal {name!r} has a wildcard; IAM allows none inside a principal.",
            fix="Write each provider's full ARN, in a list if there are several.",
            where=where,
        )
