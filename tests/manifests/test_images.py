"""No manifest runs what somebody else can change: others' images are named by digest, ours by version."""

import re

import pytest

from sidecar import __version__
from tests.image.dockerfile import arguments
from tests.manifests.rendering import MANIFESTS, ROOT, files

DIGEST = r"\S+:\S+@sha256:[0-9a-f]{64}"
OURS = rf"(\S+/)?irsa-sidecar:{re.escape(__version__)}"
MERGED = {"any", "app"}
"""Names in patches that kustomize merges into a container that has an image."""
RENDERED = "manifests/examples/harbor/chart/rendered.yaml"
"""What Harbor's own chart renders: it stands for what users have."""
USED = [
    pytest.param(image, id=f"{path.relative_to(ROOT)}: {image[:40]}")
    for path in files()
    if path.relative_to(ROOT).as_posix() != RENDERED
    for image in re.findall(r"^\s*(?:- )?image: [\"']?([^\s\"']+)", path.read_text(), re.MULTILINE)
    if image not in MERGED and "{{" not in image
]


@pytest.mark.parametrize("image", USED)
def test_an_image_is_ours_by_version_or_another_by_digest(image: str) -> None:
    assert re.fullmatch(f"{DIGEST}|{OURS}", image)


def test_the_base_image_is_named_by_digest() -> None:
    assert re.fullmatch(DIGEST, arguments((ROOT / "Dockerfile").read_text())["BASE"])


def test_the_pages_show_the_same_images_as_the_manifests() -> None:
    tested = {image for path in files() for image in re.findall(r"\S+@sha256:[0-9a-f]{64}", path.read_text())}
    shown = {
        image
        for page in (ROOT / "docs").glob("*.md")
        for image in re.findall(r"image: (\S+@sha256:[0-9a-f]{64})", page.read_text())
    }
    assert shown <= tested
    assert MANIFESTS.is_dir()
