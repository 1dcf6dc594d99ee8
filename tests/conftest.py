"""Fixtures for every test: Hypothesis's manners, the environment, and the net that catches secrets."""

import logging
import os
import resource
import traceback
from collections.abc import Iterator, MutableMapping

import pytest
from hypothesis import settings

from tests.doubles import CANARIES
from tests.log_catalogue import Listener

LONG = (
    "tests/kubernetes/test_ordering.py",
    "tests/kubernetes",
    "tests/e2e",
    "tests/other_sts/test_servers.py",
    "tests/monitoring",
    "tests/lab/test_docs.py",
    "tests/inject/test_properties.py",
    "tests/image",
    "tests/status",
    "tests/install",
    "tests/macos",
)

LEFT_OUT = ("AWS_", "SIDECAR_", "KUBERNETES_", "PYTHONHASHSEED")
"""What the machine's environment has of these is for other programs; tests set what they need."""
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")
OPEN_FILES = 4096
"""Of which some tests need more than the usual 1024."""


def make_our_own(environ: MutableMapping[str, str]) -> None:
    """Whatever is set on this machine, the tests see the same; downloads still go by its proxy, loopback does not."""
    for name in [name for name in environ if name.startswith(LEFT_OUT)]:
        del environ[name]
    if any(name in environ for name in PROXIES):
        environ["NO_PROXY"] = environ["no_proxy"] = f"127.0.0.1,localhost,::1,{environ.get('NO_PROXY', '')}"


def allow_open_files() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


make_our_own(os.environ)
allow_open_files()

# The same examples in every run: a test that fails now and then teaches people to press the button again.
settings.register_profile("house", derandomize=True, deadline=None)
settings.load_profile("house")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that take long begin: of several workers, none shall be left with one of them at the end."""
    items.sort(key=_turn)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One more than there are processors, up to four: tests wait for processes and clocks half of their time."""
    return min(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1, 3) + 1


def _turn(item: pytest.Item) -> int:
    return next((turn for turn, name in enumerate(LONG) if item.nodeid.startswith(name)), len(LONG))


class Canary(logging.Handler):
    """Remembers every text that somebody could read: each log record whole, and what it is shown with `saw`."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts += [logging.Formatter().format(record), repr(vars(record))]

    def saw(self, *things: object) -> None:
        """Show it values and errors: their str, repr and traceback must be clean."""
        for thing in things:
            self.texts += [repr(thing), str(thing)]
            if isinstance(thing, BaseException):
                self.texts += [repr(vars(thing)), *traceback.format_exception(thing)]

    def caught(self) -> list[str]:
        """The texts that hold a secret."""
        return [text for text in self.texts if any(canary in text for canary in CANARIES)]


@pytest.fixture
def canary() -> Iterator[Canary]:
    """Listens to all logging while the test runs, and fails it if a secret was heard or `saw`n."""
    net, root = Canary(), logging.getLogger()
    level = root.level
    root.addHandler(net)
    root.setLevel(logging.DEBUG)
    yield net
    root.setLevel(level)
    root.removeHandler(net)
    assert net.caught() == []


@pytest.fixture(autouse=True)
def lines_are_catalogued() -> Iterator[None]:
    """Whatever the sidecar logs in any test is in docs/logs.md, with the fields that stand there."""
    listener, logger = Listener(), logging.getLogger("sidecar")
    logger.addHandler(listener)
    logger.setLevel(logging.INFO)
    yield
    logger.setLevel(logging.NOTSET)
    logger.removeHandler(listener)
    assert listener.complaints == []
