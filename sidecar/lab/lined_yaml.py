"""YAML whose every value knows its line, so that a complaint can name it. All scalars are text.

Text alone, because YAML would make a date of `Version: 2012-10-17` and an octal number of account `012345670123`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import yaml

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Complaint:
    """What is wrong, and on which line of which file."""

    file: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.text}"


class BadFile(ValueError):
    """A file that cannot be used. All complaints at once."""

    def __init__(self, complaints: Sequence[Complaint]) -> None:
        super().__init__("\n".join(map(str, complaints)))
        self.complaints = tuple(complaints)


@dataclass(frozen=True, slots=True)
class Document:
    """The file's data (mappings, lists and text) and the line of each path in it."""

    name: str
    data: Any
    lines: dict[Path, int]

    def items(self, key: str) -> list[Any]:
        """The list under a top-level key, empty if there is none. Raises BadFile for anything but a list."""
        found = self.data.get(key, [])
        if found == "":  # a name with nothing after it
            return []
        if not isinstance(found, list):
            raise BadFile([self.complain(f"{key} is not a list", key)])
        return found

    def complain(self, text: str, *where: str | int) -> Complaint:
        return Complaint(self.name, self.line(*where), text)

    def line(self, *where: str | int) -> int:
        """The line of the path, or of the nearest thing around it."""
        path: Path = where
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)


def load(text: str, name: str) -> Document:
    """Raises BadFile for bad syntax, a key that appears twice, or a document that is no mapping."""
    try:
        root = yaml.compose(text, Loader=yaml.BaseLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        raise BadFile([Complaint(name, mark.line + 1 if mark else 1, f"not YAML: {error.problem}")]) from error
    lines: dict[Path, int] = {}
    data = {} if root is None else _data(root, (), lines, name)
    if not isinstance(data, dict):
        raise BadFile([Complaint(name, 1, "the file is not a mapping of names to values")])
    return Document(name, data, lines)


def _data(node: yaml.Node, path: Path, lines: dict[Path, int], name: str) -> Any:
    # A block scalar's mark is on the line of its `|`; its text starts on the next.
    lines.setdefault(path, node.start_mark.line + 1)
    if isinstance(node, yaml.SequenceNode):
        return [_data(child, (*path, index), lines, name) for index, child in enumerate(node.value)]
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, path, lines, name)
    return node.value


def _mapping(node: yaml.MappingNode, path: Path, lines: dict[Path, int], name: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in node.value:
        line = key.start_mark.line + 1
        if not isinstance(key, yaml.ScalarNode):
            raise BadFile([Complaint(name, line, "a key must be plain text")])
        if key.value in found:
            raise BadFile([Complaint(name, line, f"the key {key.value!r} appears twice here; only one can count")])
        lines[(*path, key.value)] = line
        found[key.value] = _data(value, (*path, key.value), lines, name)
    return found
