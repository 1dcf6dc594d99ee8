"""The version is written in one place, and everything else that names it follows."""

import re
from pathlib import Path

import pytest

from sidecar import __version__
from tools import version


@pytest.mark.parametrize("path", list(version.files()), ids=lambda path: str(path.relative_to(version.ROOT)))
def test_it_is_the_codes(path: Path) -> None:
    assert version.written(path) == path.read_text(), "run `make docs`"


def test_a_file_of_another_version_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(version, "__version__", "9.9.9")
    stale = {
        path.relative_to(version.ROOT).as_posix()
        for path in version.files()
        if version.written(path) != path.read_text()
    }
    assert {"Dockerfile", "README.md", "manifests/pod.yaml", "manifests/examples/job/kustomization.yaml"} <= stale


def test_no_manifest_names_another_version_of_ours() -> None:
    manifests = [path for path in version.files() if path.suffix == ".yaml"]
    named = [found for path in manifests for found in re.findall(r"irsa-sidecar[:@](\S+)", path.read_text())]
    assert named
    assert set(named) == {__version__}
