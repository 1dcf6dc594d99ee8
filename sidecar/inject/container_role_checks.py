"""Finds what of a pod's containers, variables and ConfigMap does not fit the roles of single containers."""

from collections.abc import Iterator

from sidecar.core.findings import Finding
from sidecar.core.variables import AUTHORIZATION
from sidecar.inject import asking
from sidecar.inject.container_roles import KEY, ContainerRoles, needed_line, token_file
from sidecar.inject.surroundings import Surroundings
from sidecar.inject.workload_findings import error, warning
from sidecar.inject.workloads import Workload, mapping, named, text
from sidecar.settings import config_file
from sidecar.settings.config_lines import MalformedFile


def container_role_findings(workload: Workload, roles: ContainerRoles, around: Surroundings) -> Iterator[Finding]:
    """What of the containers, the variables and the ConfigMap does not fit."""
    spec = mapping(workload.pod, "spec")
    containers = {text(each, "name"): (key, each) for key in _KINDS for each in named(spec, key)}
    for name, profile in roles.by_container.items():
        if name not in containers:
            yield warning(workload, ("spec",), f"has no container {name}, for which --container-role names {profile}")
            continue
        key, container = containers[name]
        if AUTHORIZATION in (text(item, "name") for item in named(container, "env")):
            path = ("spec", key, name, "env", AUTHORIZATION)
            yield warning(workload, path, f"is not the token of the role {profile}; remove it, SDKs then read the file")
    if roles.config_map:
        yield from _config_map(workload, roles, around, own_group="fsGroup" in mapping(spec, "securityContext"))


_KINDS = ("initContainers", "containers")


def _config_map(
    workload: Workload, roles: ContainerRoles, around: Surroundings, *, own_group: bool
) -> Iterator[Finding]:
    found = [
        held.get(KEY)
        for (kind, namespace, name), held in around.variables.items()
        if (kind, name) == ("ConfigMap", roles.config_map) and namespace in {workload.namespace, ""}
    ]
    if not found:
        lines = "; ".join(map(needed_line, roles.profiles))
        message = f"ConfigMap {roles.config_map}{asking.UNSEEN}{asking.NEEDED_LINES + lines if lines else ''}"
        yield warning(workload, ("spec",), message)
        return
    config = found[0]
    if config is None:
        yield error(workload, ("spec",), f"ConfigMap {roles.config_map} has no key {KEY}")
        return
    try:
        file = config_file.parse(config.encode())
    except MalformedFile as problem:
        yield error(workload, ("spec",), f"ConfigMap {roles.config_map}, key {KEY}: not a config file: {problem}")
        return
    for profile in roles.profiles:
        yield from _profile(workload, profile, file.profiles.get(profile), own_group=own_group)


def _profile(
    workload: Workload, profile: str, section: config_file.Section | None, *, own_group: bool
) -> Iterator[Finding]:
    if section is None:
        yield error(workload, ("spec",), f"the ConfigMap has no [profile {profile}]")
        return
    if section.get("sidecar_authorization_token_file") != token_file(profile):
        yield error(
            workload,
            ("spec",),
            f"[profile {profile}] needs the line {needed_line(profile)}; without it every container of the pod gets "
            "that role",
        )
    if not own_group and "sidecar_authorization_token_mode" not in section:
        yield warning(
            workload,
            ("spec",),
            f"the pod has no fsGroup: if the container of the role {profile} and the sidecar have different users, "
            f"[profile {profile}] needs the line sidecar_authorization_token_mode = 0644; no other container mounts it",
        )
