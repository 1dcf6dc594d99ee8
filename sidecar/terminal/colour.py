"""Colour on a terminal only: https://no-color.org is honoured."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TextIO

COLOURS = {"error": "31", "fail": "31", "warning": "33", "warn": "33", "info": "36", "skip": "36", "pass": "32"}


@dataclass(frozen=True, slots=True)
class Colour:
    """Colours words by level, or leaves them as they are."""

    on: bool

    def __call__(self, level: str, text: str) -> str:
        code = COLOURS.get(level)
        return f"\x1b[{code}m{text}\x1b[0m" if self.on and code else text


def colour_for(out: TextIO, environ: Mapping[str, str]) -> Colour:
    """Colours on a terminal, unless NO_COLOR is set to anything or TERM is dumb."""
    return Colour(out.isatty() and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb")
