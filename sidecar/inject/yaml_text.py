"""Lines, columns and indentation of a YAML text."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from sidecar.inject.yaml_writer import Style
from sidecar.positioned_yaml import MappingNode, Node, SequenceNode, ValueBudget, parse

MOST_VALUES = 40_000
"""Of a document with what its aliases stand for; a live Deployment has some 400."""


def read_again(text: str) -> list[Node]:
    """The documents of a manifest that has grown by what was added here. Raises `NotYaml`."""
    return parse(text, ValueBudget(MOST_VALUES + len(text)))


@dataclass(frozen=True)
class YamlText:
    """A text and one document in it. What is asked again for each insertion is found out once."""

    text: str
    root: Node

    @cached_property
    def newline(self) -> str:
        return "\r\n" if "\r\n" in self.text else "\n"

    def column(self, place: int) -> int:
        start = self.text.rfind("\n", 0, place) + 1
        return place - start - self.text.startswith("\ufeff", start)

    def before(self, place: int) -> str:
        """What precedes a place in its line, without the white space around it."""
        return self.text[place - self.column(place) : place].strip()

    def end_of_line(self, place: int) -> int:
        end = self.text.find("\n", place)
        end = len(self.text) if end < 0 else end
        return end - 1 if self.text[end - 1 : end] == "\r" else end

    def end_of_line_before(self, place: int) -> int:
        start = self.text.rfind("\n", 0, place)
        return start - 1 if self.text[start - 1 : start] == "\r" else start

    def after_colon(self, key: Node) -> int:
        return self.text.index(":", key.end) + 1

    def dash(self, item: Node) -> int:
        return self.text.rindex("-", 0, item.start)

    def own_lines(self, place: int) -> int | None:
        """The column of the items of a flow collection that has one on each line; None if a line holds several."""
        return None if self.before(place) else self.column(place)

    def style(self, nearest: Node) -> Style:
        """The indentation of the document, and of the lists nearest to an insertion."""
        return Style(self._usual.step, next(self._dashes(nearest), self._usual.dash))

    @cached_property
    def _usual(self) -> Style:
        """The indentation that the document shows first."""
        steps = (step for node in _all(self.root) for step in self._steps(node))
        dashes = (dash for node in _all(self.root) for dash in self._dashes(node))
        return Style(next(steps, 2), next(dashes, 2))

    def _steps(self, node: Node) -> Iterator[int]:
        for key, value in node.entries if isinstance(node, MappingNode) else ():
            if isinstance(value, MappingNode) and value.entries and not self.before(value.entries[0][0].start):
                yield self.column(value.entries[0][0].start) - self.column(key.start)

    def _dashes(self, node: Node) -> Iterator[int]:
        for key, value in node.entries if isinstance(node, MappingNode) else ():
            if isinstance(value, SequenceNode) and value.items and not value.flow:
                yield self.column(self.dash(value.items[0])) - self.column(key.start)


def _all(node: Node) -> Iterator[Node]:
    yield node
    if isinstance(node, MappingNode):
        for _, value in node.entries:
            yield from _all(value)
    elif isinstance(node, SequenceNode):
        for item in node.items:
            yield from _all(item)
