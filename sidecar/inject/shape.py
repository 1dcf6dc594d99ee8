"""Checks that a pod has the shape that a patch can be merged into."""

from collections.abc import Iterator, Mapping, MutableMapping
from typing import Any

from sidecar.core.findings import Finding, Where
from sidecar.inject.merge import NAMED_BY
from sidecar.inject.workload_findings import error
from sidecar.inject.workloads import Workload, mapping, named, text

_LISTS = ("ports", *NAMED_BY)


def malformed(workload: Workload) -> Iterator[Finding]:
    """What cannot be merged into. All findings are errors, and no other check makes sense then."""
    for key in ("metadata", "spec"):
        if not _holds(workload.pod, key):
            yield error(workload, (key,), "is not a mapping")
    metadata, spec = mapping(workload.pod, "metadata"), mapping(workload.pod, "spec")
    for key in ("labels", "annotations"):
        if not _holds(metadata, key):
            yield error(workload, ("metadata", key), "is not a mapping")
    if not named(spec, "containers"):
        yield error(workload, ("spec",), "has no containers")
    yield from _malformed_lists(workload, ("spec",), spec)
    for key in ("containers", "initContainers"):
        for container in named(spec, key):
            yield from _malformed_lists(workload, ("spec", key, text(container, "name")), container)


def _holds(tree: Mapping[str, Any], key: str) -> bool:
    """Whether what is under `key` is a mapping, or may become one."""
    return tree.get(key) is None or isinstance(tree[key], MutableMapping)


def _malformed_lists(workload: Workload, path: Where, tree: Mapping[str, Any]) -> Iterator[Finding]:
    for key in _LISTS:
        items = tree.get(key)
        if items is not None and not isinstance(items, list):
            yield error(workload, (*path, key), "is not a list")
        elif items and key in NAMED_BY and not all(_has_name(item, NAMED_BY[key]) for item in items):
            yield error(workload, (*path, key), f"has an item without {NAMED_BY[key]}")


def _has_name(item: object, by: str) -> bool:
    return isinstance(item, MutableMapping) and text(item, by) != ""
