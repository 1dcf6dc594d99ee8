"""Draws the pictures of the status page in the docs again: `python -m tests.status.screenshots [DIRECTORY]`.

Given a directory, it draws every scene there, whole, in light, in dark and as a phone shows it: for the eye of whoever
changes the page.
"""

import hashlib
import io
import sys
from pathlib import Path

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from sidecar.admin.page import page
from tests.status.browser import DESKTOP, PHONE, Browser, a_browser
from tests.status.scenes import SCENES
from tests.status.serving import a_stage

IMAGES = Path(__file__).parent.parent.parent / "docs" / "images"
PICTURES = {"status-healthy": ("healthy", False), "status-degraded": ("failing", True)}
VIEWS = {"light": (False, DESKTOP), "dark": (True, DESKTOP), "phone": (False, PHONE)}
END_OF_REFRESHES = "return document.querySelector('.latencies').closest('section').getBoundingClientRect().bottom"
COLOURS = 192
DRAWN_FROM = "Drawn-From"


def pictures(browser: Browser) -> None:
    for name, (scene, dark) in PICTURES.items():
        with a_stage(SCENES[scene]()) as url:
            browser.open(url, dark=dark)
            browser.resize(DESKTOP[0], int(browser.run(END_OF_REFRESHES)))
            _save(browser, IMAGES / f"{name}.png", scene)


def everything(browser: Browser, directory: Path) -> None:
    for scene, make in SCENES.items():
        for view, (dark, size) in VIEWS.items():
            with a_stage(make()) as url:
                browser.open(url, dark=dark, size=size)
                browser.show_all()
                _save(browser, directory / f"{scene}-{view}.png", scene)


def drawn_from(scene: str) -> str:
    """What a picture is of: a digest of all that the page prints above the section that it ends at."""
    html = page(SCENES[scene]().status.snapshot()).decode()
    return hashlib.sha256(html.partition("<h2>Token</h2>")[0].encode()).hexdigest()


def drawn(picture: str) -> str:
    """The digest of what the picture in the docs was drawn from."""
    with Image.open(IMAGES / f"{picture}.png") as image:
        return str(image.info.get(DRAWN_FROM, ""))


def _save(browser: Browser, path: Path, scene: str) -> None:
    """With few colours: a third of the size, and nobody sees the difference."""
    path.parent.mkdir(parents=True, exist_ok=True)
    about = PngInfo()
    about.add_text(DRAWN_FROM, drawn_from(scene))
    image = Image.open(io.BytesIO(browser.screenshot())).convert("RGB").quantize(COLOURS)
    image.save(path, optimize=True, pnginfo=about)


if __name__ == "__main__":
    with a_browser() as driven:
        everything(driven, Path(sys.argv[1])) if sys.argv[1:] else pictures(driven)
