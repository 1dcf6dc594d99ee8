"""Finds mounts of an application in which the authorization token's directory cannot be made, or should not be."""

import posixpath
from collections.abc import Iterator, Mapping
from typing import Any

from sidecar.core.findings import Finding
from sidecar.inject.names import AUTHORIZATION_DIRECTORY
from sidecar.inject.workload_findings import error, warning
from sidecar.inject.workloads import Tree, Workload, mapping, named, text

OWN_PLACES = (AUTHORIZATION_DIRECTORY, AUTHORIZATION_DIRECTORY.removeprefix("/var"))
"""The second is the same directory in the many images whose /var/run is a link to /run."""
PARENTS = ("/var/run", "/var", "/run", "/")
"""What the directory lies in, the nearest first. /run counts only where nothing replaces the image's /var/run."""
READ_ONLY_KINDS = {
    "configMap": "a ConfigMap",
    "secret": "a Secret",
    "downwardAPI": "downward API files",
    "projected": "projected files",
    "image": "an image",
}
"""Volumes that the kubelet never mounts for writing."""


def mount_findings(workload: Workload, key: str, container: Tree) -> Iterator[Finding]:
    """What keeps the container from starting, or leaves something behind on the node."""
    mounts = {_normal(text(mount, "mountPath")): mount for mount in named(container, "volumeMounts")}
    for path, mount in mounts.items():
        if any(path == ours or path.startswith(f"{ours}/") for ours in OWN_PLACES):
            where = ("spec", key, container["name"], "volumeMounts", mount["mountPath"])
            yield error(workload, where, "the authorization token is mounted there; mount this elsewhere")
    parent = next((mounts[path] for path in PARENTS if path in mounts), None)
    if parent is not None:
        yield from _about_parent(workload, key, container, parent)


def _normal(path: str) -> str:
    return posixpath.normpath("/" + path.lstrip("/"))


def _about_parent(workload: Workload, key: str, container: Tree, mount: Tree) -> Iterator[Finding]:
    where = ("spec", key, container["name"], "volumeMounts", mount["mountPath"])
    volume = _volume(workload, text(mount, "name"))
    if reason := _unwritable(mount, volume):
        yield error(
            workload,
            where,
            f"{reason}, so that no directory can be made in it for the authorization token at "
            f"{AUTHORIZATION_DIRECTORY}, and the container would not start; mount it at a path of its own, or its "
            "files one by one with subPath",
        )
    elif "hostPath" in volume:
        yield warning(
            workload,
            where,
            f"the mount of {AUTHORIZATION_DIRECTORY} makes an empty directory on the node; mount less of the node, "
            "such as one socket",
        )


def _volume(workload: Workload, name: str) -> Mapping[str, Any]:
    volumes = named(mapping(workload.pod, "spec"), "volumes")
    return next((volume for volume in volumes if volume.get("name") == name and name not in workload.claims), {})


def _unwritable(mount: Mapping[str, Any], volume: Mapping[str, Any]) -> str:
    if mount.get("readOnly") is True:
        return "it is mounted read-only"
    for kind, source in volume.items():
        if kind in READ_ONLY_KINDS:
            return f"it is {READ_ONLY_KINDS[kind]}, which is mounted read-only"
        if isinstance(source, Mapping) and source.get("readOnly") is True:
            return "its volume is read-only"
    return ""
