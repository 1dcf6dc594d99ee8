"""An authorization token that the sidecar makes, for an application to read: in a volume that they alone share."""

import contextlib
import os
import secrets
from pathlib import Path

from sidecar.core.authorization_token import read_token
from sidecar.faces.file_replacement import unless_refused

BYTES = 32
"""Of chance, as base64url: 43 characters."""


def read_or_make_token(file: Path, mode: int) -> str:
    """The token in `file`, which gets one where it is not there. Raises `OSError`, and `ValueError` for what no header
    can carry.
    """
    with contextlib.suppress(FileNotFoundError):
        return read_token(file)
    with contextlib.suppress(FileExistsError):  # somebody else was quicker: theirs it is
        _make(file, secrets.token_urlsafe(BYTES), mode)
    return read_token(file)


def _make(file: Path, token: str, mode: int) -> None:
    """Whole from its first moment, and never in the place of another: a link fails where there is something, be it a
    symlink that leads nowhere. Nobody can open the draft before it has its mode.
    """
    draft = file.with_name(f".{file.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(descriptor, "w") as writing:
            writing.write(token)
            writing.flush()
            os.fchmod(descriptor, mode)  # whatever the umask says
            unless_refused("to sync the file", os.fsync, descriptor)
        if unless_refused("to link", os.link, draft, file):
            _rename_without_replacing(draft, file)
    finally:
        draft.unlink(missing_ok=True)


def _rename_without_replacing(draft: Path, file: Path) -> None:
    """For file systems without links. The place is taken first: for an instant an empty file is there, and no token."""
    os.close(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600))
    draft.replace(file)
