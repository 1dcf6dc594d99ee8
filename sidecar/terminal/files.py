"""Files named in arguments: an error names the flag."""

import codecs
from collections.abc import Iterator
from itertools import chain

from sidecar.terminal.slow_input import NothingComes, blocks

LARGEST_FILE = 1 << 20
"""Bytes. A token has one or two thousand, a policy at most 131072, an environment some ten thousand."""

LARGEST_DOCUMENT = 8 << 20
"""Bytes. `get-role` prints some thousand, `get-account-authorization-details` and `terraform show -json` millions."""

MOST_VALUES = 200_000
"""Of a document: each takes up to 350 bytes of memory once it is read."""


class BadArguments(Exception):
    """The command line cannot be used as it is."""


class FileTooLarge(BadArguments):
    """A file is longer than any of its kind."""


def read(path: str, flag: str) -> str:
    """The text of a file, or of standard input for `-`. Raises `BadArguments`."""
    return content(path, flag, LARGEST_FILE).decode("utf-8", "replace")


def read_document(path: str, flag: str) -> str:
    """The text of a larger file that any editor or shell may have written: with a byte order mark, or in UTF-16."""
    content_left = LARGEST_DOCUMENT
    pieces = []
    for piece in document_pieces(path, flag):
        pieces.append(piece)
        content_left -= len(piece)
        if content_left < 0:
            raise BadArguments(f"{flag}: {path} is larger than {LARGEST_DOCUMENT} bytes")
    text = "".join(pieces)
    if sum(map(text.count, "[{,")) > MOST_VALUES:
        raise BadArguments(f"{flag}: {path} has more than {MOST_VALUES} values")
    return text


def document_pieces(path: str, flag: str) -> Iterator[str]:
    """The same piece by piece, however long it is."""
    found = _reported(path, flag)
    first = b""
    while len(first) < len(codecs.BOM_UTF8) and (block := next(found, b"")):
        first += block
    encoding, mark = _encoding(first)
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    for block in chain((first[len(mark) :],), found):
        yield decoder.decode(block)
    yield decoder.decode(b"", final=True)


def content(path: str, flag: str, largest: int) -> bytes:
    """All that is in it. Raises `BadArguments`, for more than `largest` bytes `FileTooLarge`."""
    found = bytearray()
    for block in _reported(path, flag):
        found += block
        if len(found) > largest:
            raise FileTooLarge(f"{flag}: {path} is larger than {largest} bytes")
    return bytes(found)


def _reported(path: str, flag: str) -> Iterator[bytes]:
    try:
        yield from blocks(path, flag)
    except OSError as error:
        raise BadArguments(f"{flag}: {path} cannot be read ({error.strerror})") from None
    except NothingComes as problem:
        raise BadArguments(f"{flag}: {path}: {problem}") from None


def _encoding(first: bytes) -> tuple[str, bytes]:
    """What the text is encoded in, and the mark at its beginning."""
    for mark, encoding in _MARKS:
        if first.startswith(mark):
            return encoding, mark
    if first[1:2] == b"\0":  # PowerShell's, without a mark: JSON begins with a plain character
        return "utf-16-le", b""
    return "utf-8", b""


_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
