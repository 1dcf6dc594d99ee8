"""IAM's wildcards and policy variables.

A pattern is a sequence of characters and wildcards, so that `${*}` can mean a star that is only a star.
Matching is the greedy two-pointer walk: no regular expression, so no pattern can make it slow.
"""

import enum
from collections.abc import Mapping, Sequence

from sidecar.trust.variables import ESCAPES, VARIABLE, WITH_DEFAULT


class Wildcard(enum.Enum):
    """What stands for other characters."""

    ANY = "*"
    ONE = "?"


Pattern = tuple[str | Wildcard, ...]


def compile_glob(text: str) -> Pattern:
    """`*` is any run of characters, the empty one and `:` and `/` included; `?` is exactly one."""
    return tuple(Wildcard(char) if char in "*?" else char for char in text)


def matches(pattern: Pattern, text: Sequence[str]) -> bool:
    """Whether the pattern covers the whole text, case-sensitively."""
    at = restart = 0
    star = -1
    seen = 0
    while seen < len(text):
        if at < len(pattern) and pattern[at] in (Wildcard.ONE, text[seen]):
            at, seen = at + 1, seen + 1
        elif at < len(pattern) and pattern[at] is Wildcard.ANY:
            star, restart = at, seen
            at += 1
        elif star >= 0:  # let the last star swallow one character more, and try again from there
            restart += 1
            at, seen = star + 1, restart
        else:
            return False
    return all(token is Wildcard.ANY for token in pattern[at:])


def glob(pattern: str, text: str) -> bool:
    """`matches` for a pattern without variables."""
    return matches(compile_glob(pattern), text)


def has_wildcard(text: str) -> bool:
    return "*" in text or "?" in text


def expand(template: str, keys: Mapping[str, tuple[str, ...]]) -> Pattern | None:
    """A policy value with its variables replaced, or None where one cannot be.

    IAM User Guide, "Policy variables": `${key}` takes a single-valued context key, `${key, 'default'}` falls back,
    `${*}`, `${?}` and `${$}` are the characters themselves. What a variable brings in is never a wildcard (inference).
    """
    pattern: list[str | Wildcard] = []
    end = 0
    for variable in VARIABLE.finditer(template):
        value = _value_of(variable[1], keys)
        if value is None:
            return None
        pattern += compile_glob(template[end : variable.start()])
        pattern += value
        end = variable.end()
    return (*pattern, *compile_glob(template[end:]))


def as_text(pattern: Pattern) -> str:
    """The pattern as written: for operators in which a star is only a star."""
    return "".join(token.value if isinstance(token, Wildcard) else token for token in pattern)


def _value_of(name: str, keys: Mapping[str, tuple[str, ...]]) -> str | None:
    if name in ESCAPES:
        return name
    fallback = WITH_DEFAULT.fullmatch(name)
    key = fallback["key"] if fallback else name
    values = keys.get(key.strip().casefold(), ())
    if len(values) == 1:
        return values[0]
    return fallback["default"] if fallback and not values else None
