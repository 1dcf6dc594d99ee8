"""What would not work, or not as meant, in a pod with the sidecar. Each finding names the fix.

The pod is seen as it is without the sidecar. What SDKs prefer to the sidecar was measured with forty clients; `doctor`
looks for the same in a running pod.
"""

from collections.abc import Iterator, Mapping, MutableMapping
from pathlib import PurePosixPath
from typing import Any

from sidecar.core.findings import Finding, Level, Where
from sidecar.core.variables import METADATA_DISABLED, RELATIVE_URI
from sidecar.http.addresses import LINK_LOCAL, TcpAddress
from sidecar.inject import names
from sidecar.inject.addition import environment, selected
from sidecar.inject.growth import NAMED_BY
from sidecar.inject.options import Options
from sidecar.inject.workloads import Tree, Workload, mapping, named, text

_SHADOWS = {
    "AWS_ACCESS_KEY_ID": "SDKs take keys before they ask an endpoint",
    "AWS_SECRET_ACCESS_KEY": "SDKs take keys before they ask an endpoint",
    "AWS_PROFILE": "SDKs take a profile before they ask an endpoint",
    "AWS_WEB_IDENTITY_TOKEN_FILE": "most SDKs then exchange the token themselves and never ask the sidecar",
    "AWS_ROLE_ARN": "with AWS_WEB_IDENTITY_TOKEN_FILE most SDKs exchange the token themselves",
    RELATIVE_URI: "most SDKs prefer it and ask 169.254.170.2, not the sidecar",
}
_OS_LABELS = ("kubernetes.io/os", "beta.kubernetes.io/os")
_LISTS = ("ports", *NAMED_BY)


def misshapen(workload: Workload) -> Iterator[Finding]:
    """What could not be added to: nothing else is worth saying then."""
    for key in ("metadata", "spec"):
        if not _holds(workload.pod, key):
            yield _error(workload, (key,), "is not a mapping")
    metadata, spec = mapping(workload.pod, "metadata"), mapping(workload.pod, "spec")
    for key in ("labels", "annotations"):
        if not _holds(metadata, key):
            yield _error(workload, ("metadata", key), "is not a mapping")
    if not named(spec, "containers"):
        yield _error(workload, ("spec",), "has no containers")
    yield from _misshapen_lists(workload, ("spec",), spec)
    for key in ("containers", "initContainers"):
        for container in named(spec, key):
            yield from _misshapen_lists(workload, ("spec", key, text(container, "name")), container)


def _holds(tree: Mapping[str, Any], key: str) -> bool:
    """Whether what is under `key` is a mapping, or may become one."""
    return tree.get(key) is None or isinstance(tree[key], MutableMapping)


def _misshapen_lists(workload: Workload, path: Where, tree: Mapping[str, Any]) -> Iterator[Finding]:
    for key in _LISTS:
        items = tree.get(key)
        if items is not None and not isinstance(items, list):
            yield _error(workload, (*path, key), "is not a list")
        elif items and key in NAMED_BY and not all(_has_name(item, NAMED_BY[key]) for item in items):
            yield _error(workload, (*path, key), f"has an item without {NAMED_BY[key]}")


def _has_name(item: object, by: str) -> bool:
    return isinstance(item, MutableMapping) and text(item, by) != ""


def findings(workload: Workload, options: Options) -> Iterator[Finding]:
    """What stands against the sidecar in this pod."""
    yield from _network(workload, options)
    yield from _windows(workload)
    yield from _life(workload, options)
    yield from _identity(workload)
    yield from _labels(workload)
    yield from _volumes(workload)
    for key, container in _applications(workload):
        yield from _ports(workload, options, key, container)
        if selected(container, options):
            yield from _shadowed(workload, key, container)
            yield from _pointed_elsewhere(workload, options, key, container)
            yield from _mounts(workload, key, container)


def _applications(workload: Workload) -> list[tuple[str, Tree]]:
    spec = mapping(workload.pod, "spec")
    return [(key, container) for key in ("initContainers", "containers") for container in named(spec, key)]


def _network(workload: Workload, options: Options) -> Iterator[Finding]:
    open_to_all = (*options.config.ecs_listen, *options.config.imds_listen)
    path = ("spec", "hostNetwork")
    if mapping(workload.pod, "spec").get("hostNetwork") is True:
        if open_to_all:
            yield _error(
                workload,
                path,
                "every process on the node's network would get credentials from the ECS and IMDS ways, "
                "which ask for no token; remove hostNetwork, or leave SIDECAR_ECS_LISTEN and SIDECAR_IMDS_LISTEN unset",
            )
        yield _warning(
            workload,
            path,
            "every process on the node's network can reach the sidecar, and only the authorization "
            "token (the pod's UID) stands before it; its ports must be free on the node. Remove hostNetwork if you can",
        )
    if any(isinstance(address, TcpAddress) and address.host in LINK_LOCAL for address in open_to_all):
        yield _warning(
            workload,
            ("spec",),
            "a link-local address must be put on the pod's loopback interface before the sidecar "
            "starts; docs/ways.md shows the init container that does it, which goes first",
        )


def _windows(workload: Workload) -> Iterator[Finding]:
    spec = mapping(workload.pod, "spec")
    asked = {"os": mapping(spec, "os").get("name")}
    asked |= {"nodeSelector": next(filter(None, map(mapping(spec, "nodeSelector").get, _OS_LABELS)), None)}
    for key in (key for key, name in asked.items() if name == "windows"):
        yield _error(workload, ("spec", key), "the sidecar's image is for Linux; leave this workload out with --only")


def _life(workload: Workload, options: Options) -> Iterator[Finding]:
    spec = mapping(workload.pod, "spec")
    if not options.classic:
        return
    if spec.get("restartPolicy", "Always") != "Always":
        yield _error(
            workload,
            ("spec", "restartPolicy"),
            "an ordinary container keeps running and the pod would never "
            "complete; leave out --classic (Kubernetes 1.29 or newer)",
        )
    if named(spec, "initContainers"):
        yield _warning(
            workload,
            ("spec", "initContainers"),
            "with --classic the sidecar starts after these, and they get no credentials",
        )


def _identity(workload: Workload) -> Iterator[Finding]:
    spec = mapping(workload.pod, "spec")
    if not (text(spec, "serviceAccountName") or text(spec, "serviceAccount")):
        yield _warning(
            workload,
            ("spec",),
            "no serviceAccountName: the role must then trust `default`, as which every other such "
            "pod of the namespace runs too; give the pod an account of its own",
        )


def _labels(workload: Workload) -> Iterator[Finding]:
    labels = mapping(mapping(workload.pod, "metadata"), "labels")
    if labels.get(names.LABEL, "enabled") != "enabled":
        path = ("metadata", "labels", names.LABEL)
        yield _warning(workload, path, "left as it is; the PodMonitor finds pods where it is `enabled`. Remove yours")


def _volumes(workload: Workload) -> Iterator[Finding]:
    taken = "the sidecar's volume has this name; give yours another"
    for volume in named(mapping(workload.pod, "spec"), "volumes"):
        if volume.get("name") in names.VOLUMES:
            yield _error(workload, ("spec", "volumes", volume["name"]), taken)
    for index, claim in enumerate(workload.claims):
        if claim in names.VOLUMES:
            path = (*workload.path[:-1], "volumeClaimTemplates", index)
            message = f"{workload}, volumeClaimTemplates {claim}: {taken}."
            yield Finding(level=Level.ERROR, where=path, message=message)


def _mounts(workload: Workload, key: str, container: Tree) -> Iterator[Finding]:
    for mount in named(container, "volumeMounts"):
        if PurePosixPath(text(mount, "mountPath")).is_relative_to(names.AUTHORIZATION_DIRECTORY):
            path = ("spec", key, container["name"], "volumeMounts", mount["mountPath"])
            yield _error(workload, path, "the authorization token is mounted there; mount this elsewhere")


def _ports(workload: Workload, options: Options, key: str, container: Tree) -> Iterator[Finding]:
    settings = {options.admin_port: "SIDECAR_ADMIN_LISTEN=0.0.0.0", options.port: "SIDECAR_LISTEN=127.0.0.1"}
    settings |= {options.metadata_port: "SIDECAR_IMDS_LISTEN=127.0.0.1"}
    for port in named(container, "ports"):
        number = port.get("containerPort")
        if isinstance(number, int) and number in settings:
            yield _error(
                workload,
                ("spec", key, container["name"], "ports"),
                f"port {number} is the sidecar's; give it another with --set {settings[number]}:PORT",
            )


def _shadowed(workload: Workload, key: str, container: Tree) -> Iterator[Finding]:
    for item in named(container, "env"):
        if item["name"] in _SHADOWS:
            path = ("spec", key, container["name"], "env", item["name"])
            yield _warning(workload, path, f"{_SHADOWS[item['name']]}; remove it")


def _pointed_elsewhere(workload: Workload, options: Options, key: str, container: Tree) -> Iterator[Finding]:
    wanted = {item["name"]: item for item in environment(options)}
    for item in named(container, "env"):
        name = item["name"]
        if name == METADATA_DISABLED and options.metadata_port is not None and item.get("value") == "true":
            path = ("spec", key, container["name"], "env", name)
            yield _warning(workload, path, "keeps SDKs from the IMDS that SIDECAR_IMDS_LISTEN imitates; remove it")
        if name in wanted and item != wanted[name]:
            value = wanted[name].get("value", "the pod's UID")
            path = ("spec", key, container["name"], "env", name)
            yield _warning(workload, path, f"left as it is; the sidecar's is {value}. Remove yours to get it")


def _error(workload: Workload, path: Where, message: str) -> Finding:
    return _finding(Level.ERROR, workload, path, message)


def _warning(workload: Workload, path: Where, message: str) -> Finding:
    return _finding(Level.WARNING, workload, path, message)


def _finding(level: Level, workload: Workload, path: Where, message: str) -> Finding:
    where = workload.path + path
    return Finding(level=level, where=where, message=f"{workload}, {_place(path)}: {message}.")


def _place(path: Where) -> str:
    match path:
        case ("spec", "containers" | "initContainers" as kind, name, *below):
            return ", ".join([f"{kind.removesuffix('s')} {name}", *([" ".join(map(str, below))] if below else [])])
        case ("spec", *below) if below:
            return " ".join(map(str, below))
    return " ".join(map(str, path))
