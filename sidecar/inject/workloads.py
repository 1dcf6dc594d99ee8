"""Finds the workloads of a manifest, and the pod in each."""

from collections.abc import Iterator, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any

from sidecar.core.findings import Where

Tree = MutableMapping[str, Any]

TEMPLATE: dict[str, Where] = {
    "Pod": (),
    "Deployment": ("spec", "template"),
    "ReplicaSet": ("spec", "template"),
    "StatefulSet": ("spec", "template"),
    "DaemonSet": ("spec", "template"),
    "Job": ("spec", "template"),
    "CronJob": ("spec", "jobTemplate", "spec", "template"),
}
"""Kinds that hold a pod, and the path to it (to its `metadata` and `spec`)."""
_GROUPS = frozenset({"v1", "apps/v1", "batch/v1", "batch/v1beta1"})
"""Other groups have kinds of the same name with another structure, such as Volcano's Job."""


@dataclass(frozen=True, slots=True)
class Workload:
    """One workload of a document, and its pod: the object itself, or its template."""

    kind: str
    name: str
    namespace: str
    pod: Tree
    path: Where
    """The way from the document's top to the pod."""
    claims: tuple[str, ...] = ()
    """The volumes that a StatefulSet gives each pod; they replace the pod's own volumes of the same name."""

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"


def workloads(document: object, only: frozenset[str] = frozenset(), path: Where = ()) -> Iterator[Workload]:
    """The workloads in a document, those in a List included; with `only`, those of these names (`Deployment/web`)."""
    if not isinstance(document, MutableMapping):
        return
    kind = document.get("kind")
    if isinstance(kind, str) and kind.endswith("List"):
        for index, item in enumerate(_items(document)):
            yield from workloads(item, only, (*path, "items", index))
    if kind not in TEMPLATE or document.get("apiVersion") not in _GROUPS:
        return
    pod = _at(document, TEMPLATE[kind])
    if isinstance(pod, MutableMapping):
        metadata = mapping(document, "metadata")
        name, namespace = text(metadata, "name"), text(metadata, "namespace")
        found = Workload(kind, name, namespace, pod, path + TEMPLATE[kind], tuple(_claims(document)))
        if not only or str(found) in only:
            yield found


def _claims(document: Mapping[str, Any]) -> Iterator[str]:
    for claim in named(mapping(document, "spec"), "volumeClaimTemplates"):
        yield text(mapping(claim, "metadata"), "name")


def items_of(document: object) -> Iterator[Mapping[str, Any]]:
    """The document itself, or what a List holds."""
    if isinstance(document, Mapping):
        yield document
        if str(document.get("kind")).endswith("List"):
            for item in _items(document):
                yield from items_of(item)


def _items(document: Mapping[str, Any]) -> list[Any]:
    items = document.get("items")
    return items if isinstance(items, list) else []


def _at(document: Any, path: Where) -> Any:
    for key in path:
        document = document.get(key) if isinstance(document, Mapping) else None
    return document


def mapping(tree: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """The mapping under `key`; an empty one if there is none."""
    found = tree.get(key)
    return found if isinstance(found, Mapping) else {}


def named(tree: Mapping[str, Any], key: str) -> list[Tree]:
    """The mappings in the list under `key`."""
    found = tree.get(key)
    return [item for item in found if isinstance(item, MutableMapping)] if isinstance(found, list) else []


def text(tree: Mapping[str, Any], key: str) -> str:
    found = tree.get(key)
    return found if isinstance(found, str) else ""
