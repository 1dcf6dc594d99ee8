"""Sections of `key = value` lines, as Python's own parser of such files reads them.

That is the parser of botocore, the judge of this one in the contract tests. Its library takes 0.2 MiB of a process that
reads one file.
"""

import re
from collections.abc import Iterable, Mapping

Lines = dict[str, list[str]]
"""The lines of each value, by key."""

DEFAULTS = "DEFAULT"
"""The section whose values all others have as well."""
_COMMENTS = ("#", ";")
_EQUALS = re.compile(r"[=:]")


class MalformedFile(ValueError):
    """No file that an SDK would read. As text: what is wrong, and in which line; never what stands there."""


def sections(lines: Iterable[str]) -> Mapping[str, Mapping[str, str]]:
    """Each section's values by key, in lower case. Raises `MalformedFile`."""
    reader = _Reader()
    for number, line in enumerate(lines, 1):
        reader.read(number, line)
    return reader.found()


class _Reader:
    def __init__(self) -> None:
        self._sections: dict[str, Lines] = {}
        self._defaults: Lines = {}
        self._section: Lines | None = None
        self._key = ""
        """Whose value a line goes on with that is indented deeper than its own; empty where there is none."""
        self._indent = 0
        self._unreadable = 0
        """The first line that is none of a section's; complained of last."""

    def read(self, number: int, line: str) -> None:
        """Take the next line."""
        text = line.strip()
        indent = len(line) - len(line.lstrip())
        if text.startswith(_COMMENTS):
            return
        if self._section is not None and self._key and (not text or indent > self._indent):
            self._section[self._key].append(text)
        elif text:
            self._indent = indent
            self._begin(number, text)

    def _begin(self, number: int, text: str) -> None:
        end = text.rfind("]")
        if text.startswith("[") and end > 1:
            self._begin_section(number, text[1:end])
        elif self._section is None:
            raise MalformedFile(f"line {number} stands before the first [section]")
        else:
            self._begin_value(number, text, self._section)

    def _begin_section(self, number: int, title: str) -> None:
        if title in self._sections:
            raise MalformedFile(f"line {number} begins a section that the file has already")
        self._section = self._defaults if title == DEFAULTS else self._sections.setdefault(title, {})
        self._key = ""

    def _begin_value(self, number: int, text: str, section: Lines) -> None:
        equals = _EQUALS.search(text)
        if equals is None:
            self._unreadable = self._unreadable or number
            return
        self._key = key = text[: equals.start()].rstrip().lower()
        if not key:
            self._unreadable = self._unreadable or number
        if key in section:
            raise MalformedFile(f"line {number} sets a key that its section has already")
        section[key] = [text[equals.end() :].strip()]

    def found(self) -> Mapping[str, Mapping[str, str]]:
        """All of it. Raises `MalformedFile`."""
        if self._unreadable:
            raise MalformedFile(f"line {self._unreadable} is no `key = value`")
        defaults = _joined(self._defaults)
        return {title: defaults | _joined(section) for title, section in self._sections.items()}


def _joined(section: Lines) -> dict[str, str]:
    return {key: "\n".join(lines).rstrip() for key, lines in section.items()}
