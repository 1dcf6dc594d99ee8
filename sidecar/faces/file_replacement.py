"""Puts new content in a file's place: whole at every moment, private, and synced where that can be done."""

import errno
import os
from collections.abc import Callable
from pathlib import Path

Refused = tuple[str, ...]
"""What a file system did not do for a file that is in place all the same."""
NOT_DONE_HERE = frozenset(
    {errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.ENOTTY, errno.EPERM, errno.EACCES, errno.EROFS}
)
"""How file systems say that they know no such thing: FUSE, NFS, SMB and 9p mounts do for permissions and syncing.
A full disk or a broken one says something else."""


def replace_file(path: Path, content: bytes, mode: int) -> Refused:
    """Put `content` at `path` at one stroke; gives what the file system refused of permissions and durability.

    Raises `OSError`, and then leaves nothing behind.
    """
    draft = path.with_name(f".{path.name}.irsa-sidecar")
    draft.unlink(missing_ok=True)  # of a process that was killed half-way
    try:
        refused = _write(draft, content, mode)
        draft.rename(path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise
    return (*refused, *unless_refused("to sync the directory", _sync_directory, path.parent))


def _write(draft: Path, content: bytes, mode: int) -> Refused:
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        return (
            *unless_refused(f"mode {mode:04o}", os.fchmod, file.fileno(), mode),  # whatever the umask says
            *unless_refused("to sync the file", os.fsync, file.fileno()),
        )


def unless_refused(what: str, call: Callable[..., None], *args: object) -> Refused:
    """Raises `OSError` for what is no lack of the file system's, but a failure."""
    try:
        call(*args)
    except OSError as error:
        if error.errno not in NOT_DONE_HERE:
            raise
        return (f"{what}: {os.strerror(error.errno)}",)
    return ()


def _sync_directory(path: Path) -> None:
    """A rename is durable once its directory is."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
