"""A YAML file whose every value knows its line, so that a complaint can name it. All scalars are text.

Text alone, because YAML would make a date of `Version: 2012-10-17` and an octal number of account `012345670123`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sidecar.core.findings import Where
from sidecar.positioned_yaml import MappingNode, Node, NotYaml, ScalarNode, SequenceNode, parse, resolved


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
class YamlFile:
    """The file's data (mappings, lists and text) and the line of each path in it."""

    name: str
    data: Any
    lines: dict[Where, int]

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
        path: Where = where
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)


def load(text: str, name: str) -> YamlFile:
    """Raises BadFile for bad syntax, a key that appears twice, or anything but one document that is a mapping."""
    try:
        documents = parse(text)
    except NotYaml as error:
        raise BadFile([Complaint(name, error.line, f"not YAML: {error}")]) from error
    if len(documents) > 1:
        raise BadFile([Complaint(name, documents[1].line, "a second document begins here; keep only one")])
    lines: dict[Where, int] = {}
    data = _data(documents[0], (), lines, name) if documents else {}
    if not isinstance(data, dict):
        raise BadFile([Complaint(name, 1, "the file is not a mapping of names to values")])
    return YamlFile(name, data, lines)


def _data(node: Node, path: Where, lines: dict[Where, int], name: str) -> Any:
    # A block scalar starts on the line of its `|`; its text starts on the next.
    lines.setdefault(path, node.line)
    node = resolved(node)
    if isinstance(node, SequenceNode):
        return [_data(child, (*path, index), lines, name) for index, child in enumerate(node.items)]
    if isinstance(node, MappingNode):
        return _mapping(node, path, lines, name)
    assert isinstance(node, ScalarNode)
    return node.text


def _mapping(node: MappingNode, path: Where, lines: dict[Where, int], name: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in node.entries:
        if key.text in found:
            raise BadFile(
                [Complaint(name, key.line, f"the key {key.text!r} appears twice here; only one takes effect")]
            )
        lines[(*path, key.text)] = key.line
        found[key.text] = _data(value, (*path, key.text), lines, name)
    return found
