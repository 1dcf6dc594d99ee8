"""What a setting is, and how a field of a frozen dataclass declares one: `optional` or `defaulted`."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Generic, TypeVar

T = TypeVar("T")
K = TypeVar("K")

_DECLARED = "settings"


@dataclass(frozen=True, slots=True)
class Setting(Generic[T]):
    """One setting. `parse` turns its text into a value, or raises `ValueError` saying what is allowed."""

    variable: str
    parse: Callable[[str], T]
    meaning: str
    default: str | None = None
    aliases: tuple[str, ...] = ()
    secret: bool = False
    empty_is_unset: bool = True
    """False where an empty variable is a mistake: taken for unset, it would silently open a door."""

    @property
    def flag(self) -> str | None:
        """The flag of the same name; None for a secret, which everyone on the node could read in the process list."""
        if self.secret:
            return None
        return "--" + bare(self.variable).lower().replace("_", "-")


def bare(variable: str) -> str:
    """The name without its prefix."""
    return re.sub("^(SIDECAR|AWS)_", "", variable)


# --- fields that declare settings -----------------------------------------------------------------------------


def defaulted(variable: str, parse: Callable[[str], T], meaning: str, default: str) -> T:
    """A field whose setting has this text while it is not given."""
    return _field(Setting(variable, parse, meaning, default))


def optional(
    variable: str,
    parse: Callable[[str], T],
    meaning: str,
    *,
    aliases: tuple[str, ...] = (),
    secret: bool = False,
    empty_is_unset: bool = True,
) -> T | None:
    """A field that is None while its setting is not given."""
    return _field(
        Setting(variable, parse, meaning, aliases=aliases, secret=secret, empty_is_unset=empty_is_unset),
    )


def one_for_each(settings: Mapping[K, Setting[T]]) -> Mapping[K, T]:
    """A field that holds the values of several settings, by key. Each must have a default."""
    declared: Any = field(metadata={_DECLARED: dict(settings)})
    value: Mapping[K, T] = declared
    return value


def _field(setting: Setting[T]) -> T:
    declared: Any = field(metadata={_DECLARED: setting}, repr=not setting.secret)
    value: T = declared
    return value


def settings_of(declaring: type) -> Iterator[Setting[Any]]:
    """All settings that a dataclass's fields declare, in their order."""
    for each in fields(declaring):
        declared = each.metadata.get(_DECLARED, {})
        yield from (declared,) if isinstance(declared, Setting) else declared.values()


def field_values(declaring: type, values: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments for `declaring` out of each variable's value."""
    return {
        each.name: _value_of(each.metadata[_DECLARED], values)
        for each in fields(declaring)
        if _DECLARED in each.metadata
    }


def _value_of(declared: Setting[Any] | Mapping[Any, Setting[Any]], values: Mapping[str, Any]) -> Any:
    if isinstance(declared, Setting):
        return values[declared.variable]
    return {key: values[setting.variable] for key, setting in declared.items()}
