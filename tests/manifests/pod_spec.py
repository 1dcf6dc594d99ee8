"""A pod's spec, as the kubelet reads it."""

from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any

from sidecar.settings import config
from tests.manifests.rendering import Applied

Container = dict[str, Any]
POD_UID = "metadata.uid"
_ANNOTATION = "metadata.annotations['"


def sidecar_of(pod: dict[str, Any]) -> Container:
    (found,) = (container for container in containers_of(pod) if container["name"] == "irsa-sidecar")
    return found


def containers_of(pod: dict[str, Any]) -> list[Container]:
    return [*pod.get("initContainers", []), *pod["containers"]]


def applications_of(pod: dict[str, Any]) -> list[Container]:
    return [container for container in pod["containers"] if container["name"] != "irsa-sidecar"]


def is_native(container: Container) -> bool:
    return container.get("restartPolicy") == "Always"


def environment_of(container: Container, sent: Applied) -> dict[str, str]:
    """Each variable's value, or the pod's field that it shows. Raises `KeyError` for a ConfigMap that is not sent."""
    maps = {each["metadata"]["name"]: each["data"] for each in sent.of_kind("ConfigMap")}
    found: dict[str, str] = {}
    for source in container.get("envFrom", []):
        found |= maps[source["configMapRef"]["name"]]
    annotations = sent.template["metadata"].get("annotations", {})
    return found | {entry["name"]: _value(entry, maps, annotations) for entry in container.get("env", [])}


def _value(entry: dict[str, Any], maps: dict[str, dict[str, str]], annotations: dict[str, str]) -> str:
    source = entry.get("valueFrom", {})
    if "fieldRef" in source:
        path = str(source["fieldRef"]["fieldPath"])
        return annotations[path[len(_ANNOTATION) : -2]] if path.startswith(_ANNOTATION) else path
    if "configMapKeyRef" in source:
        return maps[source["configMapKeyRef"]["name"]][source["configMapKeyRef"]["key"]]
    return str(entry["value"])


def settings_of(sent: Applied, *, also: dict[str, str] | None = None) -> config.Config:
    """What the sidecar would run with; raises `BadConfig` for what it would refuse."""
    environ = environment_of(sidecar_of(sent.pod), sent) | (also or {})
    with TemporaryDirectory() as directory:
        return config.load(with_profiles(environ, sent, Path(directory)), argv=[])


def with_profiles(environ: dict[str, str], sent: Applied, directory: Path) -> dict[str, str]:
    """The sidecar's variables, with its ConfigMap's profiles in a file that this machine has."""
    if "AWS_CONFIG_FILE" not in environ:
        return environ
    here = directory / "config"
    here.write_text(_text_at(sent, environ["AWS_CONFIG_FILE"]))
    return environ | {"AWS_CONFIG_FILE": str(here)}


def _text_at(sent: Applied, file: str) -> str:
    """What a ConfigMap says at this place in the sidecar."""
    name = volume_at(sent.pod, sidecar_of(sent.pod), file)["configMap"]["name"]
    (found,) = (each for each in sent.of_kind("ConfigMap") if each["metadata"]["name"] == name)
    return str(found["data"][PurePosixPath(file).name])


def volume_at(pod: dict[str, Any], container: Container, file: str) -> dict[str, Any]:
    """The volume mounted where the file is."""
    (mount,) = (m for m in container["volumeMounts"] if PurePosixPath(m["mountPath"]) == PurePosixPath(file).parent)
    assert "subPath" not in mount, "the kubelet never updates a subPath"
    (volume,) = (v for v in pod["volumes"] if v["name"] == mount["name"])
    return dict(volume)


def projection_at(pod: dict[str, Any], container: Container, file: str) -> dict[str, Any]:
    """What the kubelet writes into `file`: the source of the projected volume mounted where the file is."""
    (source,) = volume_at(pod, container, file)["projected"]["sources"]
    (kind,) = source
    (item,) = source[kind]["items"] if "items" in source[kind] else (source[kind],)
    assert item["path"] == PurePosixPath(file).name
    return {"kind": kind, **item}
