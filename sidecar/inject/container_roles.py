"""Roles of single containers: profiles from a ConfigMap, each with a token that only its container can read."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sidecar.core.findings import Finding
from sidecar.core.variables import AUTHORIZATION
from sidecar.inject.names import AUTHORIZATION_DIRECTORY
from sidecar.inject.surroundings import Surroundings
from sidecar.inject.workload_findings import error, warning
from sidecar.inject.workloads import Workload, mapping, named, text

PROFILES_VOLUME = "irsa-sidecar-profiles"
PROFILES_DIRECTORY = "/etc/irsa-sidecar"
ROLE_VOLUME = "irsa-sidecar-role-"
OUR_VOLUMES = (PROFILES_VOLUME, ROLE_VOLUME)
"""How the names of these volumes begin."""
TOKENS_DIRECTORY = "/var/run/irsa-sidecar-roles"
TOKEN_FILE = "authorization-token"  # noqa: S105 (a file's name)
KEY = "config"
"""The ConfigMap's key with the text in AWS's config format."""
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?", re.ASCII)
"""As a volume's name ends in it, too."""


@dataclass(frozen=True, slots=True)
class ContainerRoles:
    """`config_map` holds the profiles; without containers, all of them are served to all by their paths."""

    config_map: str = ""
    by_container: Mapping[str, str] = field(default_factory=dict)

    @property
    def profiles(self) -> list[str]:
        return sorted(set(self.by_container.values()))

    def of(self, container: Mapping[str, Any]) -> str:
        """The container's profile; empty if it has the default role."""
        return self.by_container.get(text(container, "name"), "") if self.by_container else ""

    def complaints(self) -> Iterator[str]:
        if self.by_container and not self.config_map:
            yield "--container-role: needs --profiles, the ConfigMap that holds the profiles."
        if self.config_map and not re.fullmatch(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?", self.config_map):
            yield f"--profiles: {self.config_map!r} is not the name of a ConfigMap."
        for profile in self.profiles:
            if not _NAME.fullmatch(profile):
                yield (
                    f"--container-role: {profile!r} cannot be part of a volume's name; use a profile of lower-case "
                    "letters, digits and `-`, at most 40."
                )

    def environment(self) -> dict[str, str]:
        """The sidecar's variables."""
        if not self.config_map:
            return {}
        served = ",".join(self.profiles) or "*"
        return {"AWS_CONFIG_FILE": f"{PROFILES_DIRECTORY}/{KEY}", "SIDECAR_PROFILES": served}

    def volumes(self) -> list[dict[str, Any]]:
        if not self.config_map:
            return []
        memory = {"medium": "Memory", "sizeLimit": "1Mi"}
        tokens = [{"name": f"{ROLE_VOLUME}{profile}", "emptyDir": memory} for profile in self.profiles]
        return [{"name": PROFILES_VOLUME, "configMap": {"name": self.config_map}}, *tokens]

    def mounts(self) -> list[dict[str, Any]]:
        """The sidecar's: it writes each token into a directory that besides it one container sees."""
        if not self.config_map:
            return []
        tokens = [
            {"name": f"{ROLE_VOLUME}{profile}", "mountPath": f"{TOKENS_DIRECTORY}/{profile}"}
            for profile in self.profiles
        ]
        return [{"name": PROFILES_VOLUME, "mountPath": PROFILES_DIRECTORY, "readOnly": True}, *tokens]


def token_file(profile: str) -> str:
    """Where the sidecar has a role's token: what the profile must say."""
    return f"{TOKENS_DIRECTORY}/{profile}/{TOKEN_FILE}"


def mount_of(profile: str) -> dict[str, Any]:
    """A container's: its role's token, in the place of the one that all others have."""
    return {"name": f"{ROLE_VOLUME}{profile}", "mountPath": AUTHORIZATION_DIRECTORY, "readOnly": True}


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
        lines = [f"sidecar_authorization_token_file = {token_file(profile)}" for profile in roles.profiles]
        needed = f", and each profile its line: {'; '.join(lines)}" if lines else ""
        message = f"ConfigMap {roles.config_map} is not in these files; it must hold the key {KEY}{needed}"
        yield warning(workload, ("spec",), message)
        return
    config = found[0]
    if config is None:
        yield error(workload, ("spec",), f"ConfigMap {roles.config_map} has no key {KEY}")
        return
    for profile in roles.profiles:
        yield from _profile(workload, profile, config, own_group=own_group)


def _profile(workload: Workload, profile: str, config: str, *, own_group: bool) -> Iterator[Finding]:
    section = re.search(rf"^\[\s*(?:profile\s+)?{profile}\s*\]([^\[]*)", config, re.MULTILINE)
    if section is None:
        yield error(workload, ("spec",), f"the ConfigMap has no [profile {profile}]")
        return
    if not re.search(rf"^sidecar_authorization_token_file\s*=\s*{token_file(profile)}\s*$", section[1], re.MULTILINE):
        yield error(
            workload,
            ("spec",),
            f"[profile {profile}] needs the line sidecar_authorization_token_file = {token_file(profile)}; without it "
            "every container of the pod gets that role",
        )
    if not own_group and not re.search(r"^sidecar_authorization_token_mode\s*=", section[1], re.MULTILINE):
        yield warning(
            workload,
            ("spec",),
            f"the pod has no fsGroup: if the container of the role {profile} and the sidecar have different users, "
            f"[profile {profile}] needs the line sidecar_authorization_token_mode = 0644; no other container mounts it",
        )
