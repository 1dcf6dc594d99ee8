"""Builds HTML safely: elements are made of parts, and everything that is not `Html` already is escaped.

Pages show what others wrote, such as a token's claims. Adding to `Html` or formatting it gives plain text again, so a
mistake shows as too much escaping, never as markup.
"""

from html import escape as _escape

VOID = frozenset({"link", "meta"})
"""Elements without an end. SVG's are written with one: an HTML parser takes both."""


class Html(str):
    """Markup, to be left as it is."""

    __slots__ = ()


Content = Html | str | float | None
"""None is nothing: an element that is not there, an attribute that is not set."""


def element(tag: str, *parts: Content, **attributes: Content) -> Html:
    """One element. Attributes' names: `class_` is `class`, `aria_label` is `aria-label`."""
    start = tag + "".join(_attribute(name, value) for name, value in attributes.items() if value is not None)
    if tag in VOID:
        return Html(f"<{start}>")
    return Html(f"<{start}>{joined(*parts)}</{tag}>")


def joined(*parts: Content) -> Html:
    return Html("".join(_markup(part) for part in parts if part is not None))


def _attribute(name: str, value: Content) -> str:
    return f' {name.rstrip("_").replace("_", "-")}="{_quoted(value)}"'


def _quoted(value: Content) -> str:
    """Escaped even if it is markup: in an attribute that is text."""
    return _escape(printable(str(value)))


def _markup(part: Content) -> str:
    return part if isinstance(part, Html) else _quoted(part)


def printable(text: str) -> str:
    """`text` with everything that is not seen, or that turns the direction of writing, as an escape sequence."""
    return text if text.isprintable() else "".join(char if char.isprintable() else _sequence(char) for char in text)


def _sequence(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")
