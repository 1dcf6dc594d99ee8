"""The image, built once, and as a container in a pod."""

import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from tempfile import mkdtemp

import pytest

from sidecar.lab.app import Lab, running
from sidecar.lab.settings import LabSettings
from tests.image.building import build
from tests.image.dockerfile import ROOT, stages
from tests.image.published import TOKENS, pod_variables
from tests.image.running import Image, Volume
from tests.lab.worlds import FREE
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


@pytest.fixture
async def lab(image: Image) -> AsyncIterator[Lab]:
    state = Path(mkdtemp(prefix="lab-", dir=image.root.parent))
    state.chmod(0o755)  # the image's user goes through it
    async with running(LabSettings(state, FREE, FREE, FREE)) as lab:
        yield lab


@pytest.fixture
def container(image: Image, lab: Lab, tmp_path: Path) -> Image:
    """The image in a pod, as manifests/pod.yaml has it, with the lab for AWS."""
    return image.container(Volume(lab.token_file.parent, TOKENS), **pod_variables(lab))
