"""Files named in arguments: read whole up to a limit; an error names the flag."""

import sys
from pathlib import Path

LARGEST_FILE = 1 << 20
"""Bytes. A token has one or two thousand, a policy at most 131072, an environment some ten thousand."""


class BadArguments(Exception):
    """The command line cannot be used as it is."""


def read(path: str, flag: str) -> str:
    """The text of a file, or of standard input for `-`. Raises `BadArguments`."""
    try:
        content = _bytes(path)
    except OSError as error:
        raise BadArguments(f"{flag}: {path} cannot be read ({error.strerror})") from None
    if len(content) > LARGEST_FILE:
        raise BadArguments(f"{flag}: {path} is larger than {LARGEST_FILE} bytes")
    return content.decode("utf-8", "replace")


def _bytes(path: str) -> bytes:
    if path == "-":
        return sys.stdin.buffer.read(LARGEST_FILE + 1)
    with Path(path).open("rb") as file:
        return file.read(LARGEST_FILE + 1)
