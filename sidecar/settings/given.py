"""What was given for each setting: by which name, as which text, and the value that it means."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sidecar.settings.complaints import BadSetting
from sidecar.settings.setting import Setting


@dataclass(frozen=True, slots=True)
class EffectiveSetting:
    """A setting as it takes effect. `text`: the given one or the default, None for neither; of a secret, only `set`.

    `given_by`: the variable or the flag, None where it was not given.
    """

    variable: str
    text: str | None
    given_by: str | None


@dataclass(frozen=True, slots=True)
class GivenSettings:
    """Environment and flags. `flags`: texts by the setting's variable."""

    environ: Mapping[str, str] = field(repr=False)
    flags: Mapping[str, str]

    def name_and_text(self, setting: Setting[Any]) -> tuple[str, str | None]:
        """The name it was given by, as the operator typed it, and its text. An empty variable counts as unset."""
        if setting.variable in self.flags:
            return setting.flag or "", self.flags[setting.variable]
        for name in (setting.variable, *setting.aliases):
            if text := self.environ.get(name):
                return name, text
        return setting.variable, setting.default

    def effective(self, setting: Setting[Any]) -> EffectiveSetting:
        name, text = self.name_and_text(setting)
        given = setting.variable in self.flags or bool(self.environ.get(name))
        return EffectiveSetting(setting.variable, "set" if setting.secret and text else text, name if given else None)

    def value(self, setting: Setting[Any]) -> Any:
        """What the text means; None for an optional setting that is not given. Raises `BadSetting`."""
        name, text = self.name_and_text(setting)
        if text is None:
            self._check_absence(setting)
            return None
        try:
            return setting.parse(text)
        except ValueError as error:
            raise BadSetting(setting.variable, f"{error}.", given_by=name, value=shown(setting, text)) from None

    def named(self, complaint: BadSetting, settings: Iterable[Setting[Any]]) -> BadSetting:
        """The same complaint, by the name that its setting was given by."""
        setting = next((each for each in settings if each.variable == complaint.setting), None)
        if setting is None or complaint.given_by:
            return complaint
        name, _ = self.name_and_text(setting)
        return BadSetting(complaint.setting, complaint.problem, given_by=name, value=complaint.value)

    def _check_absence(self, setting: Setting[Any]) -> None:
        if not setting.empty_is_unset and setting.variable in self.environ:
            problem = "empty, which protects nothing; set a token, or unset it."
            raise BadSetting(setting.variable, problem)


def shown(setting: Setting[Any], text: str) -> str:
    """The text of a bad value, but no secret: nor a URL's password, which is refused because it is one."""
    return "the value (not shown)" if setting.secret else without_password(repr(text))


def without_password(text: str) -> str:
    """As it may be shown. No regular expression: it would take time by the square of what somebody wrote."""
    before, at, rest = text.rpartition("@")
    scheme, slashes, _ = before.partition("//")
    return f"{scheme}//(not shown)@{rest}" if at and slashes else text
