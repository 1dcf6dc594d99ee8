"""Replaces the files of a volume as the kubelet does: all at once, by exchanging one symbolic link.

    token   -> ..data/token                        created once
    ..data  -> ..2026_11_23_06_01_00.1234567890    exchanged by rename
    ..2026_11_23_06_01_00.1234567890/token         the content

Source: Kubernetes pkg/volume/util/atomic_writer.go.
"""

import os
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

DATA = "..data"
DRAFT = "..data_tmp"


@dataclass(frozen=True, slots=True)
class Access:
    """Mode, owner and group of a projected file; -1 keeps the owner or group of the writing process."""

    mode: int = 0o644
    owner: int = -1
    group: int = -1


def replace_files(volume: Path, files: Mapping[str, bytes], now: float, access: Access | None = None) -> bool:
    """Writes all files; False, and nothing touched, if they already are as given. `now` names the new directory.

    Raises ValueError for a name that the kubelet refuses, and PermissionError if this process may not give files to
    that owner or group.
    """
    for name in files:
        _check_name(name)
    volume.mkdir(parents=True, exist_ok=True)
    before = _payload(volume)
    if before is not None and _content(before) == dict(files):
        return False
    payload = _write_payload(volume, files, now, access or Access())
    for name in files:
        visible = volume / name
        if not visible.is_symlink():
            visible.symlink_to(Path(DATA) / name)
    draft = volume / DRAFT
    draft.unlink(missing_ok=True)
    draft.symlink_to(payload.name)
    draft.rename(volume / DATA)
    if before is not None:
        _remove_vanished(volume, before, files)
        shutil.rmtree(before)
    return True


def _check_name(name: str) -> None:
    """Plain file names only: the lab projects no directories."""
    if not name or name.startswith("..") or "/" in name or len(name) > 255:  # noqa: PLR2004 (NAME_MAX)
        raise ValueError(f"{name!r} cannot be projected: a plain file name that does not start with two dots can.")


def _payload(volume: Path) -> Path | None:
    """Where `..data` leads; None before the first write, or if its target was removed."""
    link = volume / DATA
    return link.resolve() if link.is_dir() else None


def _content(payload: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in payload.iterdir()}


def _write_payload(volume: Path, files: Mapping[str, bytes], now: float, access: Access) -> Path:
    stamp = datetime.fromtimestamp(now, UTC).strftime("..%Y_%m_%d_%H_%M_%S")
    payload = volume / f"{stamp}.{secrets.randbelow(10**10)}"
    payload.mkdir()
    payload.chmod(0o755)  # whatever the umask says
    for name, content in files.items():
        descriptor = os.open(payload / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            os.fchown(file.fileno(), access.owner, access.group)
            os.fchmod(file.fileno(), access.mode)
    return payload


def _remove_vanished(volume: Path, before: Path, files: Mapping[str, bytes]) -> None:
    for path in before.iterdir():
        if path.name not in files:
            (volume / path.name).unlink(missing_ok=True)
