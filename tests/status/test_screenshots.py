"""The pictures in the docs are of the page as it is now."""

import re
from pathlib import Path

import pytest

from tests.status.scenes import SCENES
from tests.status.screenshots import IMAGES, PICTURES, drawn, drawn_from

DOCS = IMAGES.parent
SHOWN = {
    found
    for page in [*DOCS.glob("*.md"), DOCS.parent / "README.md"]
    for found in re.findall(r"images/(status-\w+)\.png", page.read_text())
}


@pytest.mark.parametrize("picture", PICTURES)
def test_a_picture_shows_what_the_page_prints_now(picture: str) -> None:
    scene, _ = PICTURES[picture]
    assert drawn(picture) == drawn_from(scene), "run `python -m tests.status.screenshots`"


def test_each_picture_is_shown_and_each_that_is_shown_is_drawn() -> None:
    assert SHOWN == set(PICTURES) == {Path(path).stem for path in IMAGES.glob("status-*.png")}


def test_the_words_below_the_healthy_picture_are_those_of_the_page() -> None:
    role = SCENES["healthy"]().status.readiness().role
    assert role.session is not None
    left, ahead = int(role.session.seconds_left // 60), int(role.next_attempt_in // 60)
    caption = f"![Healthy: {left} minutes left, the next refresh in {ahead}](images/status-healthy.png)"
    assert caption in (DOCS / "monitoring.md").read_text()
