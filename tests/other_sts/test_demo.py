"""`make demo STS=versitygw`, as it is typed."""

import subprocess
import sys

from tests.other_sts.conftest import what_a_server_needs
from tests.waiting import HANGS_AFTER


def test_the_demo_shows_refreshes_and_no_failed_call() -> None:
    what_a_server_needs()
    command = (sys.executable, "-m", "tests.other_sts.demo", "versitygw", "--once")
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=HANGS_AFTER)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "has new credentials" in done.stdout
    assert "3 puts and gets, none failed, 3 access keys" in done.stdout
