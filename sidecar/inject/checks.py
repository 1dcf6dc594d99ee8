"""Finds what would not work, or not as intended, in a pod with the sidecar. Each finding names the fix.

The checks see the pod without the sidecar. What SDKs prefer to the sidecar was measured with forty clients; `doctor`
checks the same in a running pod.
"""

from collections.abc import Iterator

from sidecar.core.findings import Finding, Level
from sidecar.core.variables import METADATA_DISABLED, METADATA_ENDPOINT
from sidecar.faces.registry import FACES, FaceSpec
from sidecar.http.addresses import LINK_LOCAL, TcpAddress
from sidecar.inject import names, node_checks
from sidecar.inject.container_role_checks import container_role_findings
from sidecar.inject.container_roles import is_ours
from sidecar.inject.mount_checks import mount_findings
from sidecar.inject.options import Options
from sidecar.inject.patch import environment, selected
from sidecar.inject.resource_checks import resource_findings
from sidecar.inject.shadows import shadow_findings
from sidecar.inject.surroundings import takes_tcp
from sidecar.inject.workload_findings import error, warning
from sidecar.inject.workloads import Tree, Workload, mapping, named, service_account


def findings(workload: Workload, options: Options) -> Iterator[Finding]:
    """What would go wrong with the sidecar in this pod."""
    yield from _network(workload, options)
    yield from node_checks.taken_on_node(workload, options)
    yield from node_checks.windows(workload, options)
    yield from _custom(workload, options)
    yield from _life(workload, options)
    yield from _static(workload)
    yield from _identity(workload)
    yield from _labels(workload)
    yield from _volumes(workload)
    yield from container_role_findings(workload, options.roles, options.surroundings)
    yield from _pulling_and_priority(workload, options)
    yield from resource_findings(workload, options)
    for key, container in _applications(workload):
        yield from _ports(workload, options, key, container)
        if selected(container, options):
            yield from shadow_findings(workload, options, key, container)
            yield from _pointed_elsewhere(workload, options, key, container)
            yield from mount_findings(workload, key, container) if options.port is not None else ()


def _applications(workload: Workload) -> list[tuple[str, Tree]]:
    spec = mapping(workload.pod, "spec")
    return [(key, container) for key in ("initContainers", "containers") for container in named(spec, key)]


def unprotected_faces(options: Options) -> list[FaceSpec]:
    """Those in use that no authorization token protects."""
    return [face for face in FACES if not face.protected and options.config.listen[face]]


def needs_link_local(options: Options) -> bool:
    """Whether the sidecar listens at an address that a pod does not have by itself."""
    addresses = (address for face in unprotected_faces(options) for address in options.config.listen[face])
    return any(isinstance(address, TcpAddress) and address.host in LINK_LOCAL for address in addresses)


def _network(workload: Workload, options: Options) -> Iterator[Finding]:
    unprotected = unprotected_faces(options)
    path = ("spec", "hostNetwork")
    if mapping(workload.pod, "spec").get("hostNetwork") is True:
        if unprotected:
            yield error(
                workload,
                path,
                "every process on the node's network would get credentials where no token is required; remove "
                f"hostNetwork, or leave {' and '.join(face.setting for face in unprotected)} unset",
            )
        yield warning(
            workload,
            path,
            "every process on the node's network can reach the sidecar, and only the authorization "
            "token (the pod's UID) protects it; its ports must be free on the node. Remove hostNetwork if you can",
        )
    if needs_link_local(options):
        yield warning(
            workload,
            ("spec",),
            "a link-local address must be added to the pod's loopback interface before the sidecar "
            "starts; put the init container that docs/ways.md shows for this first",
        )


def _custom(workload: Workload, options: Options) -> Iterator[Finding]:
    if workload.custom and not options.classic:
        yield warning(
            workload,
            ("spec",),
            "the cluster's definition of this kind must keep restartPolicy in init containers: an old one drops it, "
            "and the pod waits for the sidecar to end. kubectl apply --dry-run=server -o yaml shows whether it stays",
        )


def _life(workload: Workload, options: Options) -> Iterator[Finding]:
    spec = mapping(workload.pod, "spec")
    if not options.classic:
        return
    if spec.get("restartPolicy", "Always") != "Always":
        yield error(
            workload,
            ("spec", "restartPolicy"),
            "an ordinary container keeps running and the pod would never "
            "complete; leave out --classic (Kubernetes 1.29 or newer)",
        )
    if named(spec, "initContainers"):
        yield warning(
            workload,
            ("spec", "initContainers"),
            "with --classic the sidecar starts after these, and they get no credentials",
        )


STATIC = "a static pod has no service account, and so no token that STS would exchange"


def _static(workload: Workload) -> Iterator[Finding]:
    if names.MIRROR_ANNOTATION in mapping(mapping(workload.pod, "metadata"), "annotations"):
        yield error(workload, ("metadata", "annotations", names.MIRROR_ANNOTATION), STATIC)


def _identity(workload: Workload) -> Iterator[Finding]:
    spec = mapping(workload.pod, "spec")
    if not service_account(spec):
        yield warning(
            workload,
            ("spec",),
            "no serviceAccountName: the role must then trust the account `default`, which every such "
            "pod of the namespace runs as; give this pod a service account of its own",
        )


def _labels(workload: Workload) -> Iterator[Finding]:
    labels = mapping(mapping(workload.pod, "metadata"), "labels")
    if labels.get(names.LABEL, "enabled") != "enabled":
        path = ("metadata", "labels", names.LABEL)
        yield warning(
            workload,
            path,
            "unchanged; the PodMonitor selects pods where it is `enabled`. Remove yours, and inject sets it",
        )


def _volumes(workload: Workload) -> Iterator[Finding]:
    taken = "the sidecar's volume has this name; rename yours"
    for volume in named(mapping(workload.pod, "spec"), "volumes"):
        if is_ours(str(volume.get("name"))):
            yield error(workload, ("spec", "volumes", volume["name"]), taken)
    for index, claim in enumerate(workload.claims):
        if is_ours(claim):
            path = (*workload.path[:-1], "volumeClaimTemplates", index)
            message = f"{workload}, volumeClaimTemplates {claim}: {taken}."
            yield Finding(level=Level.ERROR, where=path, message=message)


def _pulling_and_priority(workload: Workload, options: Options) -> Iterator[Finding]:
    spec = mapping(workload.pod, "spec")
    if options.image_pull_secrets and not named(spec, "imagePullSecrets"):
        yield warning(
            workload,
            ("spec",),
            "with imagePullSecrets in the pod Kubernetes no longer adds those of its service account; if that one has "
            "some, pass them with --image-pull-secret too",
        )
    if options.priority_class and spec.get("priorityClassName", options.priority_class) != options.priority_class:
        yield warning(
            workload, ("spec", "priorityClassName"), f"unchanged, and not {options.priority_class}; it is the pod's"
        )


def taken_ports(options: Options) -> dict[int, str]:
    """The ports that the sidecar listens on, each with the setting that moves it, but for the new port."""
    settings = {options.admin_port: "SIDECAR_ADMIN_LISTEN=0.0.0.0", options.port: "SIDECAR_LISTEN=127.0.0.1"}
    settings |= {options.metadata_port: "SIDECAR_IMDS_LISTEN=127.0.0.1"}
    return {port: setting for port, setting in settings.items() if port is not None}


def _ports(workload: Workload, options: Options, key: str, container: Tree) -> Iterator[Finding]:
    settings = taken_ports(options)
    for port in named(container, "ports"):
        number = port.get("containerPort")
        if isinstance(number, int) and number in settings and takes_tcp(port):
            yield error(
                workload,
                ("spec", key, container["name"], "ports"),
                f"the sidecar listens on port {number} too; choose another one with --set {settings[number]}:PORT",
            )
        if port.get("name") == names.PORT:
            path = ("spec", key, container["name"], "ports")
            yield error(workload, path, f"the sidecar's port is called {names.PORT} too; rename yours")


def _pointed_elsewhere(workload: Workload, options: Options, key: str, container: Tree) -> Iterator[Finding]:
    wanted = {item["name"]: item for item in environment(options, options.roles.of(container))}
    for item in named(container, "env"):
        name = item["name"]
        if name == METADATA_DISABLED and METADATA_ENDPOINT in wanted and item.get("value") == "true":
            path = ("spec", key, container["name"], "env", name)
            yield warning(
                workload, path, "SDKs will not call the sidecar's IMDS endpoint (SIDECAR_IMDS_LISTEN); remove it"
            )
        if name in wanted and item != wanted[name]:
            value = wanted[name].get("value", "the pod's UID")
            path = ("spec", key, container["name"], "env", name)
            yield warning(workload, path, f"unchanged, but the sidecar needs {value}. Remove yours, and inject sets it")
