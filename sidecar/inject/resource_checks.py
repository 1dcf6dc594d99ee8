"""Finds pods whose share of a node the sidecar changes: what it requests counts in the pod's own figures."""

from collections.abc import Iterator, Mapping
from typing import Any

from sidecar.core.findings import Finding
from sidecar.inject.options import Options
from sidecar.inject.resources import amount
from sidecar.inject.workload_findings import warning
from sidecar.inject.workloads import Workload, mapping, named

SHARED = (
    "the pod's own requests and limits now hold for the sidecar too; raise them by the sidecar's (docs/kubernetes.md, "
    "Resources)"
)
"""About `spec.resources`, which Kubernetes has since 1.34. It refuses a pod whose containers request more."""
NO_LONGER_GUARANTEED = (
    "Guaranteed without the sidecar, Burstable with it: the pod loses CPUs of its own, and ends earlier where memory "
    "is short. If that matters, give the sidecar a CPU limit, and requests equal to its limits (docs/kubernetes.md, "
    "Resources)"
)
QOS_RESOURCES = ("cpu", "memory")
"""By these Kubernetes decides on a pod's QoS class."""


def resource_findings(workload: Workload, options: Options) -> Iterator[Finding]:
    """What changes for the pod as a whole."""
    spec = mapping(workload.pod, "spec")
    containers = [*named(spec, "initContainers"), *named(spec, "containers")]
    if mapping(spec, "resources"):
        yield warning(workload, ("spec", "resources"), SHARED)
    elif all(map(_is_guaranteed, containers)) and not _is_guaranteed({"resources": options.resources.manifest()}):
        yield warning(workload, ("spec",), NO_LONGER_GUARANTEED)


def _is_guaranteed(container: Mapping[str, Any]) -> bool:
    """Whether its limits are what it requests: a request that is missing is taken from the limit."""
    resources = mapping(container, "resources")
    requests, limits = mapping(resources, "requests"), mapping(resources, "limits")
    return all(name in limits and _equal(requests.get(name, limits[name]), limits[name]) for name in QOS_RESOURCES)


def _equal(one: object, other: object) -> bool:
    try:
        return amount(str(one)) == amount(str(other))
    except ValueError:
        return one == other
