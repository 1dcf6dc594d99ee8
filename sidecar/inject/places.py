"""The place in a manifest's tree that a finding is about."""

from typing import Any

from sidecar.core.findings import Where
from sidecar.positioned_yaml import AliasNode, MappingNode, Node, SequenceNode


def nearest(node: Node, path: Where) -> Node:
    """The node at a path, or the nearest one around it. Items of lists are met by index, name or mount path."""
    for part in path:
        below = _below(node, part)
        if below is None:
            break
        node = below
    return node


def _below(node: Node, part: str | int) -> Node | None:
    if isinstance(node, AliasNode):
        return _below(node.target, part)
    if isinstance(node, MappingNode):
        entry = node.entry(str(part))
        return entry[1] if entry else None
    if isinstance(node, SequenceNode):
        return _item(node, part)
    return None


def _item(node: SequenceNode, part: str | int) -> Node | None:
    if isinstance(part, int):
        return node.items[part] if part < len(node.items) else None
    return next((item for item in node.items if part == _name(item)), None)


def _name(item: Node) -> Any:
    data = item.data()
    return (data.get("mountPath") or data.get("name")) if isinstance(data, dict) else None
