"""What the Makefile installs is the lock, on any day: whatever the index offers by then."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.install.index import Release, publish

ROOT = Path(__file__).parent.parent.parent

LOCKED = (
    Release("runner", "1.0", requires=("measure[toml]>=1", "plain")),
    Release("measure", "1.0", extras=(("toml", "reader"),)),
    Release("reader", "1.0"),
    Release("plain", "1.0"),
)
NEWER = tuple(Release(each.name, "2.0", each.requires, each.extras) for each in LOCKED)
BACKEND = """
import pathlib
from index import Release, write_wheel

def build_editable(directory, config_settings=None, metadata_directory=None):
    ours = Release("irsa_sidecar", "0", requires=("runner",))
    write_wheel(ours, pathlib.Path(directory) / ours.wheel)
    return ours.wheel
"""
"""Builds a project as small as those wheels, by itself: hatchling is not on the index."""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Our Makefile in a checkout whose lock is the first releases; the index behind it has newer ones too."""
    checkout = tmp_path / "checkout"
    (checkout / "requirements").mkdir(parents=True)
    shutil.copy(ROOT / "Makefile", checkout)
    shutil.copy(Path(__file__).parent / "index.py", checkout)
    (checkout / "backend.py").write_text(BACKEND)
    (checkout / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    )
    lines = publish((*LOCKED, *NEWER), tmp_path / "simple")
    for name in ("demo", "dev"):
        (checkout / f"requirements/{name}.txt").write_text("".join(lines[each] for each in LOCKED))
    return checkout


@pytest.mark.timeout(120)
def test_the_locked_releases_are_taken_though_newer_ones_are_offered(project: Path) -> None:
    made = make(project, ".venv/.demo", ".venv/.dev")
    assert made.returncode == 0, made.stdout + made.stderr
    assert installed(project) == {each.name: each.version for each in LOCKED} | {"irsa_sidecar": "0"}


@pytest.mark.timeout(120)
def test_a_lock_that_lacks_a_package_is_told_by_its_name(project: Path) -> None:
    lock = project / "requirements/dev.txt"
    lock.write_text("".join(line for line in lock.read_text().splitlines(True) if not line.startswith("plain")))
    made = make(project, ".venv/.dev")
    assert made.returncode != 0
    assert "runner 1.0 requires plain, which is not installed" in made.stdout
    assert not (project / ".venv/.dev").exists()


def make(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    index = (project.parent / "simple").as_uri()
    others = {key: value for key, value in os.environ.items() if not key.startswith(("PIP_", "MAKE", "MFLAGS"))}
    own = {"PIP_INDEX_URL": index, "PIP_CONFIG_FILE": os.devnull, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    words = ["make", f"PYTHON={sys.executable}", *arguments]
    return subprocess.run(words, cwd=project, env=others | own, check=False, capture_output=True, text=True)


def installed(project: Path) -> dict[str, str]:
    """Name and version of each package but pip and what a new .venv brings."""
    homes = (project / ".venv").glob("lib/python*/site-packages/*.dist-info")
    pairs = (home.name.removesuffix(".dist-info").split("-") for home in homes)
    return {name: version for name, version in pairs if name not in {"pip", "setuptools"}}


def test_every_command_that_installs_a_lock_takes_it_as_it_is() -> None:
    """The others than the Makefile's: the image's, the clients', the peers', checkov's."""
    command = ["git", "grep", "-Fe", "--require-hashes", "--", ":!tests/install", ":!tests/image/test_*"]
    found = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.splitlines()
    assert {line.partition(":")[0] for line in found} >= {"Makefile", "Dockerfile", "bench/install.py"}
    assert [line for line in found if "--no-deps" not in line] == []
