"""The annotation that records what inject added to a pod, and a substitute for a sidecar that was written by hand."""

import json
from typing import Any

from sidecar.inject.container_roles import is_ours
from sidecar.inject.merge import ADDED, MADE, Record
from sidecar.inject.names import CONFIG_ANNOTATION, ENDPOINT_VARIABLES, RECORD_ANNOTATION, SIDECAR
from sidecar.inject.workloads import Tree, mapping, named, text


class Unreadable(ValueError):
    """The annotation is there, but it is not what inject writes."""


def written(record: Record) -> str:
    return json.dumps(_short(record), separators=(",", ":"))


def _short(record: Record) -> Any:
    """A mapping whose names were all added, shortened to a list of them."""
    if all(what == ADDED for what in record.values()):
        return list(record)
    return {name: what if what == ADDED else _short(what) for name, what in record.items()}


def of(pod: Tree) -> Record:
    """What inject added to the pod. Raises `Unreadable`."""
    annotation = mapping(mapping(pod, "metadata"), "annotations").get(RECORD_ANNOTATION)
    if annotation is None:
        return _recognised(pod)
    try:
        return _long(json.loads(annotation))
    except (TypeError, ValueError):
        raise Unreadable from None


def _long(short: Any) -> Record:
    if isinstance(short, list):
        return {str(name): ADDED for name in short}
    if not isinstance(short, dict):
        raise TypeError
    return {name: ADDED if what == ADDED else _long(what) for name, what in short.items()}


def written_by_hand(pod: Tree) -> Tree | None:
    """The container of a sidecar that inject has no record of."""
    if RECORD_ANNOTATION in mapping(mapping(pod, "metadata"), "annotations"):
        return None
    return sidecar_in(pod)


def sidecar_in(pod: Tree) -> Tree | None:
    found = (container for container in containers(pod) if container.get("name") == SIDECAR)
    return next(found, None)


def containers(pod: Tree) -> list[Tree]:
    spec = mapping(pod, "spec")
    return named(spec, "initContainers") + named(spec, "containers")


def _recognised(pod: Tree) -> Record:
    """The record as if inject had added what can only belong to a sidecar. Regions and the like may have other uses."""
    if sidecar_in(pod) is None:
        return {}
    spec = mapping(pod, "spec")
    volumes = {name: ADDED for volume in named(spec, "volumes") if is_ours(name := text(volume, "name"))}
    record: Record = {"volumes" + MADE: volumes} if volumes else {}
    for kind in ("initContainers", "containers"):
        if found := {text(container, "name"): _recognised_in(container) for container in named(spec, kind)}:
            record[kind + MADE] = {name: what for name, what in found.items() if what}
    config = CONFIG_ANNOTATION in mapping(mapping(pod, "metadata"), "annotations")
    return {"spec": record} | ({"metadata": {"annotations" + MADE: {CONFIG_ANNOTATION: ADDED}}} if config else {})


def _recognised_in(container: Tree) -> Any:
    if container.get("name") == SIDECAR:
        return ADDED
    record: Record = {
        "env" + MADE: {
            name: ADDED for item in named(container, "env") if (name := text(item, "name")) in ENDPOINT_VARIABLES
        },
        "volumeMounts" + MADE: {
            text(mount, "mountPath"): ADDED
            for mount in named(container, "volumeMounts")
            if is_ours(text(mount, "name"))
        },
    }
    return {name: what for name, what in record.items() if what}
