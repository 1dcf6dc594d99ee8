"""One browser for all tests here: it takes longer to start than most of them to run."""

from collections.abc import Iterator

import pytest

from tests.needs import needs
from tests.status import axe
from tests.status.browser import Browser, a_browser


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    needs("chromium", "chromedriver")
    with a_browser() as driven:
        yield driven


@pytest.fixture(scope="session")
def axe_core() -> str:
    needs("npm")
    return axe.source()
