"""Pods inside custom resources: those whose controllers run them as written, and those that only a person can judge."""

from collections.abc import Iterator, Mapping, MutableMapping
from typing import Any

from sidecar.core.findings import Where

RUN_AS_WRITTEN: dict[str, frozenset[str]] = {
    "argoproj.io": frozenset({"Rollout"}),
    "keda.sh": frozenset({"ScaledJob"}),
    "apps.openshift.io": frozenset({"DeploymentConfig"}),
    "apps.kruise.io": frozenset({"CloneSet", "DaemonSet", "StatefulSet"}),
    "jobset.x-k8s.io": frozenset({"JobSet"}),
}
"""API groups and kinds that make pods of a whole pod template, with all its fields. Knative's Service is none: it takes
no init containers and no ports but the application's."""
_HOLD_NO_PODS = frozenset({"CustomResourceDefinition"})
_CONTAINER_KEYS = ("containers", "container", "steps")


def group_of(document: Mapping[str, Any]) -> str:
    """The API group of an object; empty for Kubernetes' core."""
    group, slash, _ = str(document.get("apiVersion")).partition("/")
    return group if slash else ""


def runs_as_written(document: Mapping[str, Any]) -> bool:
    return document.get("kind") in RUN_AS_WRITTEN.get(group_of(document), ())


def templates(tree: Any, path: Where = ()) -> Iterator[tuple[Where, MutableMapping[str, Any]]]:
    """The pod templates in an object (what has a `spec` with containers), and the path to each; not the object."""
    for key, value in _below(tree):
        below = (*path, key)
        if isinstance(value, MutableMapping) and _has_containers(value.get("spec")):
            yield below, value
        else:
            yield from templates(value, below)


def containers(tree: Any, path: Where = ()) -> Iterator[Where]:
    """The paths to whatever in an object looks like containers: that names an image."""
    if not path and isinstance(tree, Mapping) and tree.get("kind") in _HOLD_NO_PODS:
        return
    for key, value in _below(tree):
        if key in _CONTAINER_KEYS and _has_image(value):
            yield (*path, key)
        else:
            yield from containers(value, (*path, key))


def _below(tree: Any) -> list[tuple[str | int, Any]]:
    if isinstance(tree, Mapping):
        return [(str(key), value) for key, value in tree.items()]
    return list(enumerate(tree)) if isinstance(tree, list) else []


def _has_containers(spec: Any) -> bool:
    return isinstance(spec, Mapping) and _has_image(spec.get("containers"))


def _has_image(value: Any) -> bool:
    found = value if isinstance(value, list) else [value]
    return any(isinstance(each, Mapping) and isinstance(each.get("image"), str) for each in found)
