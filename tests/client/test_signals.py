"""Waiting for signals as Linux does it, and as macOS can: the same from outside."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator

import pytest

from sidecar.client import signals
from sidecar.client.exec import run

USUAL = signal.SIGUSR1
IN_AN_HOUR = time.time() + 3600


@pytest.fixture(autouse=True, params=["sigtimedwait", "without"])
def _system(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "without":
        monkeypatch.delattr(signal, "sigtimedwait", raising=False)


@pytest.fixture
def mask() -> Iterator[set[signal.Signals | int]]:
    with signals.blocked({USUAL, signal.SIGCHLD}) as before:
        yield before


@pytest.mark.usefixtures("mask")
def test_a_signal_that_came_before_the_wait_is_caught() -> None:
    os.kill(os.getpid(), USUAL)
    assert signals.wait({USUAL}, 10) == (USUAL, False)


@pytest.mark.usefixtures("mask")
def test_the_wait_ends_with_a_child() -> None:
    with subprocess.Popen(["sleep", "0.05"]):
        assert signals.wait({signal.SIGCHLD}, 10) == (signal.SIGCHLD, False)


@pytest.mark.usefixtures("mask")
@pytest.mark.parametrize("seconds", [0.03, 0, -1])
def test_without_a_signal_the_wait_ends_in_time(seconds: float) -> None:
    started = time.monotonic()
    assert signals.wait({USUAL}, seconds) is None
    assert time.monotonic() - started >= seconds


def test_mask_and_actions_are_as_before() -> None:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, []), signal.getsignal(signal.SIGCHLD)
    with signals.blocked({signal.SIGCHLD}) as mask:
        assert mask == before[0]
    assert (signal.pthread_sigmask(signal.SIG_BLOCK, []), signal.getsignal(signal.SIGCHLD)) == before


def test_a_program_runs_to_its_end_and_starts_with_usual_actions() -> None:
    ends = "kill -WINCH $$; kill -TERM $$"
    assert run(["sh", "-c", ends], os.environ, IN_AN_HOUR) == 128 + signal.SIGTERM
