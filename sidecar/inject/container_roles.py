"""Roles of single containers, each with a token that only its container can read.

They are profiles: of a ConfigMap, or made here for ARNs alone.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from sidecar.core.arns import role_arn_parser
from sidecar.core.model import DEFAULT_ROLE
from sidecar.inject import asking
from sidecar.inject.names import AUTHORIZATION_DIRECTORY, CONFIG_ANNOTATION, VOLUMES
from sidecar.inject.workloads import text

PROFILES_VARIABLE = "SIDECAR_PROFILES"
PROFILES_VOLUME = "irsa-sidecar-profiles"
PROFILES_DIRECTORY = "/etc/irsa-sidecar"
ROLE_VOLUME = "irsa-sidecar-role-"
OUR_VOLUMES = (PROFILES_VOLUME, ROLE_VOLUME)
"""How the names of these volumes begin."""
TOKENS_DIRECTORY = "/var/run/irsa-sidecar-roles"
TOKEN_FILE = "authorization-token"  # noqa: S105 (a file's name)
KEY = "config"
"""The ConfigMap's key with the text in AWS's config format."""
PROFILE = "[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?"
"""A profile's name; a volume's name ends in it, too."""
CONFIG_MAP = "[a-z0-9]([a-z0-9.-]*[a-z0-9])?"


@dataclass(frozen=True, slots=True)
class ContainerRoles:
    """`config_map` holds the profiles; without containers, all of them are served to all by their paths.

    Without `config_map`, `arns` has the role of each profile.
    """

    config_map: str = ""
    by_container: Mapping[str, str] = field(default_factory=dict)
    arns: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def chosen(cls, config_map: str, pairs: Sequence[tuple[str, str]]) -> Self:
        """Of containers and their profiles in that ConfigMap; without one, of containers and the ARNs of their roles.

        Such a role's profile is called as its container.
        """
        if config_map:
            return cls(config_map, dict(pairs))
        return cls("", {container: container for container, _ in pairs}, dict(pairs))

    @property
    def profiles(self) -> list[str]:
        return sorted(set(self.by_container.values()))

    def of(self, container: Mapping[str, Any]) -> str:
        """The container's profile; empty if it has the default role."""
        return self.by_container.get(text(container, "name"), "") if self.by_container else ""

    @property
    def config(self) -> str:
        """The text in AWS's config format that `arns` need."""
        return "\n".join(profile_text(profile, self.arns[profile]) for profile in self.profiles if profile in self.arns)

    def annotations(self) -> dict[str, str]:
        """The pod's: a file in the sidecar has this text."""
        return {CONFIG_ANNOTATION: self.config} if self.arns else {}

    def environment(self) -> dict[str, str]:
        """The sidecar's variables."""
        if not self._in_use:
            return {}
        served = ",".join(self.profiles) or "*"
        return {"AWS_CONFIG_FILE": f"{PROFILES_DIRECTORY}/{KEY}", PROFILES_VARIABLE: served}

    def volumes(self) -> list[dict[str, Any]]:
        if not self._in_use:
            return []
        memory = {"medium": "Memory", "sizeLimit": "1Mi"}
        tokens = [{"name": f"{ROLE_VOLUME}{profile}", "emptyDir": memory} for profile in self.profiles]
        return [{"name": PROFILES_VOLUME, **self._file()}, *tokens]

    def _file(self) -> dict[str, Any]:
        if self.config_map:
            return {"configMap": {"name": self.config_map}}
        annotation = {"fieldRef": {"fieldPath": f"metadata.annotations['{CONFIG_ANNOTATION}']"}}
        return {"projected": {"sources": [{"downwardAPI": {"items": [{"path": KEY, **annotation}]}}]}}

    def mounts(self) -> list[dict[str, Any]]:
        """The sidecar's: it writes each token into a directory that besides it one container sees."""
        if not self._in_use:
            return []
        tokens = [
            {"name": f"{ROLE_VOLUME}{profile}", "mountPath": f"{TOKENS_DIRECTORY}/{profile}"}
            for profile in self.profiles
        ]
        return [{"name": PROFILES_VOLUME, "mountPath": PROFILES_DIRECTORY, "readOnly": True}, *tokens]

    def complaints(self, endpoint_url: str | None) -> Iterator[str]:
        """What is wrong with the options that it was made of."""
        yield from (f"--profiles: {each}." for each in wrong_config_map(self.config_map))
        pairs = list((self.by_container if self.config_map else self.arns).items())
        yield from (f"--container-role: {each}." for each in wrong_roles(self.config_map, pairs, endpoint_url))

    @property
    def _in_use(self) -> bool:
        return bool(self.config_map or self.arns)


def is_ours(volume: str) -> bool:
    """Whether a volume of this name is the sidecar's, whoever has added it."""
    return volume in VOLUMES or volume.startswith(OUR_VOLUMES)


def profile_text(profile: str, arn: str) -> str:
    """A profile of that role. Its token's directory is its container's alone: the container's user may be any."""
    return f"""\
[profile {profile}]
role_arn = {arn}
{needed_line(profile)}
sidecar_authorization_token_mode = 0644
"""


def wrong_config_map(name: str) -> Iterator[str]:
    """What keeps it from being the name of a ConfigMap."""
    if name and not re.fullmatch(CONFIG_MAP, name, re.ASCII):
        yield f"{name}{asking.NOT_A_CONFIG_MAP}"


def wrong_roles(config_map: str, pairs: Sequence[tuple[str, str]], endpoint_url: str | None) -> Iterator[str]:
    """What is wrong with roles before `ContainerRoles.chosen` takes them."""
    containers = [container for container, _ in pairs]
    for container in dict.fromkeys(each for each in containers if containers.count(each) > 1):
        yield f"{container}{asking.TWO_ROLES}"
    for container, role in pairs:
        if config_map and role == DEFAULT_ROLE:
            yield f"{container}={role}{asking.OF_ALL_OTHERS}"
        if config_map and not re.fullmatch(PROFILE, role, re.ASCII):
            yield f"{role}{asking.NOT_A_PROFILE}"
        if not config_map and not _is_role(role, endpoint_url):
            yield f"{role}{asking.NOT_A_ROLE}"
        if not config_map and (container == DEFAULT_ROLE or not re.fullmatch(PROFILE, container, re.ASCII)):
            yield f"{container}{asking.NOT_FOR_A_ROLE}"


def _is_role(role: str, endpoint_url: str | None) -> bool:
    try:
        role_arn_parser(endpoint_url)(role)
    except ValueError:
        return False
    return True


def needed_line(profile: str) -> str:
    """By it only requests with the role's token get the role."""
    return f"sidecar_authorization_token_file = {token_file(profile)}"


def token_file(profile: str) -> str:
    """Where the sidecar has a role's token: what the profile must say."""
    return f"{TOKENS_DIRECTORY}/{profile}/{TOKEN_FILE}"


def mount_of(profile: str) -> dict[str, Any]:
    """A container's: its role's token, in the place of the one that all others have."""
    return {"name": f"{ROLE_VOLUME}{profile}", "mountPath": AUTHORIZATION_DIRECTORY, "readOnly": True}
