"""The image, built once."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.image.building import build
from tests.image.dockerfile import ROOT, stages
from tests.image.running import Image
from tests.needs import needs


@pytest.fixture(scope="session")
def image() -> Iterator[Image]:
    needs("bwrap", "ldd", "ldconfig", "dpkg-query")
    directory = Path(tempfile.mkdtemp(prefix="irsa-image-"))
    directory.chmod(0o755)  # the image's user goes through it
    try:
        yield Image(build(directory), stages((ROOT / "Dockerfile").read_text())[-1])
    finally:
        shutil.rmtree(directory)
