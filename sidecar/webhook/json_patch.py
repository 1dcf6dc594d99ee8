"""The JSON patch (RFC 6902) that makes one document of another."""

from collections.abc import Iterator, Mapping
from typing import Any

from sidecar.inject.alignment import aligned

Operation = dict[str, Any]


def difference(before: Any, after: Any, path: str = "") -> Iterator[Operation]:
    """Operations in an order in which they can be applied one by one; none where both are equal."""
    if before == after and type(before) is type(after):
        return
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        yield from _of_mappings(before, after, path)
    elif isinstance(before, list) and isinstance(after, list) and len(before) <= len(after):
        yield from _of_lists(before, after, path)
    else:
        yield _operation("replace", path, after)


def _of_mappings(before: Mapping[str, Any], after: Mapping[str, Any], path: str) -> Iterator[Operation]:
    for key in before:
        if key not in after:
            yield {"op": "remove", "path": f"{path}/{_escaped(key)}"}
    for key, value in after.items():
        below = f"{path}/{_escaped(key)}"
        if key in before:
            yield from difference(before[key], value, below)
        else:
            yield _operation("add", below, value)


def _of_lists(before: list[Any], after: list[Any], path: str) -> Iterator[Operation]:
    """What stayed, changed in place, and then what was added, the last first: no index moves before it is used."""
    kept, added = aligned(before, after)
    if len(kept) < len(before):
        yield _operation("replace", path, after)
        return
    for index, value in kept.items():
        yield from difference(before[index], value, f"{path}/{index}")
    for index, value in reversed(added):
        yield _operation("add", f"{path}/{index + 1}", value)


def _operation(name: str, path: str, value: Any) -> Operation:
    return {"op": name, "path": path, "value": value}


def _escaped(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")
