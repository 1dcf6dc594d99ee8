"""A fleet: sidecars as processes of their own, some healthy and some not, and applications that ask them."""

import contextlib
import os
import random
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from sidecar.lab.app import Lab
from tests.lab.worlds import ROLE
from tests.monitoring.labs import Plan
from tests.waiting import HANGS_AFTER

REGION = "us-east-1"
CHANCE = random.SystemRandom()  # Hypothesis seeds the other one: two runs at a time would meet
PORT = 19_711
"""Below the ports that the kernel gives to connections, so that none of them is in the way."""
NOBODY = "arn:aws:iam::111122223333:role/nobody"
PLANS = {
    "healthy": Plan(session_lifetime=12),  # refreshed every six seconds
    "slow": Plan(session_lifetime=20, faults=("slow",)),
    "stale": Plan(faults=("token-expired",)),
    "throttled": Plan(session_lifetime=16),  # the fault begins when all have credentials
}


@dataclass(frozen=True, slots=True)
class Pod:
    """Where one sidecar's ways are. `lab`: the world that it lives in."""

    name: str
    lab: str
    admin: str
    container: str
    imds: str

    def settings(self, world: Lab, directory: Path) -> dict[str, str]:
        return {
            "AWS_ROLE_ARN": NOBODY if self.name == "refused" else ROLE,
            "AWS_WEB_IDENTITY_TOKEN_FILE": str(world.token_file),
            "AWS_ENDPOINT_URL_STS": world.sts_url,
            "AWS_REGION": REGION,
            "SIDECAR_LISTEN": self.container,
            "SIDECAR_IMDS_LISTEN": self.imds,
            "SIDECAR_IMDS_V1": "true",
            "SIDECAR_CREDENTIALS_FILE": str(directory / f"{self.name}.credentials"),
            "SIDECAR_ADMIN_LISTEN": self.admin,
            "SIDECAR_GRACE": "0",
        }


def pods() -> tuple[Pod, ...]:
    """One of each kind, two that are throttled, and one that is gone: it will never be started."""
    kinds = {
        "healthy": "healthy",
        "refused": "healthy",
        "slow": "slow",
        "stale": "stale",
        "throttled-0": "throttled",
        "throttled-1": "throttled",
        "gone": "",
    }
    return tuple(_pod(name, lab, a_loopback_address()) for name, lab in kinds.items())


def _pod(name: str, lab: str, host: str) -> Pod:
    return Pod(name, lab, admin=f"{host}:{PORT}", container=f"{host}:{PORT + 1}", imds=f"{host}:{PORT + 2}")


def a_loopback_address() -> str:
    """One of sixteen million: Prometheus must know its targets before they run, and a free port may be gone by then."""
    return f"127.{CHANCE.randrange(1, 255)}.{CHANCE.randrange(256)}.{CHANCE.randrange(1, 255)}"


@contextmanager
def sidecars(fleet: tuple[Pod, ...], worlds: Mapping[str, Lab], directory: Path) -> Iterator[None]:
    """The fleet's processes, but for those that have no world to live in."""
    with ExitStack() as stack:
        for pod in fleet:
            if pod.lab:
                settings = pod.settings(worlds[pod.lab], directory)
                stack.enter_context(process([sys.executable, "-m", "sidecar", "serve"], settings, directory / pod.name))
        yield


@contextmanager
def process(command: list[str], settings: Mapping[str, str], log: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """A program until the block ends; what it says goes to a file."""
    environ = {"PATH": os.environ["PATH"], **settings}
    with (
        log.with_suffix(".log").open("wb") as said,
        subprocess.Popen(command, env=environ, stdout=said, stderr=said) as child,
    ):
        try:
            yield child
        finally:
            child.terminate()
            try:
                child.wait(10)
            except subprocess.TimeoutExpired:
                child.kill()


@contextmanager
def applications(fleet: tuple[Pod, ...]) -> Iterator[None]:
    """Programs that ask each pod a few times a second, as a new SDK, an old one, and one without a User-Agent."""
    done = threading.Event()

    def ask() -> None:
        while not done.wait(0.1):
            for pod in fleet:
                _ask(f"http://{pod.container}/v1/credentials", "python-urllib3/2.2.1")
                _ask(f"http://{pod.imds}/latest/meta-data/iam/security-credentials/", "Boto/2.49.0 Python/2.7.16")
                _ask(f"http://{pod.container}/nowhere", "")

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _ask(url: str, user_agent: str) -> None:
    request = urllib.request.Request(url, headers={"User-Agent": user_agent})
    with contextlib.suppress(OSError), urllib.request.urlopen(request, timeout=HANGS_AFTER) as answer:
        answer.read()


def until_it_answers(url: str, log: Path | None = None) -> None:
    """Wait for a 200; raises AssertionError with what the program has said."""
    deadline = time.monotonic() + HANGS_AFTER
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=HANGS_AFTER):
            return
        time.sleep(0.05)
    raise AssertionError(f"no answer from {url}: {log.read_text() if log else ''}")
