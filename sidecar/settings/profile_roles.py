"""All roles that a config file describes: those that are asked for by name, and the bases that they stand on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from sidecar.core.model import DEFAULT_ROLE
from sidecar.core.regular_file import read_projected
from sidecar.settings import parsers
from sidecar.settings.complaints import BadSetting, gathered
from sidecar.settings.config_file import LARGEST_FILE, ConfigFile, parse
from sidecar.settings.config_lines import MalformedFile
from sidecar.settings.plain_role import credentials_file, describes_a_role, plain_role
from sidecar.settings.profile import CONFIG_FILE, Profile, read_profile
from sidecar.settings.profile_keys import SOURCES
from sidecar.settings.profile_role import (
    CONTAINER_BASE,
    capped,
    container_endpoint_of,
    is_chain,
    role_of,
)
from sidecar.settings.profile_sts import PlainSettings
from sidecar.settings.roles import RoleSet, RoleSettings
from sidecar.settings.rules import Values

PROFILES, DEFAULT = "SIDECAR_PROFILES", "SIDECAR_DEFAULT_PROFILE"
ALL = ("*",)
LONGEST_CHAIN = 100
"""Roles that stand on each other: far more than anybody has, far fewer than Python follows."""
MOST_ROLES = 200
"""In one sidecar, bases included: each costs memory and calls, and whoever writes the file must not cost the pod."""
MOST_NAMED = 20
"""Profiles in one complaint."""
LONGEST_NAME = 64


def roles_of_file(
    path: Path, values: Values, environ: Mapping[str, str], complaints: list[BadSetting]
) -> RoleSet | None:
    """None with at least one complaint."""
    try:
        file = parse(_content(path))
    except OSError as error:
        problem = f"cannot be read ({error.strerror}); mount a file with [profile …] sections there."
        complaints.append(BadSetting(CONFIG_FILE, problem, value=repr(str(path))))
        return None
    except MalformedFile as error:
        problem = f"is not a config file: {error}. SDKs refuse it too; see docs/roles.md for the format."
        complaints.append(BadSetting(CONFIG_FILE, problem, value=repr(str(path))))
        return None
    return _Roles(file, path, PlainSettings(values, environ), complaints).all()


def _content(path: Path) -> bytes:
    """Raises `OSError`, and `MalformedFile` for more than anybody writes."""
    content = read_projected(path, LARGEST_FILE + 1)
    if len(content) > LARGEST_FILE:
        raise MalformedFile(f"it is larger than {LARGEST_FILE} bytes")
    return content


@dataclass(slots=True)
class _Roles:
    """Finds roles by name, each base before the roles that stand on it; what is wrong becomes more `complaints`."""

    file: ConfigFile
    path: Path
    plain: PlainSettings
    complaints: list[BadSetting]
    found: dict[str, RoleSettings | None] = field(default_factory=dict)
    """None for one with complaints."""
    warnings: list[str] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)

    def all(self) -> RoleSet | None:
        default = self.plain.values.get(DEFAULT) or DEFAULT_ROLE
        self._add_default(default)
        others = self._asked_for()
        for name in others:
            self._add_served(name, PROFILES)
            if len(self.found) > MOST_ROLES:
                self._complain_of_many()
                return None
        roles = [role for role in self.found.values() if role is not None]
        if self.complaints or len(roles) < len(self.found):
            return None
        shown = {default, *others}
        by_name = {role.name: role if role.name in shown else _unserved(role) for role in roles}
        by_name[default] = self._as_default(by_name[default])
        return RoleSet(default, by_name, tuple(self.files), tuple(self.warnings))

    def _asked_for(self) -> Sequence[str]:
        asked = self.plain.values.get(PROFILES) or ()
        return [name for name in self.file.profiles if self._is_role(name)] if asked == ALL else asked

    def _as_default(self, role: RoleSettings) -> RoleSettings:
        file = credentials_file(self.plain.values)
        return replace(role, required=True, credentials_file=role.credentials_file or file)

    # --- one by name ----------------------------------------------------------------------------------------------

    def _add_default(self, name: str) -> None:
        if name != DEFAULT_ROLE or self.plain.values.get(DEFAULT):
            self._add_served(name, DEFAULT)
        elif self._is_role(name) and not describes_a_role(self.plain.values):
            self._add_profile(name, ())
        else:
            self._add_plain()

    def _add_served(self, name: str, setting: str) -> None:
        if name == DEFAULT_ROLE or name in self.file.profiles:
            self._add(name, (), setting)
            return
        problem = f"has no section in {self.path}{self._near(name)}"
        self.complaints.append(BadSetting(setting, problem, value=repr(name)))

    def _add(self, name: str, above: tuple[str, ...], asked_by: str) -> None:
        """`above`: the profiles that stand on this one, through which the search has come."""
        if name == DEFAULT_ROLE:
            self._check_one_default(asked_by)
        if name in self.found:
            return
        if self._is_role(name):
            self._add_profile(name, above)
        else:
            self._add_plain()

    def _add_plain(self) -> None:
        self.found[DEFAULT_ROLE] = plain_role(self.plain.values, self.plain.environ, self.complaints)

    def _add_profile(self, name: str, above: tuple[str, ...]) -> None:
        before = len(self.complaints)
        profile = read_profile(name, self.file, str(self.path), self.complaints)
        self._check_name(profile)
        sound = len(self.complaints) == before  # what a refused value would have meant is not guessed at
        self._add_base(profile, (*above, name))
        self.found[name] = role_of(profile, self.plain, self.complaints) if sound else None
        self.warnings += capped(profile)
        if profile.keys.policy:
            self.files.append(profile.keys.policy.path)

    def _add_base(self, profile: Profile, way: tuple[str, ...]) -> None:
        base = profile.keys.source_profile
        if base is None:
            if is_chain(profile):
                self._add_container(profile)
        elif base in way:
            circle = " -> ".join((*way[way.index(base) :], base))
            problem = f"closes a circle, {circle}: none of them has credentials; give one of them another source."
            self.complaints.append(profile.complaint("source_profile", problem, repr(base)))
        elif len(way) > LONGEST_CHAIN:
            problem = f"makes a chain of more than {LONGEST_CHAIN} roles; shorten it."
            self.complaints.append(profile.complaint("source_profile", problem, repr(base)))
        elif base == DEFAULT_ROLE or base in self.file.profiles:
            self._add(base, way, f"{profile.place} source_profile")
        else:
            problem = f"has no section in this file{self._near(base)}"
            self.complaints.append(profile.complaint("source_profile", problem, repr(base)))

    def _add_container(self, profile: Profile) -> None:
        with gathered(self.complaints):
            source = container_endpoint_of(profile, self.plain)
            self.found[CONTAINER_BASE] = RoleSettings(name=CONTAINER_BASE, source=source)

    def _complain_of_many(self) -> None:
        problem = f"has more than {MOST_ROLES} roles for one sidecar; name fewer by {PROFILES}."
        self.complaints.append(BadSetting(CONFIG_FILE, problem, value=repr(str(self.path))))

    # --- what can be wrong with a name ----------------------------------------------------------------------------

    def _is_role(self, name: str) -> bool:
        """A `[default]` that names no source is only where SDKs have their region: `default` is the plain role then."""
        return name != DEFAULT_ROLE or any(key in self.file.profiles.get(name, ()) for key in SOURCES)

    def _check_one_default(self, asked_by: str) -> None:
        """Which of the two is meant can be told from SIDECAR_DEFAULT_PROFILE alone."""
        values = self.plain.values
        if self._is_role(DEFAULT_ROLE) and not values.get(DEFAULT) and describes_a_role(values):
            problem = (
                f"may be [default] in {self.path} or the role that AWS_ROLE_ARN and other variables describe; name "
                "the served one by SIDECAR_DEFAULT_PROFILE, or give the section another name."
            )
            self.complaints.append(BadSetting(CONFIG_FILE, problem, given_by=asked_by, value=repr(DEFAULT_ROLE)))

    def _check_name(self, profile: Profile) -> None:
        try:
            parsers.profile_name(profile.name)
        except ValueError as error:
            self.complaints.append(profile.complaint("", f"the name {error}."))

    def _near(self, name: str) -> str:
        import difflib  # noqa: PLC0415 (only a mistake needs it)

        names = [each for each in self.file.profiles if len(each) <= LONGEST_NAME]
        near = difflib.get_close_matches(name[:LONGEST_NAME], names[:MOST_ROLES], n=1)
        there = ", ".join(names[:MOST_NAMED]) or "none"
        more = ", and others" if len(names) > MOST_NAMED else ""
        return f"; did you mean {near[0]}?" if near else f"; there are: {there}{more}."


def _unserved(role: RoleSettings) -> RoleSettings:
    """What is only a base is given to nobody, whatever its profile says of that."""
    return RoleSettings(name=role.name, source=role.source, served=False)
