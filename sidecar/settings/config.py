"""Environment and flags, parsed once, all complaints together."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sidecar.faces.registry import FACES
from sidecar.http.addresses import LINK_LOCAL, LOOPBACK_NAMES, WILDCARDS, Address, UnixAddress
from sidecar.settings import flags, rules
from sidecar.settings.catalogue import SETTINGS, Settings
from sidecar.settings.complaints import BadConfig, BadSetting, gathered
from sidecar.settings.given import EffectiveSetting, GivenSettings
from sidecar.settings.role_loading import RoleLoader
from sidecar.settings.roles import RoleSet
from sidecar.settings.setting import field_values
from sidecar.settings.unknown import unknown_flags, unknown_variables

SHORT_DURATION = 1800
"""Seconds. Below, some SDKs ask on every call: botocore does while less than 15 minutes are left, so for half of the
session."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Config(Settings):
    """Settings that the sidecar can run with, and what follows from them."""

    roles: RoleSet
    """All roles at the start; a reload of AWS_CONFIG_FILE gives another set."""
    role_loader: RoleLoader = field(compare=False, repr=False)
    """Gives the roles again when AWS_CONFIG_FILE has changed."""
    effective_settings: tuple[EffectiveSetting, ...] = field(default=(), compare=False, repr=False)
    """The settings as the operator gave them, to show."""

    @property
    def sts_endpoint(self) -> str:
        """The STS that the default role is asked for, empty where none is."""
        sts = self.roles.default_role.sts
        return sts.endpoint if sts else ""

    @property
    def host_names(self) -> frozenset[str] | None:
        """The names a request to a protected face may be sent to; None where it listens on all of a pod's addresses."""
        hosts = _hosts(self._addresses(protected=True))
        return None if hosts & WILDCARDS else hosts

    @property
    def link_local_names(self) -> frozenset[str]:
        """The same for the faces that no token protects: theirs, and the addresses that SDKs know them by."""
        return _hosts(self._addresses(protected=False)) | LINK_LOCAL

    def _addresses(self, *, protected: bool) -> Iterable[Address]:
        return (address for face in FACES if face.protected is protected for address in self.listen[face])


def _hosts(addresses: Iterable[Address]) -> frozenset[str]:
    return frozenset(address.host for address in addresses if not isinstance(address, UnixAddress)) | LOOPBACK_NAMES


def load(environ: Mapping[str, str], argv: Sequence[str], program: str = "irsa-sidecar serve") -> Config:
    """The settings from flags, then variables, then defaults. Raises `BadConfig` with every complaint there is."""
    line = flags.parsed(argv, program)
    given = GivenSettings(environ, line.given)
    complaints: list[BadSetting] = []
    values: dict[str, Any] = {}
    for setting in SETTINGS:
        with gathered(complaints):
            values[setting.variable] = given.value(setting)
    loader = RoleLoader(values, environ)
    roles = None
    try:
        roles = loader.load()
    except BadConfig as error:
        complaints = [*error.complaints, *complaints]
    values |= rules.socket_access(values)
    complaints += [*rules.exposed(values), *rules.serves_no_one(values, roles)]
    complaints += [*unknown_flags(line.unknown), *unknown_variables(environ)]
    if complaints or roles is None:
        raise BadConfig([given.named(complaint, SETTINGS) for complaint in complaints])
    effective = tuple(given.effective(setting) for setting in SETTINGS)
    return Config(**field_values(Settings, values), roles=roles, role_loader=loader, effective_settings=effective)
