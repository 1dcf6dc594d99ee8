"""YAML as a tree that knows where in the text each of its parts is: what `edits` works on.

Text is resolved as by YAML 1.1, which kubectl reads. JSON is YAML too.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ruamel.yaml import YAML, events
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import ScalarNode

from sidecar.core.findings import Where

_TRUE = frozenset({"true", "yes", "on", "y"})
_TAG = "tag:yaml.org,2002:"


class NotYaml(ValueError):
    """A text that is no YAML, and on which of its lines (from 0) that shows."""

    def __init__(self, problem: str, line: int) -> None:
        super().__init__(problem)
        self.line = line


@dataclass(frozen=True, slots=True, eq=False)
class Node(ABC):
    """`start` and `end` are places in the text; the end of a block is that of the last thing in it.

    `flow` is for a collection in brackets, and for a scalar in one.
    """

    start: int
    end: int
    flow: bool

    @abstractmethod
    def data(self) -> Any:
        """What a program would read."""


@dataclass(frozen=True, slots=True, eq=False)
class Scalar(Node):
    value: Any

    def data(self) -> Any:
        return self.value


@dataclass(frozen=True, slots=True, eq=False)
class Alias(Node):
    target: Node

    def data(self) -> Any:
        return self.target.data()


@dataclass(frozen=True, slots=True, eq=False)
class Sequence(Node):
    items: tuple[Node, ...]

    def data(self) -> list[Any]:
        return [item.data() for item in self.items]


@dataclass(frozen=True, slots=True, eq=False)
class Mapping(Node):
    entries: tuple[tuple[Node, Node], ...]

    def data(self) -> dict[Any, Any]:
        own = {key.data(): value.data() for key, value in self.entries if key.data() != "<<"}
        return self._merged() | own

    def _merged(self) -> dict[Any, Any]:
        merged: dict[Any, Any] = {}
        for key, value in self.entries:
            found = value.data() if key.data() == "<<" else []
            for base in found if isinstance(found, list) else [found]:
                merged = base | merged
        return merged

    def entry(self, key: str) -> tuple[Node, Node] | None:
        """The key's own entry, the last if there are several; not a merged one."""
        return next((entry for entry in reversed(self.entries) if entry[0].data() == key), None)


def parse(text: str) -> list[Node]:
    """The documents in a text, empty ones excepted. Raises `NotYaml`."""
    yaml = YAML(typ="safe", pure=True)
    yaml.version = (1, 1)
    try:
        return list(_Builder(text, yaml).documents())
    except MarkedYAMLError as error:
        mark = error.problem_mark
        raise NotYaml(str(error.problem or error.context), mark.line if mark else 0) from None
    except YAMLError as error:  # a character that YAML does not allow
        place = getattr(error, "position", 0)
        raise NotYaml(getattr(error, "reason", "unreadable"), text.count("\n", 0, place)) from None


class _Builder:
    def __init__(self, text: str, yaml: YAML) -> None:
        self._text = text
        self._events: Iterator[Any] = yaml.parse(text)
        self._resolver = yaml.resolver
        self._anchors: dict[str, Node] = {}

    def documents(self) -> Iterator[Node]:
        for event in self._events:
            if isinstance(event, events.DocumentStartEvent):
                self._anchors = {}
                yield self._node(next(self._events))

    def _node(self, event: Any, *, flow: bool = False) -> Node:
        start, end = event.start_mark.index, event.end_mark.index
        if isinstance(event, events.AliasEvent):
            return Alias(start, end, flow, self._target(event))
        if isinstance(event, events.ScalarEvent):
            node: Node = Scalar(start, self._end_of(event), flow, self._value(event))
        elif isinstance(event, events.SequenceStartEvent):
            node = self._sequence(start, flow=bool(event.flow_style))
        else:
            node = self._mapping(start, flow=bool(event.flow_style))
        if event.anchor is not None:
            self._anchors[event.anchor] = node
        return node

    def _target(self, event: Any) -> Node:
        try:
            return self._anchors[event.anchor]
        except KeyError:
            raise NotYaml(f"*{event.anchor} refers to nothing above it", event.start_mark.line) from None

    def _sequence(self, start: int, *, flow: bool) -> Node:
        items = []
        while not isinstance(event := next(self._events), events.SequenceEndEvent):
            items.append(self._node(event, flow=flow))
        end = event.end_mark.index if flow or not items else items[-1].end
        return Sequence(start, end, flow, tuple(items))

    def _mapping(self, start: int, *, flow: bool) -> Node:
        entries = []
        while not isinstance(event := next(self._events), events.MappingEndEvent):
            key = self._key(event, flow=flow)
            entries.append((key, _behind(key, self._node(next(self._events), flow=flow))))
        end = event.end_mark.index if flow or not entries else entries[-1][1].end
        return Mapping(start, end, flow, tuple(entries))

    def _key(self, event: Any, *, flow: bool) -> Node:
        key = self._node(event, flow=flow)
        if not isinstance(key, Scalar):
            raise NotYaml("a key must be plain text", event.start_mark.line)
        return key

    def _end_of(self, event: Any) -> int:
        """Where a scalar's text ends: of a block, without the blank lines that follow and do not belong to it."""
        start, end = event.start_mark.index, event.end_mark.index
        if event.style not in {"|", ">"}:
            return int(end)
        written = self._text[start:end]
        if "+" in written.partition("\n")[0].partition("#")[0]:
            return int(end) - written.endswith("\n")
        return int(start) + len(written.rstrip())

    def _value(self, event: Any) -> Any:
        tag = event.tag or self._resolver.resolve(ScalarNode, event.value, event.implicit)
        text = event.value
        match str(tag).removeprefix(_TAG):
            case "null":
                return None
            case "bool":
                return text.lower() in _TRUE
            case "int" if text.isdecimal():
                return int(text)
        return text


def _behind(key: Node, value: Node) -> Node:
    """A value that is not written has no place of its own: the parser puts it where the next thing begins."""
    if isinstance(value, Scalar) and value.start == value.end:
        return Scalar(key.end, key.end, key.flow, value.value)
    return value


def found(node: Node, path: Where) -> Node:
    """The node at a path, or the nearest one around it."""
    for part in path:
        below = _below(node, part)
        if below is None:
            break
        node = below
    return node


def _below(node: Node, part: str | int) -> Node | None:
    if isinstance(node, Alias):
        return _below(node.target, part)
    if isinstance(node, Mapping):
        entry = node.entry(str(part))
        return entry[1] if entry else None
    if isinstance(node, Sequence):
        return next((item for index, item in enumerate(node.items) if part in {index, _name(item)}), None)
    return None


def _name(item: Node) -> Any:
    data = item.data()
    return (data.get("mountPath") or data.get("name")) if isinstance(data, dict) else None
