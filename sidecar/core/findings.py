"""A finding of a check, a lint or an explanation, with its severity."""

import enum
from dataclasses import dataclass

Where = tuple[str | int, ...]
"""Keys and indexes (or names of a list's items) that lead to a place in a document; empty for the whole of it."""


class Level(enum.StrEnum):
    """How bad a finding is, worst last but for what could not be looked at."""

    PASSED = "passed"
    """It was looked at, and is right."""
    INFO = "info"
    """Worth knowing: an assumption, a limit of what can be seen."""
    WARNING = "warning"
    """Probably not meant, or wrong one day."""
    ERROR = "error"
    """It cannot work as it is, or lets in what it should keep out."""
    SKIPPED = "skipped"
    """It could not be looked at, or need not be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """`message` says what it means, `fix` what to do about it. None of the texts may hold a secret.

    `code` is a stable name of the mistake or of the check, for programs. `saw` are the facts that a check looked at.
    A finding about a manifest is told by its place, and has no code.
    """

    level: Level
    message: str
    code: str = ""
    fix: str = ""
    where: Where = ()
    saw: str = ""


def error(code: str, message: str, fix: str, where: Where = ()) -> Finding:
    """Something that cannot work, or is a hole."""
    return Finding(level=Level.ERROR, code=code, message=message, fix=fix, where=where)


def warning(code: str, message: str, fix: str, where: Where = ()) -> Finding:
    """Something that is probably not meant, or will be refused one day."""
    return Finding(level=Level.WARNING, code=code, message=message, fix=fix, where=where)


def info(code: str, message: str, fix: str = "", where: Where = ()) -> Finding:
    """Something to know: an assumption, a limit of what can be seen."""
    return Finding(level=Level.INFO, code=code, message=message, fix=fix, where=where)
