"""A machine that runs pods: what images, volumes, ports and variables of a manifest are here."""

import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sidecar.lab.cluster.atomic_writer import replace_files

Manifest = dict[str, Any]
ConfigMaps = Mapping[str, Mapping[str, str]]
"""Data, by the config map's name."""


@dataclass(frozen=True, slots=True)
class Image:
    """What a container runs unless its manifest says otherwise."""

    entrypoint: tuple[str, ...]
    command: tuple[str, ...] = ()


def image_of(dockerfile: Path) -> Image:
    """ENTRYPOINT and CMD of a Dockerfile's last stage, both in exec form."""
    found = dict(re.findall(r"^(ENTRYPOINT|CMD) (\[.*\])$", dockerfile.read_text(), re.MULTILINE))
    return Image(tuple(json.loads(found["ENTRYPOINT"])), tuple(json.loads(found.get("CMD", "[]"))))


@dataclass(frozen=True, slots=True)
class Node:
    """`images` by name without tag and digest. `tokens` is the directory in which service-account tokens are projected.

    `ports` are those of this machine for those of the manifests, so that many pods run side by side. `variables` go to
    every container, below its own: where programs are, where AWS is.
    """

    directory: Path
    images: Mapping[str, Image]
    tokens: Path
    ports: Mapping[int, int]
    config_maps: ConfigMaps
    variables: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Process:
    """What one container is here. `local` turns a text of the manifest into one that is right on this machine."""

    command: tuple[str, ...]
    environment: Mapping[str, str] = field(repr=False)
    places: Mapping[str, str]

    def local(self, text: str) -> str:
        return _replaced(text, self.places)


def process_of(container: Manifest, pod: Manifest, node: Node) -> Process:
    places = _ports(node) | _mounts(container, pod, node)
    _write_texts(container, pod, node, places)
    environment = {
        "HOME": str(node.directory),
        **node.variables,
        **{name: _replaced(value, places) for name, value in variables(container, pod, node.config_maps).items()},
    }
    command = tuple(_replaced(word, places) for word in _command(container, node))
    return Process(command, environment, places)


def _command(container: Manifest, node: Node) -> tuple[str, ...]:
    """`command` replaces the image's entry point and its arguments, `args` its arguments."""
    image = node.images[container["image"].partition("@")[0].rpartition(":")[0]]
    if "command" in container:
        return (*container["command"], *container.get("args", ()))
    return (*image.entrypoint, *container.get("args", image.command))


def variables(container: Manifest, pod: Manifest, config_maps: ConfigMaps) -> dict[str, str]:
    """What a manifest sets. A variable of its own counts more than one of a config map."""
    found: dict[str, str] = {}
    for source in container.get("envFrom", []):
        found |= config_maps[source["configMapRef"]["name"]]
    return found | {entry["name"]: _value(entry, pod, config_maps) for entry in container.get("env", [])}


def _value(entry: Manifest, pod: Manifest, config_maps: ConfigMaps) -> str:
    if "value" in entry:
        return str(entry["value"])
    source = entry["valueFrom"]
    if "configMapKeyRef" in source:
        return config_maps[source["configMapKeyRef"]["name"]][source["configMapKeyRef"]["key"]]
    return _field(pod, source["fieldRef"]["fieldPath"])


def _field(pod: Manifest, path: str) -> str:
    """The downward API, as far as a pod is known before it has an address."""
    section, _, name = path.partition(".")
    if name.startswith("annotations['"):
        return str(pod[section]["annotations"][name.removeprefix("annotations['").removesuffix("']")])
    return str(pod[section][name])


def _ports(node: Node) -> dict[str, str]:
    return {f":{port}": f":{here}" for port, here in node.ports.items()}


def _mounts(container: Manifest, pod: Manifest, node: Node) -> dict[str, str]:
    volumes = {volume["name"]: volume for volume in pod["spec"].get("volumes", [])}
    return {
        mount["mountPath"]: str(_volume(volumes[mount["name"]], pod, node))
        for mount in container.get("volumeMounts", [])
    }


def _volume(volume: Manifest, pod: Manifest, node: Node) -> Path:
    """The directory of a volume. Raises KeyError for a kind that is not modelled."""
    directory = Path(node.directory, pod["metadata"]["name"], volume["name"])
    if "emptyDir" in volume or "configMap" in volume:
        directory.mkdir(parents=True, exist_ok=True)
        return directory
    (source,) = volume["projected"]["sources"]
    if "serviceAccountToken" in source:
        return Path(node.tokens, pod["metadata"]["namespace"], pod["spec"]["serviceAccountName"])
    return directory


def _write_texts(container: Manifest, pod: Manifest, node: Node, places: Mapping[str, str]) -> None:
    """Config maps and annotations as files, in which the container's paths are those of this machine too."""
    mounted = {mount["name"] for mount in container.get("volumeMounts", [])}
    for volume in pod["spec"].get("volumes", []):
        if volume["name"] in mounted and (data := _texts(volume, pod, node)):
            files = {name: _replaced(text, places).encode() for name, text in data.items()}
            replace_files(_volume(volume, pod, node), files, time.time())


def _texts(volume: Manifest, pod: Manifest, node: Node) -> Mapping[str, str]:
    if "configMap" in volume:
        return node.config_maps[volume["configMap"]["name"]]
    (source,) = volume.get("projected", {}).get("sources", [{}])
    return _downward(source["downwardAPI"]["items"], pod) if "downwardAPI" in source else {}


def _downward(items: list[Manifest], pod: Manifest) -> dict[str, str]:
    return {item["path"]: _field(pod, item["fieldRef"]["fieldPath"]) for item in items}


def _replaced(text: str, places: Mapping[str, str]) -> str:
    """Each place by the one here; the longest first, for one may begin with another."""
    for place in sorted(places, key=len, reverse=True):
        text = text.replace(place, places[place])
    return text
