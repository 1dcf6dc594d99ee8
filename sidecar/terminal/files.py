"""Files named in arguments: read whole up to a limit; an error names the flag."""

import codecs
import sys
from pathlib import Path

LARGEST_FILE = 1 << 20
"""Bytes. A token has one or two thousand, a policy at most 131072, an environment some ten thousand."""

LARGEST_DOCUMENT = 256 << 20
"""Bytes: `get-account-authorization-details` prints some kilobytes a role, `kubectl get pods -o json` ten a pod."""


class BadArguments(Exception):
    """The command line cannot be used as it is."""


def read(path: str, flag: str) -> str:
    """The text of a file, or of standard input for `-`. Raises `BadArguments`."""
    return _read(path, flag, LARGEST_FILE).decode("utf-8", "replace")


def read_document(path: str, flag: str) -> str:
    """The text of a larger file that any editor or shell may have written: with a byte order mark, or in UTF-16."""
    return _decoded(_read(path, flag, LARGEST_DOCUMENT))


def _read(path: str, flag: str, largest: int) -> bytes:
    try:
        content = _bytes(path, largest)
    except OSError as error:
        raise BadArguments(f"{flag}: {path} cannot be read ({error.strerror})") from None
    if len(content) > largest:
        raise BadArguments(f"{flag}: {path} is larger than {largest} bytes")
    return content


def _decoded(content: bytes) -> str:
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            return content[len(mark) :].decode(encoding, "replace")
    if content[1:2] == b"\0":  # PowerShell's, without a mark: JSON begins with a plain character
        return content.decode("utf-16-le", "replace")
    return content.decode("utf-8", "replace")


_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def _bytes(path: str, largest: int) -> bytes:
    if path == "-":
        return sys.stdin.buffer.read(largest + 1)
    with Path(path).open("rb") as file:
        return file.read(largest + 1)
