"""The elements that every kind of policy has, read as strictly as IAM reads them before storing one.

Element names are taken case-sensitively, and what cannot mean anything (no values, an operator nobody knows) is
refused rather than ignored; where IAM's own answer is not documented this is the stricter reading.
"""

import enum
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Protocol

from sidecar.trust.json_text import decoded
from sidecar.trust.malformed import MalformedPolicy
from sidecar.trust.operators import Operator, parse_operator

VERSIONS = ("2012-10-17", "2008-10-17")
POLICY_ELEMENTS = ("Version", "Id", "Statement")
_ODD_IN_A_SID = re.compile(r"[^A-Za-z0-9]")


class Effect(enum.Enum):
    ALLOW = "Allow"
    DENY = "Deny"


@dataclass(frozen=True, slots=True)
class Condition:
    """One operator applied to one key; any of the values will do."""

    operator: Operator
    key: str
    values: tuple[str, ...]


class Numbered(Protocol):
    """A statement of a policy."""

    @property
    def index(self) -> int: ...

    @property
    def sid(self) -> str: ...


def refuse_repeated(statements: Iterable[Numbered]) -> None:
    """IAM User Guide, "Sid": unique within a policy."""
    sids: dict[str, int] = {}
    for statement in statements:
        first = sids.setdefault(statement.sid, statement.index) if statement.sid else statement.index
        if first == statement.index:
            continue
        raise MalformedPolicy(
            f"The Sid {statement.sid!r} is used twice, in statements {first} and {statement.index}.",
            fix="Give each statement a Sid of its own, or none.",
            where=("Statement", statement.index, "Sid"),
        )


def sid_of(found: Any, where: tuple[str | int, ...]) -> str:
    """IAM User Guide, "Sid": letters and digits."""
    sid = _text(found, (*where, "Sid"))
    if _ODD_IN_A_SID.search(sid):
        raise MalformedPolicy(
            f"The Sid {sid!r} has other characters than letters and digits; IAM refuses it.",
            fix=f'Write "Sid": "{_ODD_IN_A_SID.sub("", sid)}", or leave it out.',
            where=(*where, "Sid"),
        )
    return sid


def effect_of(found: Any, where: tuple[str | int, ...]) -> Effect:
    if found is None:
        raise MalformedPolicy(
            f"Effect is missing from statement {where[-1]}.", fix='Write "Effect": "Allow".', where=where
        )
    if found not in ("Allow", "Deny"):
        raise MalformedPolicy(
            f"Effect is {found!r}.", fix='Write "Allow" or "Deny", in exactly this spelling.', where=where
        )
    return Effect(found)


@dataclass(frozen=True, slots=True)
class PolicyHead:
    """A document's version, and its statements unread."""

    version: str
    statements: list[Any]
    document: dict[str, Any]


def no_statement(usual: str) -> MalformedPolicy:
    return MalformedPolicy("Statement is missing: the policy has none.", fix=f"Add one with {usual}.")


def head_of(text: str, usual: str) -> PolicyHead:
    """What every kind of policy begins with. `usual`: the elements that a statement needs. Raises MalformedPolicy."""
    document = decoded(text)
    require_mapping(document, "The policy", ())
    refuse_unknown(document, POLICY_ELEMENTS, ())
    version = document.get("Version", VERSIONS[1])
    if version not in VERSIONS:
        raise MalformedPolicy(
            f"Version {version!r} is not a version of the policy language.",
            fix=f'Write "Version": "{VERSIONS[0]}".',
            where=("Version",),
        )
    found = document.get("Statement")
    if found is None:
        raise no_statement(usual)
    return PolicyHead(version, found if isinstance(found, list) else [found], document)


def conditions_of(found: Any, where: tuple[str | int, ...]) -> Iterator[Condition]:
    require_mapping(found, "Condition", where)
    for name, keys in found.items():
        try:
            operator = parse_operator(name)
        except MalformedPolicy as error:
            raise MalformedPolicy(error.cause, fix=error.fix, where=(*where, name)) from error
        require_mapping(keys, f"Condition {name}", (*where, name))
        for key, values in keys.items():
            yield _condition(operator, key, texts_of(values, (*where, name, key)), (*where, name, key))


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


def one_of(found: dict[str, Any], first: str, second: str, where: tuple[str | int, ...], usual: str) -> str:
    """The name of whichever is there, never both. `usual`: what to write for the first."""
    present = [name for name in (first, second) if name in found]
    if not present:
        raise MalformedPolicy(
            f"{first} is missing from statement {where[-1]}.", fix=f'Write "{first}": {usual}.', where=where
        )
    if len(present) > 1:
        raise MalformedPolicy(
            f"Statement {where[-1]} has both of {first} and {second}.",
            fix=f"Write exactly one, usually {first}.",
            where=where,
        )
    return present[0]


def texts_of(found: Any, where: tuple[str | int, ...]) -> tuple[str, ...]:
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
    what = "null" if found is None else "a list" if isinstance(found, list) else "an object"
    raise MalformedPolicy(f"{where[-1]} is {what}, not text.", fix="Write a string.", where=where)


def require_mapping(found: Any, what: str, where: tuple[str | int, ...]) -> None:
    if not isinstance(found, dict):
        raise MalformedPolicy(f"{what} is not a JSON object.", fix="Write it as {...}.", where=where)


def refuse_unknown(found: dict[str, Any], known: tuple[str, ...], where: tuple[str | int, ...]) -> None:
    for name in found:
        if name in known:
            continue
        near = {other.casefold(): other for other in known}.get(name.casefold()) or next(
            iter(get_close_matches(name, known, n=1)), ""
        )
        hint = f"Did you mean {near}?" if near else f"Remove it; known here: {', '.join(known)}."
        raise MalformedPolicy(f"{name!r} is not an element of a policy here.", fix=hint, where=(*where, name))
