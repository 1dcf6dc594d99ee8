"""Files that people name in arguments: read whole, with a bound, and a complaint that names the flag."""

import sys
from pathlib import Path

LARGEST = 1 << 20
"""Bytes. A token has one or two thousand, a policy at most 131072, an environment some ten thousand."""


class BadArguments(Exception):
    """Arguments that nothing can be done with."""


def read(path: str, flag: str) -> str:
    """The text of a file, or of standard input for `-`. Raises `BadArguments`."""
    try:
        content = _bytes(path)
    except OSError as error:
        raise BadArguments(f"{flag}: {path} cannot be read ({error.strerror})") from None
    if len(content) > LARGEST:
        raise BadArguments(f"{flag}: {path} is larger than {LARGEST} bytes")
    return content.decode("utf-8", "replace")


def _bytes(path: str) -> bytes:
    if path == "-":
        return sys.stdin.buffer.read(LARGEST + 1)
    with Path(path).open("rb") as file:
        return file.read(LARGEST + 1)
