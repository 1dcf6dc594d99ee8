"""Waiting for signals as Linux does it, and as macOS can: the same from outside."""

import subprocess
import sys

import pytest

from tests.waiting import HANGS_AFTER

ALONE = """
import os, signal, subprocess, time
from sidecar.client import signals
from sidecar.client.exec import run
usual = signal.SIGUSR1
"""
"""How each test begins, in a process of its own: a signal goes to any thread, and pytest may have several."""


@pytest.fixture(params=["", "del signal.sigtimedwait\n"], ids=["linux", "macos"])
def beginning(request: pytest.FixtureRequest) -> str:
    return ALONE + str(request.param)


def alone(script: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", script], check=False, capture_output=True, text=True, timeout=HANGS_AFTER
    )
    assert done.returncode == 0, done.stderr


def test_a_signal_that_came_before_the_wait_is_caught(beginning: str) -> None:
    alone(f"""{beginning}
with signals.blocked({{usual}}):
    os.kill(os.getpid(), usual)
    assert signals.wait({{usual}}, 10) == (usual, False)
""")


def test_the_wait_ends_with_a_child(beginning: str) -> None:
    alone(f"""{beginning}
with signals.blocked({{signal.SIGCHLD}}), subprocess.Popen(["sleep", "0.05"]):
    assert signals.wait({{signal.SIGCHLD}}, 10) == (signal.SIGCHLD, False)
""")


def test_without_a_signal_the_wait_ends_in_time(beginning: str) -> None:
    alone(f"""{beginning}
with signals.blocked({{usual}}):
    for seconds in (0.03, 0, -1):
        started = time.monotonic()
        assert signals.wait({{usual}}, seconds) is None
        assert time.monotonic() - started >= seconds
""")


def test_mask_and_actions_are_as_before(beginning: str) -> None:
    alone(f"""{beginning}
def now(): return signal.pthread_sigmask(signal.SIG_BLOCK, []), signal.getsignal(signal.SIGCHLD)
before = now()
with signals.blocked({{signal.SIGCHLD}}) as mask:
    assert mask == before[0]
assert now() == before
""")


def test_a_program_runs_to_its_end_and_starts_with_usual_actions(beginning: str) -> None:
    alone(f"""{beginning}
ends = "kill -WINCH $$; kill -TERM $$"
assert run(["sh", "-c", ends], os.environ, time.time() + 3600) == 128 + signal.SIGTERM
""")
