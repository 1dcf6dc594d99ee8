"""Our Makefile in a checkout as small as can be, before an index of its own."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.install.index import Release, publish

ROOT = Path(__file__).parent.parent.parent

LOCKED = (
    Release("runner", "1.0", requires=("measure[toml]>=1", "plain")),
    Release("measure", "1.0", extras=(("toml", "reader"),)),
    Release("reader", "1.0"),
    Release("plain", "1.0"),
)
NEWER = tuple(Release(each.name, "2.0", each.requires, each.extras) for each in LOCKED)
NEEDY = Release("runner", "3.0", requires=("absent",))

BUILD = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
BACKEND = """
import pathlib
from index import Release, write_wheel

OURS = Release("irsa_sidecar", "0", requires=("runner",))

def build_editable(directory, config_settings=None, metadata_directory=None):
    write_wheel(OURS, pathlib.Path(directory) / OURS.wheel)
    return OURS.wheel

def build_wheel(directory, config_settings=None, metadata_directory=None):
    write_wheel(OURS, pathlib.Path(directory) / OURS.wheel, "sidecar/__init__.py")
    return OURS.wheel
"""
"""Builds the project by itself: hatchling is not on the index."""


class Project:
    """A checkout in `home`. Its index has all releases."""

    def __init__(self, home: Path) -> None:
        self.home = home / "checkout"
        self.venv = self.home / ".venv"
        self._index = home / "simple"
        self._lines = publish((*LOCKED, *NEWER, NEEDY), self._index)
        (self.home / "requirements").mkdir(parents=True)
        shutil.copy(ROOT / "Makefile", self.home)
        shutil.copy(Path(__file__).parent / "index.py", self.home)
        (self.home / "backend.py").write_text(BACKEND)
        (self.home / "pyproject.toml").write_text(BUILD)

    def lock(self, name: str, *releases: Release) -> None:
        (self.home / f"requirements/{name}.txt").write_text("".join(self._lines[each] for each in releases))

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run `command` here, in an environment that configures neither pip nor another make."""
        kept = {key: text for key, text in os.environ.items() if not key.startswith(("PIP_", "MAKE", "MFLAGS"))}
        pip = {"PIP_INDEX_URL": self._index.as_uri(), "PIP_CONFIG_FILE": os.devnull}
        environ = kept | pip | {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PATH": self._path()}
        return subprocess.run(command, cwd=self.home, env=environ, check=False, capture_output=True, text=True)

    def installed(self) -> dict[str, str]:
        """Name and version of each package but those that a new .venv brings."""
        homes = self.venv.glob("lib/python*/site-packages/*.dist-info")
        pairs = (home.name.removesuffix(".dist-info").split("-") for home in homes)
        return {name: version for name, version in pairs if name not in {"pip", "setuptools"}}

    def _path(self) -> str:
        """`python3` is the Python that runs the tests."""
        return f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
