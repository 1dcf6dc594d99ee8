"""The one door to the terminal: what tokens, policies, listeners and STS wrote can be read there, and do nothing."""

import sys

from sidecar.terminal.complaints import printed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TextIO

LAYOUT = frozenset("\n\t")
OUR_COLOURS = ("\x1b[0m", "\x1b[31m", "\x1b[32m", "\x1b[33m", "\x1b[36m")
"""What `colour` writes, and only to a terminal."""


def harmless(text: str, encoding: str = "utf-8") -> str:
    r"""`text` with what a terminal would obey, or could not show, spelled out: `\x1b`, `\u202e`, `\udcff`."""
    if not text.isprintable():
        text = "".join(each if each.isprintable() or each in LAYOUT else _spelled(each) for each in text)
    return text.encode(encoding, "backslashreplace").decode(encoding)


def _spelled(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else character.encode("ascii", "backslashreplace").decode()  # noqa: PLR2004


class HarmlessStream:
    """A text stream, standard output say, to which nothing else is written. Raises `OutputLost`, `BrokenPipeError`."""

    def __init__(self, stream: "TextIO") -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        shown = self._coloured(text) if self._stream.isatty() else self._harmless(text)
        printed(self._stream.write, shown)
        return len(text)

    def flush(self) -> None:
        printed(self._stream.flush)

    def _coloured(self, text: str) -> str:
        """With our own colours left as they are."""
        for colour in OUR_COLOURS:
            if colour in text:
                return colour.join(map(self._coloured, text.split(colour)))
        return self._harmless(text)

    def _harmless(self, text: str) -> str:
        return harmless(text, self._stream.encoding or "utf-8")

    def __getattr__(self, name: str) -> "Any":
        return getattr(self._stream, name)


def write_harmlessly() -> None:
    """To standard output and standard error, from now on."""
    for name in ("stdout", "stderr"):
        setattr(sys, name, HarmlessStream(getattr(sys, name)))
