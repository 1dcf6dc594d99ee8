"""The roles of a sidecar out of its variables and its config file: at the start, and again when the file changes."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from sidecar.core.model import DEFAULT_ROLE
from sidecar.settings import role_rules
from sidecar.settings.complaints import BadConfig, BadSetting, gathered
from sidecar.settings.fallback_regions import check_names
from sidecar.settings.plain_role import plain_role
from sidecar.settings.roles import RoleSet
from sidecar.settings.rules import Values

CONFIG_FILE, PROFILES, DEFAULT = "AWS_CONFIG_FILE", "SIDECAR_PROFILES", "SIDECAR_DEFAULT_PROFILE"


@dataclass(frozen=True, slots=True)
class RoleLoader:
    """`values`: what the variables mean, by variable. The environment is there for the proxies in it."""

    values: Values = field(repr=False)
    environ: Mapping[str, str] = field(repr=False)

    @property
    def path(self) -> Path | None:
        """The file that the roles are read from; None where variables alone describe them."""
        asked = self.values.get(PROFILES) or self.values.get(DEFAULT)
        file: Path | None = self.values.get(CONFIG_FILE)
        return file if asked else None

    def load(self) -> RoleSet:
        """Reads the file, and those that it names. Raises `BadConfig`, with every complaint there is."""
        complaints: list[BadSetting] = []
        found = self._roles(complaints)
        if found is None or complaints:
            raise BadConfig(complaints)
        complaints += role_rules.across(found, self.values)
        if complaints:
            raise BadConfig(complaints)
        return found

    def _roles(self, complaints: list[BadSetting]) -> RoleSet | None:
        if self.path is not None:
            with gathered(complaints):
                check_names(self.values)
            from sidecar.settings.profile_roles import roles_of_file  # noqa: PLC0415 (a parser that few pods need)

            return roles_of_file(self.path, self.values, self.environ, complaints)
        complaints += (
            BadSetting(name, "needs the file with the profiles; set AWS_CONFIG_FILE to its path.")
            for name in (PROFILES, DEFAULT)
            if self.values.get(name)
        )
        role = plain_role(self.values, self.environ, complaints)
        return RoleSet(DEFAULT_ROLE, {DEFAULT_ROLE: replace(role, required=True)}) if role else None
