"""Condition operators: what each compares, what it does with many values, and what it does with none.

Source: IAM User Guide, "IAM JSON policy elements: Condition operators" and "Multivalued context keys".
"""

import enum
import operator as compare
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from difflib import get_close_matches
from ipaddress import ip_address, ip_network
from typing import Any

from sidecar.trust.malformed import MalformedPolicy
from sidecar.trust.patterns import Pattern, as_text, matches

_YEAR_AND_MONTH = re.compile(r"\d{4}-\d{2}", re.ASCII)
Match = Callable[[Pattern, str], bool]


class SetOperator(enum.Enum):
    """How a condition treats a key with several values."""

    ALL = "ForAllValues"
    ANY = "ForAnyValue"


@dataclass(frozen=True, slots=True)
class _Base:
    match: Match
    negated: bool = False
    read: Callable[[str], object] = str
    """Raises ValueError for a policy value that this operator cannot compare."""


@dataclass(frozen=True, slots=True)
class Operator:
    """`ForAnyValue:StringLikeIfExists`, taken apart. `name` is the operator as the policy wrote it."""

    name: str
    base: str
    set_operator: SetOperator | None = None
    if_exists: bool = False

    @property
    def negated(self) -> bool:
        return _BASES[self.base].negated

    @property
    def allows_wildcards(self) -> bool:
        return self.base in ("StringLike", "StringNotLike") or self.base.startswith("Arn")

    def check(self, value: str) -> None:
        """Raises ValueError if the value can never be compared by this operator."""
        _BASES[self.base].read(value)

    def holds(self, wanted: Sequence[Pattern], actual: tuple[str, ...]) -> bool:
        """Whether the condition holds. No actual value means that the key is not in the request."""
        if self.base == "Null":
            return ("false" if actual else "true") in {as_text(value).lower() for value in wanted}
        if not actual:
            return self._holds_without_key()
        accepted = [self._accepts(wanted, value) for value in actual]
        # A key with several values and no set operator: one of them must match, or none if negated (inference).
        everyone = self.set_operator is SetOperator.ALL or (self.set_operator is None and self.negated)
        return all(accepted) if everyone else any(accepted)

    def _holds_without_key(self) -> bool:
        if self.if_exists or self.set_operator is SetOperator.ALL:
            return True
        return self.negated and self.set_operator is None

    def _accepts(self, wanted: Sequence[Pattern], value: str) -> bool:
        base = _BASES[self.base]
        return any(base.match(pattern, value) for pattern in wanted) is not base.negated


def parse_operator(name: str) -> Operator:
    """Raises MalformedPolicy for a name that IAM does not know; their case counts here, the stricter reading."""
    prefix, colon, rest = name.rpartition(":")
    set_operator = next((set_operator for set_operator in SetOperator if set_operator.value == prefix), None)
    base = rest.removesuffix("IfExists")
    if_exists = base != rest
    if base not in _BASES or (colon and set_operator is None) or (base == "Null" and base != name):
        near = get_close_matches(base, _BASES, n=1)
        hint = f"Did you mean {near[0]}?" if near else f"Use one of: {', '.join(sorted(_BASES))}."
        raise MalformedPolicy(f"{name!r} is not a condition operator.", fix=hint)
    return Operator(name, base, set_operator, if_exists)


def _equal(wanted: Pattern, actual: str) -> bool:
    return as_text(wanted) == actual


def _equal_ignoring_case(wanted: Pattern, actual: str) -> bool:
    return as_text(wanted).casefold() == actual.casefold()


def arn_like(wanted: Pattern, actual: str) -> bool:
    """Each of an ARN's six parts on its own, so that a star never reaches over a colon of the first five."""
    parts, values = _arn_parts(wanted), actual.split(":", 5)
    return len(parts) == len(values) and all(map(matches, parts, values))


def _arn_parts(pattern: Pattern) -> list[Pattern]:
    parts: list[list[Any]] = [[]]
    for char in pattern:
        if char == ":" and len(parts) < 6:  # noqa: PLR2004 (an ARN has six parts)
            parts.append([])
        else:
            parts[-1].append(char)
    return [tuple(part) for part in parts]


def _in_network(wanted: Pattern, actual: str) -> bool:
    try:
        return ip_address(actual) in ip_network(as_text(wanted), strict=False)
    except ValueError:
        return False


def _instant(text: str) -> float:
    """Unix seconds from ISO 8601 or from an epoch number, the two forms that IAM takes."""
    if text.lstrip("-").isdigit():
        return float(text)
    moment = datetime.fromisoformat(f"{text}-01" if _YEAR_AND_MONTH.fullmatch(text) else text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _boolean(text: str) -> str:
    if text.lower() not in ("true", "false"):
        raise ValueError(text)
    return text.lower()


def _ordered(read: Callable[[str], float], holds: Callable[[Any, Any], bool]) -> Match:
    def match(wanted: Pattern, actual: str) -> bool:
        try:
            return holds(read(actual), read(as_text(wanted)))
        except ValueError:
            return False

    return match


def _ordering(family: str, read: Callable[[str], float]) -> dict[str, _Base]:
    comparisons = {
        "LessThan": compare.lt,
        "LessThanEquals": compare.le,
        "GreaterThan": compare.gt,
        "GreaterThanEquals": compare.ge,
    }
    bases = {family + name: _Base(_ordered(read, holds), read=read) for name, holds in comparisons.items()}
    equal = _ordered(read, compare.eq)
    return bases | {
        f"{family}Equals": _Base(equal, read=read),
        f"{family}NotEquals": _Base(equal, negated=True, read=read),
    }


_BASES: Mapping[str, _Base] = {
    "StringEquals": _Base(_equal),
    "StringNotEquals": _Base(_equal, negated=True),
    "StringEqualsIgnoreCase": _Base(_equal_ignoring_case),
    "StringNotEqualsIgnoreCase": _Base(_equal_ignoring_case, negated=True),
    "StringLike": _Base(matches),
    "StringNotLike": _Base(matches, negated=True),
    "ArnEquals": _Base(arn_like),  # documented to behave as ArnLike
    "ArnLike": _Base(arn_like),
    "ArnNotEquals": _Base(arn_like, negated=True),
    "ArnNotLike": _Base(arn_like, negated=True),
    "BinaryEquals": _Base(_equal),
    "Bool": _Base(_equal_ignoring_case, read=_boolean),
    "IpAddress": _Base(_in_network, read=lambda text: ip_network(text, strict=False)),
    "NotIpAddress": _Base(_in_network, negated=True, read=lambda text: ip_network(text, strict=False)),
    "Null": _Base(_equal_ignoring_case, read=_boolean),
    **_ordering("Numeric", float),
    **_ordering("Date", _instant),
}
