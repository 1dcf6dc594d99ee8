"""The applications of a pod as `kubectl get pod -o json` shows it: their variables, and what cannot be seen of them."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sidecar.core.variables import (
    AUTHORIZATION,
    AUTHORIZATION_FILE,
    CREDENTIALS_FILE,
    FULL_URI,
    METADATA_ENDPOINT,
    RELATIVE_URI,
)

SIDECAR = "irsa-sidecar"
POINTERS = frozenset({FULL_URI, RELATIVE_URI, METADATA_ENDPOINT, AUTHORIZATION, AUTHORIZATION_FILE, CREDENTIALS_FILE})
"""Whoever has one of these is meant to get credentials from the sidecar."""
_FIELDS = {
    "metadata.uid": ("metadata", "uid"),
    "metadata.name": ("metadata", "name"),
    "metadata.namespace": ("metadata", "namespace"),
    "spec.serviceAccountName": ("spec", "serviceAccountName"),
    "spec.nodeName": ("spec", "nodeName"),
    "status.podIP": ("status", "podIP"),
    "status.hostIP": ("status", "hostIP"),
}
Tree = Mapping[str, Any]


class NotAPod(ValueError):
    """The text is not a pod as kubectl prints it in JSON; says what it is instead."""


@dataclass(frozen=True, slots=True)
class Application:
    """One container. Values may be secrets."""

    name: str
    variables: Mapping[str, str] = field(repr=False)
    hidden: Mapping[str, str]
    """Variables whose values are kept elsewhere, and where."""
    sources: tuple[str, ...]
    """What `envFrom` names and we do not see: any variable may come from there."""


def applications(text: str, only: str = "") -> tuple[Application, ...]:
    """The containers that are meant to use the sidecar, or the one named; a ConfigMap given too is looked into.

    Raises `NotAPod`.
    """
    try:
        return _chosen(_all(text), only)
    except (AttributeError, KeyError, TypeError):
        raise NotAPod("it is not written as kubectl prints a pod") from None


def _all(text: str) -> list[Application]:
    documents = _documents(text)
    pods = [each for each in documents if each.get("kind") == "Pod"]
    if len(pods) != 1:
        raise NotAPod(f"there are {len(pods)} pods in it, not one; `kubectl get pod POD -o json` prints one")
    maps = {_name(each): each.get("data") or {} for each in documents if each.get("kind") == "ConfigMap"}
    return [_application(pods[0], container, maps) for container in _containers(pods[0])]


def _chosen(found: list[Application], only: str) -> tuple[Application, ...]:
    if only:
        named = tuple(each for each in found if each.name == only)
        if not named:
            raise NotAPod(f"there is no container {only} in it, but {', '.join(each.name for each in found) or 'none'}")
        return named
    meant = tuple(each for each in found if POINTERS & {*each.variables, *each.hidden})
    return meant or tuple(found)


def _documents(text: str) -> list[Tree]:
    try:
        document = json.loads(text.lstrip("\ufeff"))
    except (ValueError, RecursionError):
        raise NotAPod("it is not JSON; use `kubectl get pod POD -o json`") from None
    if not isinstance(document, dict):
        raise NotAPod("it is not an object of Kubernetes")
    items = document.get("items") if str(document.get("kind")).endswith("List") else [document]
    return [each for each in items or () if isinstance(each, dict)]


def _containers(pod: Tree) -> Iterator[Tree]:
    spec = pod.get("spec") or {}
    for container in [*(spec.get("initContainers") or ()), *(spec.get("containers") or ())]:
        if container.get("name") != SIDECAR and (container in (spec.get("containers") or ()) or _points(container)):
            yield container


def _points(container: Tree) -> bool:
    """Most init containers prepare something, and need no credentials."""
    return any(entry.get("name") in POINTERS for entry in container.get("env") or ())


def _application(pod: Tree, container: Tree, maps: Mapping[str, Tree]) -> Application:
    values: dict[str, str] = {}
    hidden: dict[str, str] = {}
    sources = []
    for source in container.get("envFrom") or ():
        name = _name({"metadata": source.get("configMapRef") or source.get("secretRef") or {}})
        if "configMapRef" in source and name in maps:
            values |= {f"{source.get('prefix', '')}{key}": str(value) for key, value in maps[name].items()}
        else:
            sources.append(f"{'ConfigMap' if 'configMapRef' in source else 'Secret'} {name}")
    for entry in container.get("env") or ():
        value, place = _value(pod, entry, maps, values)
        (hidden if place else values)[entry["name"]] = place or value
    return Application(str(container.get("name")), values, hidden, tuple(sources))


def _value(pod: Tree, entry: Tree, maps: Mapping[str, Tree], before: Mapping[str, str]) -> tuple[str, str]:
    """The value, or "" and the place that keeps it."""
    source = entry.get("valueFrom")
    if not source:
        return _expanded(str(entry.get("value", "")), before), ""
    if path := (source.get("fieldRef") or {}).get("fieldPath"):
        return _of_pod(pod, path)
    kind = next(iter(source))
    name, key = source[kind].get("name", ""), source[kind].get("key", "")
    if kind == "configMapKeyRef" and key in maps.get(name, ()):
        return str(maps[name][key]), ""
    return "", f"{kind.removesuffix('KeyRef').replace('configMap', 'ConfigMap').replace('secret', 'Secret')} {name}"


def _of_pod(pod: Tree, path: str) -> tuple[str, str]:
    room, key = _FIELDS.get(path, ("", ""))
    value = (pod.get(room) or {}).get(key)
    return (str(value), "") if value else ("", f"the pod's {path}")


def _expanded(value: str, before: Mapping[str, str]) -> str:
    """`$(NAME)` as the kubelet replaces it: by a variable above; `$$` is a dollar."""
    return re.sub(
        r"\$\$|\$\(([^()]+)\)", lambda found: "$" if found[1] is None else before.get(found[1], found[0]), value
    )


def _name(document: Tree) -> str:
    return str((document.get("metadata") or {}).get("name", ""))
