"""The state directory: its files, how they are written, and how a change is noticed."""

import fcntl
import os
import secrets
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

T = TypeVar("T")

PRIVATE = 0o600
PUBLIC = 0o644


@dataclass(frozen=True, slots=True)
class StateDirectory:
    """Paths below one directory. The processes that share it share the lab."""

    root: Path

    @property
    def iam(self) -> Path:
        """Providers and roles, for people to edit."""
        return self.root / "iam.yaml"

    @property
    def cluster(self) -> Path:
        """The service accounts whose tokens are projected, for people to edit."""
        return self.root / "cluster.yaml"

    @property
    def associations(self) -> Path:
        """Which service account has which role by EKS Pod Identity, for people to edit."""
        return self.root / "pod-identity.yaml"

    @property
    def keys(self) -> Path:
        return self.root / "keys"

    @property
    def session_key(self) -> Path:
        return self.root / "keys" / "session.key"

    @property
    def faults(self) -> Path:
        return self.root / "faults.json"

    @property
    def running(self) -> Path:
        """The addresses of the running lab."""
        return self.root / "running.json"

    def volume(self, namespace: str, service_account: str) -> Path:
        """The directory that a pod of this service account would mount."""
        return self.root / "projected" / namespace / service_account

    def create(self) -> None:
        """Creates the directories that do not exist."""
        self.root.mkdir(parents=True, exist_ok=True)
        self.keys.mkdir(mode=0o700, exist_ok=True)

    @contextmanager
    def for_one_lab(self) -> Iterator[None]:
        """Keeps a second lab out: it would replace the tokens by those of an issuer that the IAM file does not have.

        Raises `AlreadyRunning`.
        """
        with (self.root / "lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise AlreadyRunning(
                    f"another lab runs with the state directory {self.root}. Stop it, or give this one a directory and "
                    "ports of its own: --state DIR --issuer-listen, --sts-listen and --control-listen 127.0.0.1:0"
                ) from None
            yield


class AlreadyRunning(ValueError):
    """A lab has this state directory already."""


def write(path: Path, content: bytes, mode: int = PUBLIC) -> None:
    """Replaces a file atomically: a reader sees the old content or the new, never a part."""
    draft = _draft(path, content, mode)
    draft.rename(path)


def write_once(path: Path, content: Callable[[], bytes], mode: int) -> bytes:
    """The content of a file that is created on first use. If two processes race, one content counts for both."""
    if not path.exists():
        draft = _draft(path, content(), mode)
        try:
            os.link(draft, path)
        except FileExistsError:
            pass  # another process was faster, and its content counts
        finally:
            draft.unlink()
    return path.read_bytes()


def session_secret(state: StateDirectory) -> bytes:
    """The key under which sessions are issued; made on first use."""
    return write_once(state.session_key, lambda: secrets.token_bytes(32), PRIVATE)


class ReloadedFile(Generic[T]):
    """A parsed file, read again when it has changed."""

    def __init__(self, path: Path, read: Callable[[bytes], T]) -> None:
        self.path = path
        self._read = read
        self._stamp: object = None
        self._value: T | None = None

    def current(self) -> T:
        """Raises what parsing raises, and tries again at each call until it succeeds."""
        stamp = stamp_of(self.path)
        if self._value is None or stamp != self._stamp:
            self._value = self._read(self.path.read_bytes() if stamp else b"")
            self._stamp = stamp
        return self._value


def stamp_of(path: Path) -> object:
    """A value that changes when the file is written; None if there is no file."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


def _draft(path: Path, content: bytes, mode: int) -> Path:
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        os.fchmod(file.fileno(), mode)
    return Path(name)
