"""Changes the text of a document so that it has the wanted content, by inserting and deleting lines.

What is not added or removed keeps every byte. Text is inserted at the end of a line and deleted from there, so that one
undoes the other, whether or not the file ends with a newline. The result is parsed again and compared: a style that
these edits do not fit is an error, never a different document.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sidecar.inject import yaml_writer
from sidecar.inject.alignment import aligned
from sidecar.inject.yaml_text import YamlText, read_again
from sidecar.positioned_yaml import AliasNode, MappingNode, Node, NotYaml, ScalarNode, SequenceNode, resolved

_BEFORE = {"metadata": "spec", "initContainers": "containers"}
"""Keys that are inserted before another key, if that is there."""


class CannotEdit(ValueError):
    """The text is written so that it cannot be changed without rewriting more of it."""


@dataclass(frozen=True, slots=True)
class _Edit:
    start: int
    end: int
    put: str


def rewritten(text: str, documents: Sequence[Node], wanted: Sequence[Any]) -> tuple[str, Sequence[Node]]:
    """`text`, whose documents are given, changed so that they become the wanted ones. Raises `CannotEdit`."""
    pairs = zip(documents, wanted, strict=True)
    edits = [edit for node, data in pairs for edit in _Document(text, node).changed(data)]
    result = _applied(text, edits)
    try:
        read = read_again(result) if edits else documents
    except NotYaml:
        raise CannotEdit from None
    if [node.data() for node in read] != list(wanted):
        raise CannotEdit
    return result, read


def _applied(text: str, edits: list[_Edit]) -> str:
    # What several aliases refer to is visited once for each of them, but can be changed only once.
    parts, at = [], 0
    for edit in sorted(dict.fromkeys(edits), key=lambda edit: edit.start):
        if edit.start < at:
            raise CannotEdit
        parts += [text[at : edit.start], edit.put]
        at = edit.end
    return "".join([*parts, text[at:]])


class _Document:
    """Edits of one document. Insertions further down come first, because two edits may have the same place."""

    def __init__(self, text: str, root: Node) -> None:
        self._text = YamlText(text, root)
        self._root = root

    def changed(self, wanted: Any) -> Iterator[_Edit]:
        return self._change(self._root, wanted, None)

    def _change(self, node: Node, wanted: Any, key: Node | None) -> Iterator[_Edit]:
        """The edits that turn a node into `wanted`; `key` is the key whose value it is."""
        if node.data() == wanted:
            return
        if isinstance(node, AliasNode) and key is not None and _only_more(node.data(), wanted):
            yield from self._merge(node, wanted, key)
            return
        node = resolved(node)
        if isinstance(node, MappingNode) and node.entries and wanted:
            yield from self._change_mapping(node, wanted, key)
        elif isinstance(node, SequenceNode) and node.items and wanted:
            yield from self._change_sequence(node, wanted, key)
        elif key is None:
            raise CannotEdit
        elif wanted:
            yield from self._fill(node, wanted, key)
        else:
            yield self._empty(node, wanted, key)

    def _change_mapping(self, node: MappingNode, wanted: dict[str, Any], key: Node | None) -> Iterator[_Edit]:
        before = node.data()
        for name in before:
            if name in wanted:
                own_key, value = node.entry(name) or _merged_entry(node, name)
                yield from self._change(value, wanted[name], own_key)
        names = [name.data() for name, _ in node.entries]
        gone = {index for index, name in enumerate(names) if name not in wanted and name != "<<"}
        if gone and key is not None and [name for index, name in enumerate(names) if index not in gone] == ["<<"]:
            base = node.entries[names.index("<<")][1]
            yield self._in_one_line(node, self._text.text[base.start : base.end], key)
            return
        yield from self._take_out(node, [(name.start, value.end) for name, value in node.entries], gone)
        for name, data in wanted.items():
            if name not in before:
                yield self._put_entry(node, name, data, key)

    def _change_sequence(self, node: SequenceNode, wanted: list[Any], key: Node | None) -> Iterator[_Edit]:
        kept, added = aligned(node.data(), wanted)
        for index, data in kept.items():
            yield from self._change(node.items[index], data, None)
        gone = set(range(len(node.items))) - kept.keys()
        yield from self._take_out(node, [(item.start, item.end) for item in node.items], gone)
        for after, data in added:
            yield self._put_item(node, after, data, key)

    def _take_out(self, node: Node, spans: list[tuple[int, int]], gone: set[int]) -> Iterator[_Edit]:
        for index in sorted(gone):
            start, end = spans[index]
            if not node.flow and self._text.before(start) == ("-" if isinstance(node, SequenceNode) else ""):
                yield _Edit(self._text.end_of_line_before(start), self._text.end_of_line(end), "")
            elif node.flow and any(before not in gone for before in range(index)):
                yield _Edit(spans[index - 1][1], end, "")
            elif index + 1 < len(spans):
                yield _Edit(start, spans[index + 1][0], "")
            else:
                raise CannotEdit

    def _empty(self, node: Node, wanted: Any, key: Node) -> _Edit:
        """A collection that is empty again becomes `[]`, `{}`, or null as it was."""
        empty = "{}" if isinstance(node, MappingNode) else "[]"
        return self._in_one_line(node, ("null" if node.flow else "") if wanted is None else empty, key)

    def _in_one_line(self, node: Node, written: str, key: Node) -> _Edit:
        """Deletes the lines of a collection and puts `written` behind its key, before a comment there."""
        if node.flow:
            return _Edit(node.start, node.end, written)
        after_colon = self._text.after_colon(key)
        comment = self._text.text[after_colon : self._text.end_of_line(key.end)]
        return _Edit(after_colon, self._text.end_of_line(node.end), (f" {written}" if written else "") + comment)

    def _fill(self, node: Node, wanted: Any, key: Node) -> Iterator[_Edit]:
        """Gives content to what was `[]`, `{}` or null."""
        style = self._text.style(node)
        if isinstance(node, ScalarNode) and node.value is not None:
            raise CannotEdit
        if key.flow:
            yield _Edit(node.start, node.end, yaml_writer.flow(wanted, self._text.own_lines(key.start), style))
            return
        column = self._text.column(key.start)
        if isinstance(wanted, list):
            lines = yaml_writer.block_items(wanted, column + style.dash, style)
        else:
            lines = yaml_writer.block_mapping(wanted, column + style.step, style)
        yield from self._in_lines(node, lines, key)

    def _in_lines(self, node: Node, lines: list[str], key: Node) -> Iterator[_Edit]:
        """Deletes what is behind a key, except a comment, and puts lines below."""
        if node.end > key.end:
            yield _Edit(self._text.after_colon(key), node.end, "")
        yield self._put_lines(node.end, lines)

    def _merge(self, node: AliasNode, wanted: dict[str, Any], key: Node) -> Iterator[_Edit]:
        """Adds to an alias of a mapping (`labels: *labels`) here alone, and not to what it refers to."""
        style = self._text.style(node)
        base = f"<<: {self._text.text[node.start : node.end]}"
        more = {name: value for name, value in wanted.items() if name not in node.data()}
        if key.flow:
            yield _Edit(node.start, node.end, f"{{{base}, {yaml_writer.flow(more, None, style)[1:]}")
            return
        column = self._text.column(key.start) + style.step
        lines = [" " * column + base, *yaml_writer.block_mapping(more, column, style)]
        yield from self._in_lines(node, lines, key)

    def _put_entry(self, node: MappingNode, name: str, value: Any, key: Node | None) -> _Edit:
        before = _before(node, name)
        first = node.entries[0][0].start
        style = self._text.style(node)
        if not node.flow:
            place = key.end if before < 0 and key is not None else node.entries[before][1].end
            return self._put_lines(place, yaml_writer.block(name, value, self._text.column(first), style))
        own_lines, place = self._text.own_lines(first), node.entries[before][1].end
        entry = f"{yaml_writer.flow(name, None, style)}: {yaml_writer.flow(value, own_lines, style)}"
        return _Edit(place, place, self._separator(own_lines) + entry)

    def _put_item(self, node: SequenceNode, after: int, item: Any, key: Node | None) -> _Edit:
        first, style = node.items[0], self._text.style(node)
        place = node.items[after].end
        if not node.flow:
            lines = yaml_writer.block_items([item], self._text.column(self._text.dash(first)), style)
            if after < 0 and key is None:
                raise CannotEdit
            return self._put_lines(key.end if key is not None and after < 0 else place, lines)
        own_lines = self._text.own_lines(first.start)
        written = yaml_writer.flow(item, own_lines, style)
        if after < 0:
            return _Edit(first.start, first.start, written + self._separator(own_lines))
        return _Edit(place, place, self._separator(own_lines) + written)

    def _separator(self, own_lines: int | None) -> str:
        return ", " if own_lines is None else f",{self._text.newline}{' ' * own_lines}"

    def _put_lines(self, place: int, lines: list[str]) -> _Edit:
        """Inserts lines after the line of a place."""
        end = self._text.end_of_line(place)
        return _Edit(end, end, "".join(self._text.newline + line for line in lines))


def _only_more(before: Any, wanted: Any) -> bool:
    """Whether a mapping keeps all its entries, and may get more."""
    return isinstance(before, dict) and isinstance(wanted, dict) and before.items() <= wanted.items()


def _merged_entry(node: MappingNode, key: str) -> tuple[Node, Node]:
    for name, value in node.entries:
        base = resolved(value)
        if name.data() == "<<" and isinstance(base, MappingNode) and (entry := base.entry(key)):
            return entry
    raise CannotEdit


def _before(node: MappingNode, name: str) -> int:
    """The index of the entry after which a new one goes: the last, unless `_BEFORE` says otherwise; -1 for none."""
    names = [key.data() for key, _ in node.entries]
    return names.index(_BEFORE[name]) - 1 if _BEFORE.get(name) in names else len(names) - 1
