"""The token that an application presents to the sidecar: its allowed form, and reading it from a file."""

from sidecar.core.regular_file import read_projected

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path

MAXIMUM_TOKEN_LENGTH = 4096
"""Characters of an authorization token."""


def read_token(file: "Path") -> str:
    """The token in `file`. Raises `OSError`, or `ValueError` (without the content) for what no header can carry."""
    content = read_projected(file, MAXIMUM_TOKEN_LENGTH + 1)
    return checked_token(content.decode("ascii", "replace").strip())


def checked_token(token: str) -> str:
    """`token`, if a client can send it in a header. Raises `ValueError`, which never quotes it."""
    if not token:
        raise ValueError("it is empty")
    if token != token.strip():
        raise ValueError("it begins or ends with white space, which clients do not send")
    if len(token) > MAXIMUM_TOKEN_LENGTH:
        raise ValueError(f"it is longer than {MAXIMUM_TOKEN_LENGTH} characters")
    if not (token.isascii() and token.isprintable()):
        raise ValueError("it contains characters that HTTP headers do not allow")
    return token
