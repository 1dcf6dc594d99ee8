"""Writes trees as CEL, with expressions in the places of what is known only when a pod is admitted.

Maps are used in place of Kubernetes' typed objects: they hold any field that `inject` may add.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self

_WIDTH = 100
_STEP = "  "


class CelText(str):
    """A text that CEL computes. It is also a text of its own, with which the options of an injection are checked."""

    __slots__ = ("cel",)
    cel: str

    def __new__(cls, text: str, cel: str) -> Self:
        made = super().__new__(cls, text)
        made.cel = cel
        return made


class CelNumber(int):
    """The same for a number."""

    cel: str

    def __new__(cls, number: int, cel: str) -> Self:
        made = super().__new__(cls, number)
        made.cel = cel
        return made


@dataclass(frozen=True, slots=True)
class CelTree:
    """A collection that CEL computes."""

    cel: str


@dataclass(frozen=True, slots=True)
class Either:
    """A value that depends on a condition."""

    condition: str
    yes: Any
    no: Any


@dataclass(frozen=True, slots=True)
class Longer:
    """A list that begins the same in both cases."""

    begin: list[Any]
    end: Either


@dataclass(frozen=True, slots=True)
class Each:
    """The items at a list's end that are made of another list: `item` may read `variable`."""

    of: str
    variable: str
    item: Any


def filled(tree: Any, mark: str, cel: str) -> Any:
    """The tree with what CEL computes in the place of `mark`, also within its texts."""
    match tree:
        case str() if mark in tree and not isinstance(tree, CelText):
            tree = CelText(tree, " + ".join(_around(tree.split(mark), cel)))
        case Mapping():
            tree = {key: filled(value, mark, cel) for key, value in tree.items()}
        case list():
            tree = [filled(item, mark, cel) for item in tree]
        case Either():
            tree = Either(tree.condition, filled(tree.yes, mark, cel), filled(tree.no, mark, cel))
        case Longer():
            tree = Longer(filled(tree.begin, mark, cel), filled(tree.end, mark, cel))
    return tree


def _around(parts: list[str], cel: str) -> Iterator[str]:
    for number, part in enumerate(parts):
        if number:
            yield cel
        if part:
            yield _text(part)


class _Absent:
    """In the place of an entry that is there in one case only."""


def either(condition: str, yes: Any, no: Any) -> Any:
    """One tree for two, which differ only where it says `Either`."""
    if yes == no:
        return yes
    if isinstance(yes, Mapping) and isinstance(no, Mapping):
        keys = [*yes, *(key for key in no if key not in yes)]
        return {key: either(condition, yes.get(key, _Absent), no.get(key, _Absent)) for key in keys}
    if isinstance(yes, list) and isinstance(no, list) and len(yes) == len(no):
        return [either(condition, one, other) for one, other in zip(yes, no, strict=True)]
    if isinstance(yes, list) and isinstance(no, list):
        same = next(
            (at for at, (one, two) in enumerate(zip(yes, no, strict=False)) if one != two), min(len(yes), len(no))
        )
        return Longer(yes[:same], Either(condition, yes[same:], no[same:]))
    return Either(condition, yes, no)


def written(value: Any, indent: str = "") -> str:
    """The CEL of a tree; lines after the first begin with `indent`."""
    if isinstance(value, CelText | CelNumber | CelTree):
        return value.cel
    if isinstance(value, Either):
        return f"({value.condition} ? {written(value.yes, indent)} : {written(value.no, indent)})"
    if isinstance(value, Longer):
        return f"{written(value.begin, indent)} + {written(value.end, indent)}"
    if isinstance(value, Mapping):
        return _collection("{}", list(_entries(value, indent + _STEP)), indent)
    if isinstance(value, list):
        return _list(value, indent)
    return _text(value) if isinstance(value, str) else json.dumps(value)


def _text(value: str) -> str:
    quoted = json.dumps(value)[1:-1].replace('\\"', '"').replace("'", "\\'")
    return f"'{quoted}'"


def _collection(brackets: str, items: list[str], indent: str) -> str:
    begin, end = brackets[0], brackets[1]
    line = f"{begin}{', '.join(items)}{end}"
    if "\n" not in line and len(line) + len(indent) <= _WIDTH:
        return line
    lines = f",\n{indent}{_STEP}".join(items)
    return f"{begin}\n{indent}{_STEP}{lines}\n{indent}{end}"


def _list(items: list[Any], indent: str) -> str:
    if items and isinstance(items[-1], Each):
        *others, each = items
        return f"{_list(others, indent)} + {each.of}.map({each.variable}, {_item(each.item, indent)})"
    return _collection("[]", [_item(item, indent + _STEP) for item in items], indent)


def _item(item: Any, indent: str) -> str:
    """A list's items have one type, and maps with different entries have different ones."""
    return _any(item, indent) if isinstance(item, Mapping) else written(item, indent)


def _entries(tree: Mapping[str, Any], indent: str) -> Iterator[str]:
    """A map's values have one type: where they differ, each is declared to have any."""
    write = _any if len({_type(value) for value in tree.values()}) > 1 else written
    for key, value in tree.items():
        if isinstance(value, Either) and (value.yes is _Absent or value.no is _Absent):
            yield f"?{_text(key)}: {_optional(value, indent)}"
        else:
            yield f"{_text(key)}: {write(value, indent)}"


def _any(value: Any, indent: str) -> str:
    return f"dyn({written(value, indent)})"


def _optional(value: Either, indent: str) -> str:
    yes, no = (
        "optional.none()" if each is _Absent else f"optional.of({_any(each, indent)})" for each in (value.yes, value.no)
    )
    return f"{value.condition} ? {yes} : {no}"


def _type(value: Any) -> object:
    """Equal for two values only if CEL gives them the same type."""
    match value:
        case CelText() | CelNumber() | CelTree():
            return "any"
        case Either() if value.no is not _Absent and value.yes is not _Absent:
            return _type(value.yes)
        case Mapping():
            types = {_type(each) for each in value.values()}
            return ("map", *(types if len(types) == 1 else ("any",)))
        case [Mapping(), *_] | Longer():
            return "list", "any"
        case [first, *_]:
            return "list", _type(first)
        case _:
            return type(value)
