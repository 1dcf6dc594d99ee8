"""Merges a patch into a tree, with a record by which exactly the same can be taken out again.

Items of named lists are matched by name, as Kubernetes' strategic merge does; nothing that is there is changed. The
record is a tree of the names that were added. A name ending in `+` is of a list or mapping that had to be made, in `~`
of one that was null: when it is empty again, the former is deleted and the latter becomes null.
"""

from collections.abc import Mapping, MutableMapping
from typing import Any

from sidecar.inject.workloads import Tree

Record = dict[str, Any]

NAMED_BY = {
    "containers": "name",
    "initContainers": "name",
    "env": "name",
    "volumes": "name",
    "volumeMounts": "mountPath",
    "imagePullSecrets": "name",
}
"""Lists whose items have names, and the key that holds the name (Kubernetes' `patchMergeKey`)."""
DERIVED = {"priorityClassName": ("priority", "preemptionPolicy")}
"""What an API server has filled in because a field was missing. It must go where the field is added, and comes back."""
_CONTAINERS = frozenset({"containers", "initContainers"})
"""Lists whose existing items may get more; the items of other lists are added whole or not at all."""
ADDED = 1
MADE, WAS_NULL = "+", "~"


def merge(tree: Tree, wanted: Mapping[str, Any]) -> Record:
    """Adds to `tree` what it lacks of `wanted`. Returns the record of what was added."""
    record: Record = {}
    for key, value in wanted.items():
        if isinstance(value, Mapping | list):
            record |= _merge_branch(tree, key, value)
        elif key not in tree:
            tree[key] = value
            record[key] = ADDED
    return record


def _merge_branch(tree: Tree, key: str, wanted: Mapping[str, Any] | list[Any]) -> Record:
    if not wanted:
        return {}
    mark = MADE if key not in tree else WAS_NULL if tree[key] is None else ""
    if mark:
        tree[key] = [] if isinstance(wanted, list) else {}
    grown = _merge_items(tree[key], key, wanted) if isinstance(wanted, list) else merge(tree[key], wanted)
    return {key + mark: grown} if grown else {}


def _merge_items(items: list[Tree], key: str, wanted: list[Any]) -> Record:
    record: Record = {}
    by = NAMED_BY[key]
    there = {item[by]: item for item in items}
    for item in wanted:
        if item[by] not in there:
            items.append(item)
            record[item[by]] = ADDED
        elif key in _CONTAINERS and (grown := merge(there[item[by]], item)):
            record[item[by]] = grown
    return record


def take_out(tree: Tree, record: Record) -> None:
    """Takes out what a record says was added, as far as it is still there."""
    for name, what in record.items():
        key = name.rstrip(MADE + WAS_NULL)
        if key not in tree:
            continue
        if what == ADDED:
            del tree[key]
            continue
        branch = tree[key]
        if isinstance(branch, list) and key in NAMED_BY:
            _take_out_items(branch, NAMED_BY[key], what)
        elif isinstance(branch, MutableMapping):
            take_out(branch, what)
        if not branch and name != key:
            _leave_as_before(tree, key, name)


def _take_out_items(items: list[Tree], by: str, record: Record) -> None:
    for item in [item for item in items if item.get(by) in record]:
        what = record[item[by]]
        if what == ADDED:
            items.remove(item)
        else:
            take_out(item, what)


def _leave_as_before(tree: Tree, key: str, name: str) -> None:
    if name.endswith(WAS_NULL):
        tree[key] = None
    else:
        del tree[key]
