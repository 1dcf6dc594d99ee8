"""Draws the pictures of the status page in the docs again: `python -m tests.status.screenshots [DIRECTORY]`.

Given a directory, it draws every scene there, whole, in light, in dark and as a phone shows it: for the eye of whoever
changes the page.
"""

import io
import sys
from pathlib import Path

from PIL import Image

from tests.status.browser import DESKTOP, PHONE, Browser, a_browser
from tests.status.scenes import SCENES
from tests.status.serving import a_stage

IMAGES = Path(__file__).parent.parent.parent / "docs" / "images"
PICTURES = {"status-healthy": ("healthy", False), "status-degraded": ("failing", True)}
VIEWS = {"light": (False, DESKTOP), "dark": (True, DESKTOP), "phone": (False, PHONE)}
END_OF_REFRESHES = "return document.querySelector('.latencies').closest('section').getBoundingClientRect().bottom"
COLOURS = 192


def pictures(browser: Browser) -> None:
    for name, (scene, dark) in PICTURES.items():
        with a_stage(SCENES[scene]()) as url:
            browser.open(url, dark=dark)
            browser.resize(DESKTOP[0], int(browser.run(END_OF_REFRESHES)))
            _save(browser, IMAGES / f"{name}.png")


def everything(browser: Browser, directory: Path) -> None:
    for scene, make in SCENES.items():
        for view, (dark, size) in VIEWS.items():
            with a_stage(make()) as url:
                browser.open(url, dark=dark, size=size)
                browser.show_all()
                _save(browser, directory / f"{scene}-{view}.png")


def _save(browser: Browser, path: Path) -> None:
    """With few colours: a third of the size, and nobody sees the difference."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.open(io.BytesIO(browser.screenshot())).convert("RGB").quantize(COLOURS).save(path, optimize=True)


if __name__ == "__main__":
    with a_browser() as driven:
        everything(driven, Path(sys.argv[1])) if sys.argv[1:] else pictures(driven)
