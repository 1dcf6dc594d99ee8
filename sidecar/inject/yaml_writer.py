"""Writes values as YAML text, in the style of the text around them."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_PLAIN = re.compile(r"[A-Za-z/]([\w./+@:=-]*[\w/])?|\d+(m|Mi)", re.ASCII)
_WORDS = frozenset({"true", "false", "yes", "no", "on", "off", "y", "n", "null"})
"""Words that some YAML parsers do not read as text."""


@dataclass(frozen=True, slots=True)
class Style:
    """How many columns a nested mapping is indented, and the dashes of a list."""

    step: int = 2
    dash: int = 2


class Paragraph(str):
    """A text that is written on lines of its own: it has several, and no spaces at their ends."""

    __slots__ = ()


def block(key: str, value: Any, column: int, style: Style) -> list[str]:
    """The lines of one entry of a mapping whose keys begin in `column`."""
    begin = " " * column + scalar(key) + ":"
    if isinstance(value, Mapping) and value:
        return [begin, *block_mapping(value, column + style.step, style)]
    if isinstance(value, list) and value and isinstance(value[0], Mapping):
        return [begin, *block_items(value, column + style.dash, style)]
    if isinstance(value, Paragraph):
        return [f"{begin} |-", *(" " * (column + style.step) + line for line in value.splitlines())]
    return [f"{begin} {inline(value)}"]


def block_mapping(value: Mapping[str, Any], column: int, style: Style) -> list[str]:
    return [line for key, below in value.items() for line in block(key, below, column, style)]


def block_items(items: list[Any], column: int, style: Style) -> list[str]:
    lines = []
    for item in items:
        first, *others = block_mapping(item, column + 2, style)
        lines += [" " * column + "- " + first.lstrip(), *others]
    return lines


def inline(value: Any) -> str:
    """A scalar, or a list of scalars, on one line."""
    if isinstance(value, list):
        return f"[{', '.join(map(scalar, value))}]"
    return scalar(value)


def scalar(value: Any) -> str:
    if not isinstance(value, str):
        return json.dumps(value)
    if _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
        return value
    if '"' in value and "'" not in value and value.isascii() and value.isprintable():
        return f"'{value}'"
    return json.dumps(value)


def flow(value: Any, column: int | None, style: Style) -> str:
    """JSON, which fits into every flow collection: on one line, or on lines that are indented from `column`."""
    if column is None:
        return json.dumps(value)
    return json.dumps(value, indent=style.step).replace("\n", "\n" + " " * column)
