"""Finds pods that no node can run with the sidecar: those for Windows, and those whose ports others take."""

from collections.abc import Iterator, Mapping
from typing import Any

from sidecar.core.findings import Finding, Where
from sidecar.inject.options import Options
from sidecar.inject.surroundings import OS_LABELS, PodOnNode, is_windows
from sidecar.inject.workload_findings import error
from sidecar.inject.workloads import Workload, mapping, named

_WINDOWS = "windows"


def windows(workload: Workload, options: Options) -> Iterator[Finding]:
    """Each place that sends the pod to a node of Windows."""
    spec = mapping(workload.pod, "spec")
    for place in _windows_places(spec, options.surroundings.windows_runtimes):
        yield error(
            workload, ("spec", *place), "the sidecar's image is for Linux; name the other workloads with --only"
        )


def _windows_places(spec: Mapping[str, Any], runtimes: frozenset[str]) -> Iterator[Where]:
    if mapping(spec, "os").get("name") == _WINDOWS:
        yield ("os",)
    if _WINDOWS in map(mapping(spec, "nodeSelector").get, OS_LABELS):
        yield ("nodeSelector",)
    node_affinity = mapping(mapping(spec, "affinity"), "nodeAffinity")
    terms = named(mapping(node_affinity, "requiredDuringSchedulingIgnoredDuringExecution"), "nodeSelectorTerms")
    if terms and all(map(_only_windows, terms)):
        yield ("affinity",)
    if mapping(spec, "securityContext").get("windowsOptions"):
        yield ("securityContext",)
    for key in ("initContainers", "containers"):
        for container in named(spec, key):
            if mapping(container, "securityContext").get("windowsOptions"):
                yield (key, str(container.get("name")), "securityContext")
    runtime = str(spec.get("runtimeClassName") or "")
    if runtime in runtimes or is_windows(runtime):
        yield ("runtimeClassName",)


def _only_windows(term: Mapping[str, Any]) -> bool:
    """Whether a term of an affinity lets the pod run on Windows alone."""
    for expression in named(term, "matchExpressions"):
        values = expression.get("values")
        if expression.get("key") not in OS_LABELS or not isinstance(values, list):
            continue
        if expression.get("operator") == "In" and values and all(value == _WINDOWS for value in values):
            return True
        if expression.get("operator") == "NotIn" and "linux" in values:
            return True
    return False


def taken_on_node(workload: Workload, options: Options) -> Iterator[Finding]:
    """On the node's network: the other workloads in the files that want the sidecar's ports there."""
    spec = mapping(workload.pod, "spec")
    if spec.get("hostNetwork") is not True:
        return
    ours = {port for port in (options.port, options.admin_port, options.metadata_port) if port is not None}
    for other in options.surroundings.on_nodes:
        if (other.namespace, other.workload) == (workload.namespace, str(workload)):
            continue
        both = ours & (other.ports | (ours if _gets_sidecar(other, options) else set()))
        if both and not _apart(mapping(spec, "nodeSelector"), other.selector):
            yield error(
                workload,
                ("spec", "hostNetwork"),
                f"{other.workload} takes port {', '.join(map(str, sorted(both)))} of the node too, where one of the "
                "two could not start. Inject into each by itself (--only), with ports of its own: "
                "--set SIDECAR_LISTEN=127.0.0.1:PORT --set SIDECAR_ADMIN_LISTEN=0.0.0.0:PORT",
            )


def _gets_sidecar(other: PodOnNode, options: Options) -> bool:
    return other.host_network and (not options.only or other.workload in options.only)


def _apart(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether no node has the labels that both ask for."""
    return any(key in other and other[key] != value for key, value in one.items())
