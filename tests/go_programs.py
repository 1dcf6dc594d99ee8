"""Programs that tests need, made from Go modules once for each state of their locks, and kept in `.cache`."""

# ruff: noqa: T201 (they are made from command lines, which print)
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.built_once import one_process_at_a_time

CACHE = Path(__file__).parents[1] / ".cache"
FETCH = ("go", "mod", "download", "-modcacherw")
BUILD = (
    *("go", "build", "-mod=readonly", "-modcacherw", "-buildvcs=false", "-trimpath", "-ldflags=-s -w"),
    # Not optimised: that saves a third of the build, and costs a large server three seconds when it starts.
    "-gcflags=all=-N -l",
)


@dataclass(frozen=True, slots=True)
class GoProgram:
    """`source`: a folder with a go.mod, a go.sum and perhaps a main.go. `folder`: where in `.cache` it is kept.

    `package`: what is built, of what that module has or requires.
    """

    name: str
    source: Path
    folder: str
    package: str = "."

    @property
    def _folder(self) -> Path:
        return CACHE / self.folder

    @property
    def binary(self) -> Path:
        """Where the program is, or will be: another state of the sources is another place."""
        digest = hashlib.sha256(platform.machine().encode())
        for name in ("go.mod", "go.sum", "main.go"):
            path = self.source / name
            digest.update(path.read_bytes() if path.exists() else b"")
        return self._folder / digest.hexdigest()[:16] / self.name

    def build(self) -> bool:
        """Make it, if it is not there. False if it cannot be made; what is wrong is printed."""
        return build_together(self)

    def built(self) -> bool:
        """The same without the lock, and without the end that `build_together` makes of what was downloaded."""
        if self.binary.exists():
            return True
        if shutil.which("go") is None:
            print(f"{self.name} is built with Go 1.26 or newer: install it (https://go.dev/dl).", file=sys.stderr)
            return False
        print(f"building {self.name}: once", flush=True)
        started = time.monotonic()
        self._folder.mkdir(parents=True, exist_ok=True)
        draft = self._folder / "draft"
        fetched = self._does(FETCH) or self._does(FETCH)  # Go itself tries no download again
        if not fetched or not self._does((*BUILD, "-o", str(draft), self.package)):
            return False
        self.binary.parent.mkdir(exist_ok=True)
        draft.rename(self.binary)
        print(f"built in {time.monotonic() - started:.0f} s, {self.binary.stat().st_size >> 20} MiB")
        return True

    def _does(self, step: Sequence[str]) -> bool:
        done = subprocess.run(step, cwd=self.source, env=os.environ | self._caches(), check=False)
        return done.returncode == 0

    def _caches(self) -> dict[str, str]:
        """Kept only until the program is there, so that a build that was cut short goes on where it was."""
        modules, objects = self._folder / "modules", self._folder / "objects"
        return {"GOMODCACHE": str(modules), "GOCACHE": str(objects), "CGO_ENABLED": "0", "GOFLAGS": ""}


def build_together(*programs: GoProgram) -> bool:
    """Make those that are not there, of one folder: what they have in common is downloaded and compiled once.

    False if one cannot be made; what is wrong is printed.
    """
    folder = CACHE / programs[0].folder
    with one_process_at_a_time(folder):
        if all(program.binary.exists() for program in programs):
            return True
        if not all(program.built() for program in programs):
            return False
        _keep({program.binary.parent for program in programs}, folder)
    return True


def _keep(finished: set[Path], folder: Path) -> None:
    """The finished programs, and nothing else: sources and objects of 2 GB have done their work."""
    for found in set(folder.iterdir()) - finished:
        if found.is_dir():
            shutil.rmtree(found)
