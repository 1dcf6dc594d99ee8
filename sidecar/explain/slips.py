"""Letters that somebody did not mean to write: what an editor, a web page or a keyboard put in the place of another.

Each slip is told by the text alone and by what was meant there; the first that is found names the cause.
"""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

QUOTES = "\"'`“”„‟‘’‚‛«»‹›"  # noqa: RUF001 (they are the point)
_BETWEEN = re.compile(r"\s*[,;|]\s*|\s+")
_EXPRESSION = re.compile(r"\.\*|\.\+|\\|^\^|\$$|[()\[\]|]")
_PLACEHOLDER = re.compile(r"\$\{[^}]*\}?|\{\{.*?(?:\}\}|$)|<[^>]+>|%\{[^}]*\}?|\$\([^)]*\)?")
_INVISIBLE = ("Cf", "Cc", "Cs", "Co", "Cn")


@dataclass(frozen=True, slots=True)
class Slip:
    """`code` names it, `clause` says what was found."""

    code: str
    clause: str


def slip_in(text: str, meant: str) -> Slip | None:
    """What is odd about a text that should have been `meant`; None if its letters are no help."""
    return next((slip for look in _KNOWN if (slip := look(text, meant))), None)


def placeholder_in(text: str) -> str:
    """What a template left in the text; "" if nothing."""
    found = _PLACEHOLDER.search(text)
    return found[0] if found else ""


def plain(text: str) -> str:
    """The text without what no name has: invisible characters, white space and quotes around, odd dashes."""
    seen = "".join(
        "-" if unicodedata.category(char) == "Pd" or char == "−" else char  # noqa: RUF001 (it is the point)
        for char in text
        if unicodedata.category(char) not in _INVISIBLE
    )
    return seen.strip().strip(QUOTES).strip()


def _invisible(text: str, meant: str) -> Slip | None:
    found = next((char for char in text if unicodedata.category(char) in _INVISIBLE and char not in meant), "")
    if not found or found in "\t\n\r\v\f":
        return None
    return Slip("invisible-character", f"it holds the invisible character {_name(found)}")


def _several(text: str, _: str) -> Slip | None:
    parts = [part.strip(QUOTES) for part in _BETWEEN.split(text.strip()) if part]
    if len(parts) > 1 and all(":" in part.strip(":") and part == part.strip(":") for part in parts) and "(" not in text:
        return Slip("several-values-in-one", f"one string holds {len(parts)} values; IAM compares with it whole")
    return None


def _white_space(text: str, meant: str) -> Slip | None:
    found = next((char for char in text if char.isspace() and char not in meant), "")
    if not found:
        return None
    around = text.strip() != text
    return Slip("white-space", f"it has white space {'around' if around else 'inside'} it ({_name(found)})")


def _quotes(text: str, meant: str) -> Slip | None:
    found = next((char for char in text if char in QUOTES and char not in meant), "")
    return Slip("quotes-in-value", f"the quotation mark {_name(found)} is part of it") if found else None


def _look_alike(text: str, meant: str) -> Slip | None:
    found = next((char for char in text if not char.isascii() and char not in meant), "")
    if not found:
        return None
    return Slip("look-alike-character", f"{_name(found)} stands where a plain letter or sign should be")


def _expression(text: str, meant: str) -> Slip | None:
    found = None if "${" in text else _EXPRESSION.search(text)
    if found is None or _EXPRESSION.search(meant):
        return None
    return Slip("regular-expression", "it is a regular expression, and IAM knows only * and ?")


_KNOWN: tuple[Callable[[str, str], Slip | None], ...] = (
    _invisible,
    _several,
    _white_space,
    _quotes,
    _look_alike,
    _expression,
)


def _name(char: str) -> str:
    return f"U+{ord(char):04X} {unicodedata.name(char, '')}".rstrip()
