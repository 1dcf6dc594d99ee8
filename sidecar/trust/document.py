"""A trust policy as typed values, read as strictly as IAM reads one before storing it.

Element names are taken case-sensitively, and what cannot mean anything (no values, an operator nobody knows) is
refused rather than ignored; where IAM's own answer is not documented this is the stricter reading.
"""

import enum
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import lru_cache
from typing import Any

from sidecar.trust.json_text import decoded
from sidecar.trust.malformed import MalformedPolicy
from sidecar.trust.operators import Operator, parse_operator
from sidecar.trust.patterns import has_wildcard

VERSIONS = ("2012-10-17", "2008-10-17")
ANYONE = "*"

_POLICY_ELEMENTS = ("Version", "Id", "Statement")
_STATEMENT_ELEMENTS = ("Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Condition")
_USUAL = {"Action": '"sts:AssumeRoleWithWebIdentity"', "Principal": '{"Federated": "<provider ARN>"}'}
_ODD_IN_A_SID = re.compile(r"[^A-Za-z0-9]")
_PRINCIPAL_KINDS = ("AWS", "Federated", "Service", "CanonicalUser")


class Effect(enum.Enum):
    ALLOW = "Allow"
    DENY = "Deny"


@dataclass(frozen=True, slots=True)
class Principal:
    """Who: `kind` is AWS, Federated, Service, CanonicalUser, or `*` for `"Principal": "*"`."""

    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class Condition:
    """One operator applied to one key; any of the values will do."""

    operator: Operator
    key: str
    values: tuple[str, ...]


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
    document = decoded(text)
    _require_mapping(document, "The policy", ())
    _refuse_unknown(document, _POLICY_ELEMENTS, ())
    version = document.get("Version", VERSIONS[1])
    if version not in VERSIONS:
        raise MalformedPolicy(
            f"Version {version!r} is not a version of the policy language.",
            fix=f'Write "Version": "{VERSIONS[0]}".',
            where=("Version",),
        )
    compact = json.dumps(document, separators=(",", ":"), ensure_ascii=False)
    return TrustPolicy(version, tuple(_statements(document.get("Statement"))), compact)


def _statements(found: Any) -> Iterator[Statement]:
    statements = found if isinstance(found, list) else [found]
    if found is None or not statements:
        raise MalformedPolicy(
            "Statement is missing: the policy has none.", fix="Add one with Effect, Principal and Action."
        )
    sids: dict[str, int] = {}
    for index, raw in enumerate(statements):
        statement = _statement(raw, index)
        _refuse_repeated(statement, sids)
        yield statement


def _refuse_repeated(statement: Statement, sids: dict[str, int]) -> None:
    """IAM User Guide, "Sid": unique within a policy."""
    first = sids.setdefault(statement.sid, statement.index) if statement.sid else statement.index
    if first != statement.index:
        raise MalformedPolicy(
            f"The Sid {statement.sid!r} is used twice, in statements {first} and {statement.index}.",
            fix="Give each statement a Sid of its own, or none.",
            where=("Statement", statement.index, "Sid"),
        )


def _statement(found: Any, index: int) -> Statement:
    where = ("Statement", index)
    _require_mapping(found, f"Statement {index}", where)
    _refuse_unknown(found, _STATEMENT_ELEMENTS, where)
    action = _one_of(found, "Action", "NotAction", where)
    principal = _one_of(found, "Principal", "NotPrincipal", where)
    effect = _effect(found.get("Effect"), where)
    _refuse_allow_for_all_but(principal, effect, where)
    return Statement(
        index=index,
        sid=_sid(found.get("Sid", ""), where),
        effect=effect,
        actions=_texts(found[action], (*where, action)),
        except_actions=action == "NotAction",
        principals=tuple(_principals(found[principal], (*where, principal))),
        except_principals=principal == "NotPrincipal",
        conditions=tuple(_conditions(found.get("Condition", {}), (*where, "Condition"))),
    )


def _sid(found: Any, where: tuple[str | int, ...]) -> str:
    """IAM User Guide, "Sid": letters and digits."""
    sid = _text(found, (*where, "Sid"))
    if _ODD_IN_A_SID.search(sid):
        raise MalformedPolicy(
            f"The Sid {sid!r} has other characters than letters and digits; IAM refuses it.",
            fix=f'Write "Sid": "{_ODD_IN_A_SID.sub("", sid)}", or leave it out.',
            where=(*where, "Sid"),
        )
    return sid


def _refuse_allow_for_all_but(principal: str, effect: Effect, where: tuple[str | int, ...]) -> None:
    if principal == "NotPrincipal" and effect is Effect.ALLOW:
        raise MalformedPolicy(
            "NotPrincipal with Allow is not accepted in a trust policy.",
            fix="Write a Principal that names who may assume the role.",
            where=(*where, "NotPrincipal"),
        )


def _effect(found: Any, where: tuple[str | int, ...]) -> Effect:
    if found is None:
        raise MalformedPolicy(
            f"Effect is missing from statement {where[-1]}.", fix='Write "Effect": "Allow".', where=where
        )
    if found not in ("Allow", "Deny"):
        raise MalformedPolicy(
            f"Effect is {found!r}.", fix='Write "Allow" or "Deny", in exactly this spelling.', where=where
        )
    return Effect(found)


def _principals(found: Any, where: tuple[str | int, ...]) -> Iterator[Principal]:
    if found == ANYONE:
        yield Principal(ANYONE, ANYONE)
        return
    _require_mapping(found, "Principal", where)
    _refuse_unknown(found, _PRINCIPAL_KINDS, where)
    if not found:
        raise MalformedPolicy("Principal is empty.", fix='Write {"Federated": "<provider ARN>"}.', where=where)
    for kind, names in found.items():
        for name in _texts(names, (*where, kind)):
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


def _conditions(found: Any, where: tuple[str | int, ...]) -> Iterator[Condition]:
    _require_mapping(found, "Condition", where)
    for name, keys in found.items():
        try:
            operator = parse_operator(name)
        except MalformedPolicy as error:
            raise MalformedPolicy(error.cause, fix=error.fix, where=(*where, name)) from error
        _require_mapping(keys, f"Condition {name}", (*where, name))
        for key, values in keys.items():
            yield _condition(operator, key, _texts(values, (*where, name, key)), (*where, name, key))


def _condition(operator: Operator, key: str, values: tuple[str, ...], where: tuple[str | int, ...]) -> Condition:
    for value in (value for value in values if "${" not in value):
        try:
            operator.check(value)
        except ValueError as error:
            raise MalformedPolicy(
                f"{operator.name} cannot compare {value!r}.",
                fix=f"Write a value that {operator.base} accepts, or use a String operator.",
                where=where,
            ) from error
    return Condition(operator, key, values)


def _one_of(found: dict[str, Any], first: str, second: str, where: tuple[str | int, ...]) -> str:
    present = [name for name in (first, second) if name in found]
    if not present:
        raise MalformedPolicy(
            f"{first} is missing from statement {where[-1]}.", fix=f'Write "{first}": {_USUAL[first]}.', where=where
        )
    if len(present) > 1:
        raise MalformedPolicy(
            f"Statement {where[-1]} has both of {first} and {second}.",
            fix=f"Write exactly one, usually {first}.",
            where=where,
        )
    return present[0]


def _texts(found: Any, where: tuple[str | int, ...]) -> tuple[str, ...]:
    """A value or a list of values as text, the way IAM reads numbers and booleans."""
    values = found if isinstance(found, list) else [found]
    if not values:
        raise MalformedPolicy(f"{where[-1]} has an empty list.", fix="Write at least one value.", where=where)
    return tuple(_text(value, where) for value in values)


def _text(found: Any, where: tuple[str | int, ...]) -> str:
    if isinstance(found, bool):
        return str(found).lower()
    if isinstance(found, (str, int, float)):
        return str(found)
    raise MalformedPolicy(f"{where[-1]} is {type(found).__name__}, not text.", fix="Write a string.", where=where)


def _require_mapping(found: Any, what: str, where: tuple[str | int, ...]) -> None:
    if not isinstance(found, dict):
        raise MalformedPolicy(f"{what} is not a JSON object.", fix="Write it as {...}.", where=where)


def _refuse_unknown(found: dict[str, Any], known: tuple[str, ...], where: tuple[str | int, ...]) -> None:
    for name in found:
        if name in known:
            continue
        near = {other.casefold(): other for other in known}.get(name.casefold()) or next(
            iter(get_close_matches(name, known, n=1)), ""
        )
        hint = f"Did you mean {near}?" if near else f"Remove it; known here: {', '.join(known)}."
        raise MalformedPolicy(f"{name!r} is not an element of a trust policy here.", fix=hint, where=(*where, name))
