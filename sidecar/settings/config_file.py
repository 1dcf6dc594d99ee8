"""AWS's shared config file, taken apart: its profiles and `services` sections, as every SDK would read them.

The grammar is what botocore 1.44 makes of it (`configloader`): botocore itself judges this module in the contract
tests. It is imported only where AWS_CONFIG_FILE is used.
"""

import io
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from sidecar.settings.config_lines import MalformedFile, sections

Value = str | Mapping[str, str]
"""A text, or an indented block of texts."""
Section = Mapping[str, Value]

PROFILE, SERVICES = "profile", "services"
LARGEST_FILE = 1024 * 1024
"""Bytes. A ConfigMap holds no more."""
MOST_LINES, LONGEST_LINE = 10_000, 20_000
"""Lines, and characters of one: reading must take a moment, whoever wrote the file."""
BYTE_ORDER_MARK = "\ufeff"
_GAP = re.compile(r"\S\s{64}")
"""Python's own parser, by which SDKs read the file, takes time by the square of a gap."""
DEFAULT_PROFILE = "default"
"""The one profile whose section needs no `profile` before its name."""


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """Sections by name. Texts may be secrets: a profile can hold keys."""

    profiles: Mapping[str, Section] = field(repr=False)
    services: Mapping[str, Section] = field(repr=False)


def parse(content: bytes) -> ConfigFile:
    """Raises `MalformedFile`."""
    profiles: dict[str, Section] = {}
    services: dict[str, Section] = {}
    for title, section in _sections(content):
        if title.startswith(PROFILE):
            profiles |= _named(title, section)
        elif title.startswith(SERVICES):
            services |= _named(title, section)
        elif title == DEFAULT_PROFILE:
            profiles[DEFAULT_PROFILE] = section
    return ConfigFile(profiles, services)


def _sections(content: bytes) -> Iterator[tuple[str, Section]]:
    try:
        text = content.decode()
    except UnicodeDecodeError:
        raise MalformedFile("it is not UTF-8 text") from None
    for title, section in sections(_checked_lines(text)).items():
        yield title, {key: _value(title, value) for key, value in section.items()}


def _checked_lines(text: str) -> list[str]:
    """Raises `MalformedFile` for what nobody writes."""
    if text.startswith(BYTE_ORDER_MARK):
        raise MalformedFile("it begins with a byte order mark, which no editor shows; save it as UTF-8 without one")
    lines = list(io.StringIO(text, newline=None))
    if len(lines) > MOST_LINES:
        raise MalformedFile(f"it has more than {MOST_LINES} lines")
    for number, line in enumerate(lines, 1):
        if len(line) > LONGEST_LINE:
            raise MalformedFile(f"line {number} has more than {LONGEST_LINE} characters")
        if _GAP.search(line.strip()):
            raise MalformedFile(f"line {number} has a gap of 64 spaces or more")
    return lines


def _value(title: str, text: str) -> Value:
    """An indented block where the key has nothing on its own line."""
    return _block(title, text) if text.startswith("\n") else text


def _block(title: str, text: str) -> Mapping[str, str]:
    block = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        name, equals, value = line.partition("=")
        if not equals:
            raise MalformedFile(f"an indented block in [{title}] has a line that is no `key = value`")
        block[name.strip()] = value.strip()
    return block


def _named(title: str, section: Section) -> dict[str, Section]:
    """By its name; a title that does not have exactly one is nobody's."""
    try:
        words = shlex.split(title)
    except ValueError:
        return {}
    return {words[1]: section} if len(words) == 2 else {}  # noqa: PLR2004 (kind and name)
