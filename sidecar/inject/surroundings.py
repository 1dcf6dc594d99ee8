"""What else is in the files that are injected into, as far as it decides what becomes of a pod."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sidecar.inject import names
from sidecar.inject.workloads import Tree, Workload, items_of, mapping, named, text, workloads

OS_LABELS = ("kubernetes.io/os", "beta.kubernetes.io/os")
WINDOWS_RUNTIME = "windows|wcow|runhcs"
"""In the name of a runtime, or of its handler: containerd's for Windows is `runhcs-wcow-process`."""

Source = tuple[str, str, str]
"""Kind, namespace and name of a ConfigMap or Secret."""


@dataclass(frozen=True, slots=True)
class Account:
    """A service account, and what its annotations say to the EKS webhook."""

    namespace: str
    name: str
    role_arn: str = ""
    audience: str = ""
    token_expiration: str = ""


@dataclass(frozen=True, slots=True)
class PodOnNode:
    """A workload whose pods take ports of the node that they run on."""

    namespace: str
    workload: str
    ports: frozenset[int]
    host_network: bool
    selector: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Everything of interest in the files."""

    accounts: tuple[Account, ...] = ()
    variables: Mapping[Source, Mapping[str, str | None]] = field(default_factory=dict, repr=False)
    """What ConfigMaps and Secrets hold; the values of Secrets are not kept."""
    windows_runtimes: frozenset[str] = frozenset()
    on_nodes: tuple[PodOnNode, ...] = ()
    workloads: frozenset[str] = frozenset()


def surroundings_of(documents: Iterable[Any]) -> Surroundings:
    """What is in these documents, Lists included."""
    read = list(documents)
    every = [workload for document in read for workload in workloads(document)]
    items = [item for document in read for item in items_of(document)]
    return Surroundings(
        accounts=tuple(_account(item) for item in items if item.get("kind") == "ServiceAccount"),
        variables={_source(item): _variables(item) for item in items if item.get("kind") in {"ConfigMap", "Secret"}},
        windows_runtimes=frozenset(_windows_runtimes(items)),
        on_nodes=tuple(_on_nodes(every)),
        workloads=frozenset(map(str, every)),
    )


def is_windows(runtime: str) -> bool:
    """Whether a runtime's name says that its containers are for Windows."""
    return bool(re.search(WINDOWS_RUNTIME, runtime, re.IGNORECASE))


def _account(item: Mapping[str, Any]) -> Account:
    metadata = mapping(item, "metadata")
    annotations = mapping(metadata, "annotations")
    asked = (names.ROLE_ANNOTATION, names.AUDIENCE_ANNOTATION, names.EXPIRATION_ANNOTATION)
    return Account(
        text(metadata, "namespace"), text(metadata, "name"), *(str(annotations.get(key) or "") for key in asked)
    )


def _source(item: Mapping[str, Any]) -> Source:
    metadata = mapping(item, "metadata")
    return str(item["kind"]), text(metadata, "namespace"), text(metadata, "name")


def _variables(item: Mapping[str, Any]) -> dict[str, str | None]:
    held = {**mapping(item, "data"), **mapping(item, "stringData")}
    return {str(key): str(value) if item["kind"] == "ConfigMap" else None for key, value in held.items()}


def _windows_runtimes(items: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    for item in items:
        if item.get("kind") == "RuntimeClass":
            selector = mapping(mapping(item, "scheduling"), "nodeSelector")
            if is_windows(text(item, "handler")) or "windows" in map(selector.get, OS_LABELS):
                yield text(mapping(item, "metadata"), "name")


def _on_nodes(every: Iterable[Workload]) -> Iterator[PodOnNode]:
    for workload in every:
        spec = mapping(workload.pod, "spec")
        host_network = spec.get("hostNetwork") is True
        ports = frozenset(_ports_of_node(spec, "containerPort" if host_network else "hostPort"))
        if ports or host_network:
            selector = mapping(spec, "nodeSelector")
            yield PodOnNode(workload.namespace, str(workload), ports, host_network, selector)


def takes_tcp(port: Mapping[str, Any]) -> bool:
    """Whether a container's port is of the protocol that the sidecar listens with; it is Kubernetes' default."""
    return text(port, "protocol") in {"", "TCP"}


def _ports_of_node(spec: Mapping[str, Any], key: str) -> Iterator[int]:
    containers: list[Tree] = named(spec, "containers") + named(spec, "initContainers")
    for port in (port for container in containers for port in named(container, "ports")):
        number = port.get(key)
        if isinstance(number, int) and takes_tcp(port):
            yield number
