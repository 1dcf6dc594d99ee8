"""Finds the workloads of a manifest, and the pod in each."""

from collections.abc import Iterator, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any

from sidecar.core.findings import Where
from sidecar.inject import custom_resources

Tree = MutableMapping[str, Any]

TEMPLATE: dict[str, Where] = {
    "Pod": (),
    "Deployment": ("spec", "template"),
    "ReplicaSet": ("spec", "template"),
    "StatefulSet": ("spec", "template"),
    "DaemonSet": ("spec", "template"),
    "Job": ("spec", "template"),
    "ReplicationController": ("spec", "template"),
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
    custom: bool = False
    """Whether a custom resource holds the pod's template."""

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"


def workloads(document: object, only: frozenset[str] = frozenset()) -> Iterator[Workload]:
    """The workloads in a document, those in a List included; with `only`, those of these names (`Deployment/web`)."""
    for path, item in _objects(document):
        if not only or _label(item) in only:
            yield from _workloads(item, path)


def _workloads(item: Tree, path: Where) -> Iterator[Workload]:
    kind, metadata = text(item, "kind"), mapping(item, "metadata")
    for below, pod in _pods(item, kind):
        yield Workload(
            kind=kind,
            name=text(metadata, "name"),
            namespace=text(metadata, "namespace"),
            pod=pod,
            path=path + below,
            claims=tuple(_claims(item)),
            custom=kind not in TEMPLATE or text(item, "apiVersion") not in _GROUPS,
        )


def _pods(item: Tree, kind: str) -> Iterator[tuple[Where, Tree]]:
    if kind in TEMPLATE and text(item, "apiVersion") in _GROUPS:
        pod = _at(item, TEMPLATE[kind])
        if isinstance(pod, MutableMapping):
            yield TEMPLATE[kind], pod
    elif custom_resources.runs_as_written(item):
        yield from custom_resources.templates(item)


def unknown_containers(document: object, only: frozenset[str] = frozenset()) -> Iterator[tuple[str, Where]]:
    """The objects that hold containers and are none of the workloads: what they are called, and where that is."""
    for path, item in _objects(document):
        if (only and _label(item) not in only) or any(True for _ in _workloads(item, path)):
            continue
        if found := next(custom_resources.containers(item), None):
            yield f"{_label(item)} ({item.get('apiVersion')})", path + found


def references(document: object, only: frozenset[str] = frozenset()) -> Iterator[tuple[str, str, Where]]:
    """The objects that run the template of another: what they are called, the other, and where that is written."""
    for path, item in _objects(document):
        other = mapping(mapping(item, "spec"), "workloadRef")
        if other and custom_resources.runs_as_written(item) and (not only or _label(item) in only):
            yield _label(item), f"{text(other, 'kind')}/{text(other, 'name')}", (*path, "spec", "workloadRef")


def _objects(document: object, path: Where = ()) -> Iterator[tuple[Where, Tree]]:
    """The document itself, or what a List holds, and the way there."""
    if not isinstance(document, MutableMapping) or not isinstance(document.get("kind"), str):
        return
    if not document["kind"].endswith("List"):
        yield path, document
        return
    for index, item in enumerate(_items(document)):
        yield from _objects(_of_list(item, document), (*path, "items", index))


def _of_list(item: Any, whole: Tree) -> Any:
    """An item as kubectl reads it: in a DeploymentList (`kubectl get --raw`) the items leave out what they are."""
    kind = str(whole["kind"]).removesuffix("List")
    if not kind or not isinstance(item, MutableMapping) or "kind" in item:
        return item
    return {"apiVersion": whole.get("apiVersion"), "kind": kind, **item}


def _label(item: Mapping[str, Any]) -> str:
    return f"{text(item, 'kind')}/{text(mapping(item, 'metadata'), 'name')}"


def _claims(document: Mapping[str, Any]) -> Iterator[str]:
    for claim in named(mapping(document, "spec"), "volumeClaimTemplates"):
        yield text(mapping(claim, "metadata"), "name")


def items_of(document: object) -> Iterator[Mapping[str, Any]]:
    """The document itself, or what a List holds."""
    return (item for _, item in _objects(document))


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


def service_account(spec: Mapping[str, Any]) -> str:
    """The name of the one that a pod runs as, also by the field's old name; empty if none is named."""
    return text(spec, "serviceAccountName") or text(spec, "serviceAccount")


def text(tree: Mapping[str, Any], key: str) -> str:
    found = tree.get(key)
    return found if isinstance(found, str) else ""
