"""A real Chromium without a window, driven by Selenium, and what it did and complained of."""

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.support.ui import WebDriverWait

from tests.waiting import HANGS_AFTER

DESKTOP, PHONE = (1000, 900), (360, 740)
ARGUMENTS = (
    *("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--hide-scrollbars"),
    # Nothing of its own on the network, and colours that do not depend on the machine.
    *("--disable-background-networking", "--disable-component-update", "--no-first-run", "--force-color-profile=srgb"),
)
TEXT = """
const place = document.querySelector(arguments[0]);
return place?.checkVisibility() ? (place.innerText ?? place.textContent) : "";
"""


class Browser:
    """One tab."""

    def __init__(self, driver: Chrome) -> None:
        self.driver = driver

    def open(self, url: str, *, dark: bool = False, size: tuple[int, int] = DESKTOP, script: bool = True) -> None:
        """Load a page, with everything about earlier ones forgotten."""
        self.driver.get("about:blank")
        self._forget()
        scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self._do("Emulation.setEmulatedMedia", features=scheme)
        self._do("Emulation.setScriptExecutionDisabled", value=not script)
        self.resize(*size)
        self.driver.get(url)

    def resize(self, width: int, height: int) -> None:
        phone = width < 500
        self._do("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=phone)

    def run(self, script: str, *arguments: Any) -> Any:
        """Run JavaScript in the page, as its console would."""
        return self.driver.execute_script(script, *arguments)

    def run_async(self, script: str, *arguments: Any) -> Any:
        """The same for a script that calls its last argument when it is done."""
        return self.driver.execute_async_script(script, *arguments)

    def text(self, selector: str) -> str:
        """What a reader sees there: nothing, if it is hidden."""
        found: str = self.run(TEXT, selector)
        return found

    def until(self, selector: str, *wanted: str) -> str:
        """What a reader sees there, once it holds all that is wanted."""

        def seen(_: object) -> str | None:
            text = self.text(selector)
            return text if all(part in text for part in wanted) else None

        found = WebDriverWait(self.driver, HANGS_AFTER, 0.05).until(seen, f"{selector} never showed {wanted}")
        assert found
        return found

    def complaints(self) -> list[str]:
        """What the console shows: violated policies, errors, answers that were none."""
        return [entry["message"] for entry in self._log("browser")]

    def requests(self) -> list[str]:
        """The URL of every request since the page was opened."""
        told = (json.loads(entry["message"])["message"] for entry in self._log("performance"))
        return [each["params"]["request"]["url"] for each in told if each["method"] == "Network.requestWillBeSent"]

    def show_all(self) -> None:
        """Make the window as high as the page."""
        self.resize(*self.run("return [innerWidth, document.documentElement.scrollHeight]"))

    def screenshot(self) -> bytes:
        """What is in view, as PNG."""
        return self.driver.get_screenshot_as_png()

    def _forget(self) -> None:
        for name in ("browser", "performance"):
            self._log(name)

    def _log(self, name: str) -> list[dict[str, Any]]:
        """What was written to it since it was last read."""
        written: list[dict[str, Any]] = self.driver.get_log(name)  # type: ignore[no-untyped-call] # Selenium's gap
        return written

    def _do(self, command: str, **parameters: Any) -> Mapping[str, Any]:
        answer: Mapping[str, Any] = self.driver.execute_cdp_cmd(command, parameters)
        return answer


def _path(program: str) -> str:
    """Said outright, for Selenium would else look for a driver on the internet."""
    found = shutil.which(program)
    assert found, program
    return found


@contextmanager
def a_browser() -> Iterator[Browser]:
    """Needs `chromium` and `chromedriver`. Takes a second or two to start: have one for many pages."""
    options = ChromeOptions()
    options.binary_location = _path("chromium")
    for argument in ARGUMENTS:
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = Chrome(options, Service(_path("chromedriver")))
    try:
        yield Browser(driver)
    finally:
        driver.quit()
