"""One profile of the config file, read: its values by key, or a complaint for each key that is wrong or not served."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sidecar.settings.complaints import BadSetting, gathered
from sidecar.settings.config_file import ConfigFile, Section, Value
from sidecar.settings.given import shown
from sidecar.settings.places import section_place
from sidecar.settings.profile_keys import INSTEAD, KEYS, UNSERVED, ProfileKeys
from sidecar.settings.setting import Setting, field_values

CONFIG_FILE = "AWS_CONFIG_FILE"
STS = "sts"
"""The block of a `services` section, and in it the one key that is read."""
ENDPOINT_URL = "endpoint_url"


@dataclass(frozen=True, slots=True)
class Profile:
    """`place`: the file and the section, as complaints begin. A key that was refused has no value."""

    name: str
    place: str
    keys: ProfileKeys
    given: frozenset[str]
    """The keys that the section has."""
    endpoint_url: str | None = field(default=None)
    """The one for STS: of the `services` section, else of the profile."""

    def complaint(self, key: str, problem: str, value: str = "") -> BadSetting:
        """One about this profile; `problem` continues a sentence that begins with the value."""
        return BadSetting(CONFIG_FILE, problem, given_by=f"{self.place} {key}".rstrip(), value=value)


def read_profile(name: str, file: ConfigFile, path: str, complaints: list[BadSetting]) -> Profile:
    """The profile `name`, which the file has. What is wrong with it becomes more of the complaints."""
    section = file.profiles[name]
    place = section_place(path, name)
    complaints += _unserved(section, place)
    complaints += _misspelt(section, place)
    values: dict[str, Any] = {}
    for setting in KEYS:
        with gathered(complaints):
            values[setting.variable] = _value(setting, section, place)
    keys = ProfileKeys(**field_values(ProfileKeys, dict.fromkeys(key.variable for key in KEYS) | values))
    endpoint = None
    with gathered(complaints):
        endpoint = _sts_endpoint(keys, file.services, place)
    return Profile(name, place, keys, frozenset(section), endpoint)


def _value(setting: Setting[Any], section: Section, place: str) -> Any:
    if setting.variable not in section:
        return None
    text = _text(section[setting.variable])
    try:
        return setting.parse(text)
    except ValueError as error:
        raise BadSetting(
            CONFIG_FILE, f"{error}{_comment(text)}.", given_by=f"{place} {setting.variable}", value=shown(setting, text)
        ) from None


def _text(value: Value) -> str:
    """An indented block as one line."""
    return value if isinstance(value, str) else ",".join(f"{key}={text}" for key, text in value.items())


def _comment(text: str) -> str:
    return "; a comment needs a line of its own" if " #" in text or " ;" in text else ""


def _unserved(section: Section, place: str) -> Iterator[BadSetting]:
    """Never with the value: it may be a secret key."""
    for key in section:
        if key in UNSERVED:
            yield BadSetting(CONFIG_FILE, f"{UNSERVED[key]}; {INSTEAD}.", given_by=f"{place} {key}")


def _misspelt(section: Section, place: str) -> Iterator[BadSetting]:
    """Other keys are somebody else's business, as in every SDK, unless they are nearly one of those that are read."""
    known = {setting.variable for setting in KEYS}
    for key in [key for key in section if key not in known and key not in UNSERVED]:
        import difflib  # noqa: PLC0415 (only an unknown key needs it)

        near = difflib.get_close_matches(key, known, n=1, cutoff=0.8)
        if near or key.startswith("sidecar_"):
            meant = f"; did you mean {near[0]}?" if near else "; docs/roles.md lists them all."
            yield BadSetting(CONFIG_FILE, f"unknown key{meant}", given_by=f"{place} {key}")


def _sts_endpoint(keys: ProfileKeys, services: Mapping[str, Section], place: str) -> str | None:
    """AWS's order: the service's own endpoint, then the one for all services. Raises `BadSetting`."""
    if keys.services is None:
        return keys.endpoint_url
    if not services.get(keys.services):
        problem = f"is no section of this file, or an empty one; add [services {keys.services}], or take the key out."
        raise BadSetting(CONFIG_FILE, problem, given_by=f"{place} services", value=repr(keys.services))
    block = services[keys.services].get(STS, {})
    text = None if isinstance(block, str) else block.get(ENDPOINT_URL)
    if text is None:
        return keys.endpoint_url
    setting = next(key for key in KEYS if key.variable == ENDPOINT_URL)
    where = f"{place.partition(': ')[0]}: [services {keys.services}] sts"
    url: str = _value(setting, {ENDPOINT_URL: text}, where)
    return url
