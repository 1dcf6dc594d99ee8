"""YAML as a tree in which each value knows its place in the text: its line, and where it starts and ends.

Scalars are resolved as by YAML 1.1, which kubectl reads; each also keeps its plain text. JSON is YAML too.
"""

import re
from abc import ABC, abstractmethod
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml
from yaml.resolver import Resolver

_TRUE = frozenset({"true", "yes", "on", "y"})
MOST_NODES, MOST_DEPTH = 200_000, 100
LONGEST_NUMBER = 1000
"""Digits. Python reads no more than 4300; what is longer stays text."""
_TAG = "tag:yaml.org,2002:"
_BYTE_ORDER_MARK = re.compile(r"(?:\A|^---[^\n]*\n)(\ufeff)", re.MULTILINE)
"""At the beginning of a document, where kubectl skips it: in files that were joined it comes in the middle too."""
_MERGE = "<<"


class NotYaml(ValueError):
    """A text that is not YAML, and the line (from 1) on which that shows."""

    def __init__(self, problem: str, line: int) -> None:
        super().__init__(problem)
        self.line = line


class TooManyValues(NotYaml):
    """A text of more values than may be read."""


class ValueBudget:
    """How many values may be read, in one text or several, with all that their aliases stand for."""

    def __init__(self, most: int) -> None:
        self.most = self.left = most


@dataclass(frozen=True, slots=True, eq=False)
class Node(ABC):
    """`start` and `end` are offsets in the text, in code points; the end of a block is that of the last thing in it.

    `line` counts from 1. `flow` is true for a collection in brackets, and for a scalar inside one.
    """

    start: int
    end: int
    line: int
    flow: bool

    @abstractmethod
    def data(self) -> Any:
        """What a program would read."""


@dataclass(frozen=True, slots=True, eq=False)
class ScalarNode(Node):
    """`text` is the value without its quotes or block indicators; `value` is what YAML 1.1 makes of it."""

    text: str
    value: Any

    def data(self) -> Any:
        return self.value


@dataclass(frozen=True, slots=True, eq=False)
class AliasNode(Node):
    target: Node

    def data(self) -> Any:
        return self.target.data()


@dataclass(frozen=True, slots=True, eq=False)
class SequenceNode(Node):
    items: tuple[Node, ...]

    def data(self) -> list[Any]:
        return [item.data() for item in self.items]


@dataclass(frozen=True, slots=True, eq=False)
class MappingNode(Node):
    entries: tuple[tuple[ScalarNode, Node], ...]

    def data(self) -> dict[Any, Any]:
        own = {key.data(): value.data() for key, value in self.entries if key.data() != _MERGE}
        return self._merged() | own

    def _merged(self) -> dict[Any, Any]:
        merged: dict[Any, Any] = {}
        for key, value in self.entries:
            found = value.data() if key.data() == _MERGE else []
            for base in found if isinstance(found, list) else [found]:
                merged = base | merged if isinstance(base, dict) else merged
        return merged

    def entry(self, key: str) -> tuple[ScalarNode, Node] | None:
        """The key's own entry, the last if there are several; not a merged one."""
        return next((entry for entry in reversed(self.entries) if entry[0].data() == key), None)


def repeated_key(node: Node) -> ScalarNode | None:
    """The first key that stands twice in one mapping; None if there is none."""
    if isinstance(node, SequenceNode):
        return next(filter(None, map(repeated_key, node.items)), None)
    if not isinstance(node, MappingNode):
        return None
    seen: set[object] = set()
    for key, value in node.entries:
        if key.data() in seen:
            return key
        seen.add(key.data())
        if inner := repeated_key(value):
            return inner
    return None


def resolved(node: Node) -> Node:
    """What an alias refers to; every other node is itself."""
    return node.target if isinstance(node, AliasNode) else node


def parse(text: str, budget: ValueBudget | None = None) -> list[Node]:
    """The documents in a text, except empty ones. Raises `NotYaml`, and `TooManyValues` as soon as it comes to them."""
    try:
        return list(_Builder(text, budget or ValueBudget(MOST_NODES)).documents())
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        raise NotYaml(str(error.problem or error.context), mark.line + 1 if mark else 1) from None
    except yaml.reader.ReaderError as error:  # a character that YAML does not allow
        raise NotYaml(error.reason, _line_at(text, error.position)) from None
    except UnicodeEncodeError as error:
        raise NotYaml("half of a surrogate pair is no character", text.count("\n", 0, error.start) + 1) from None


class _Loader(yaml.SafeLoader):
    def scan_to_next_token(self) -> None:
        """Tabs too may stand between tokens, where they indent no block (as for libyaml, and so for kubectl)."""
        super().scan_to_next_token()
        while (self.flow_level or not self.allow_simple_key) and self.peek() == "\t":
            self.forward()
            super().scan_to_next_token()


READER: Any = getattr(yaml, "CSafeLoader", _Loader)
"""libyaml where PyYAML has it: kubectl's library is a port of it and takes the same tabs, and it is ten times as fast.
The substitute in Python takes fewer tabs."""


class _Resolver(Resolver):
    """kubectl's YAML library also takes a lone y or n for a boolean, as YAML 1.1 has it."""


_Resolver.add_implicit_resolver(f"{_TAG}bool", re.compile(r"[yYnN]$"), list("yYnN"))


@dataclass(frozen=True, slots=True)
class Extent:
    """How much a value is with all that its aliases stand for, and how deep it goes."""

    nodes: int
    depth: int


class _Builder:
    def __init__(self, text: str, budget: ValueBudget) -> None:
        self._text = text
        self._budget = budget
        self._marks = [found.start(1) - before for before, found in enumerate(_BYTE_ORDER_MARK.finditer(text))]
        plain = _BYTE_ORDER_MARK.sub(lambda found: found[0][:-1], text) if self._marks else text
        self._events: Iterator[Any] = yaml.parse(plain, Loader=READER)
        self._resolver: Any = _Resolver()
        self._anchors: dict[str, Node] = {}
        self._extents: dict[str, Extent] = {}
        self._nodes = self._depth = self._deepest = 0

    def documents(self) -> Iterator[Node]:
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                self._anchors, self._extents = {}, {}
                yield self._node(next(self._events))

    def _node(self, event: Any, *, flow: bool = False) -> Node:
        """Raises `NotYaml` for what is deeper, or unfolds to more, than anything that people write."""
        before, self._deepest = (self._nodes, self._deepest), self._depth
        self._count(event, Extent(1, 1))
        self._depth += 1
        node = self._any_node(event, flow=flow)
        self._depth -= 1
        if event.anchor is not None and not isinstance(event, yaml.AliasEvent):
            self._anchors[event.anchor] = node
            self._extents[event.anchor] = Extent(self._nodes - before[0], self._deepest - self._depth)
        self._deepest = max(before[1], self._deepest)
        return node

    def _count(self, event: Any, more: Extent) -> None:
        self._nodes += more.nodes
        self._budget.left -= more.nodes
        self._deepest = max(self._deepest, self._depth + more.depth)
        if self._budget.left < 0:
            what = f"it has more than {self._budget.most} values with its aliases"
            raise TooManyValues(what, event.start_mark.line + 1)
        if self._deepest > MOST_DEPTH:
            raise NotYaml(f"it is deeper than {MOST_DEPTH} levels", event.start_mark.line + 1)

    def _any_node(self, event: Any, *, flow: bool) -> Node:
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event, flow=flow)
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event, flow=flow)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(event.start_mark, flow=bool(event.flow_style))
        return self._mapping(event.start_mark, flow=bool(event.flow_style))

    def _alias(self, event: Any, *, flow: bool) -> AliasNode:
        start, line = self._index(event.start_mark), event.start_mark.line + 1
        if event.anchor not in self._anchors:
            raise NotYaml(f"*{event.anchor} refers to nothing above it", line)
        self._count(event, self._extents[event.anchor])
        return AliasNode(start, self._index(event.end_mark), line, flow, self._anchors[event.anchor])

    def _scalar(self, event: Any, *, flow: bool) -> ScalarNode:
        start, end = self._index(event.start_mark), self._end_of(event)
        return ScalarNode(start, end, event.start_mark.line + 1, flow, event.value, self._value(event))

    def _sequence(self, start: Any, *, flow: bool) -> Node:
        items = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            items.append(self._node(event, flow=flow))
        end = self._index(event.end_mark) if flow or not items else items[-1].end
        return SequenceNode(self._index(start), end, start.line + 1, flow, tuple(items))

    def _mapping(self, start: Any, *, flow: bool) -> Node:
        entries = []
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key = self._key(event, flow=flow)
            entries.append((key, _behind(key, self._node(next(self._events), flow=flow))))
        end = self._index(event.end_mark) if flow or not entries else entries[-1][1].end
        return MappingNode(self._index(start), end, start.line + 1, flow, tuple(entries))

    def _key(self, event: Any, *, flow: bool) -> ScalarNode:
        key = self._node(event, flow=flow)
        if not isinstance(key, ScalarNode):
            raise NotYaml("a key must be plain text", event.start_mark.line + 1)
        return key

    def _end_of(self, event: Any) -> int:
        """Where a scalar's text ends: of a block, without the blank lines that follow and do not belong to it."""
        start, end = self._index(event.start_mark), self._index(event.end_mark)
        if event.style not in {"|", ">"}:
            return end
        written = self._text[start:end]
        if "+" in written.partition("\n")[0].partition("#")[0]:
            return end - written.endswith("\n")
        return start + len(written.rstrip())

    def _index(self, mark: Any) -> int:
        """An offset in the text as it was given, with its byte order marks."""
        return int(mark.index) + bisect_right(self._marks, mark.index)

    def _value(self, event: Any) -> Any:
        text = event.value
        tag = event.tag or self._resolver.resolve(yaml.ScalarNode, text, event.implicit)
        match str(tag).removeprefix(_TAG):
            case "null":
                return None
            case "bool":
                return text.lower() in _TRUE
            case "int" if text.isdecimal() and len(text) <= LONGEST_NUMBER:
                return int(text)
        return text


def _line_at(text: str, position: int) -> int:
    """The line of a character that the reader refuses; libyaml counts bytes up to it, its substitute characters."""
    if READER is _Loader:
        return text.count("\n", 0, position) + 1
    return text.encode("utf-8", "replace").count(b"\n", 0, position) + 1


def _behind(key: Node, value: Node) -> Node:
    """A value that is not written has no place of its own: the parser puts it where the next thing begins."""
    if isinstance(value, ScalarNode) and value.start == value.end:
        return ScalarNode(key.end, key.end, key.line, key.flow, value.text, value.value)
    return value
