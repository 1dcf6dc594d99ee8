"""A few days of bad weather; `python -m tests.scenarios.soak` makes it weeks."""

import json
import subprocess
import sys

import pytest


@pytest.mark.parametrize("seed", [1, 2])
def test_in_days_of_bad_weather_no_promise_is_broken(seed: int) -> None:
    """In a process of its own: it stalls its standard error."""
    command = [sys.executable, "-m", "tests.scenarios.soak", "--requests", "30000", "--refreshes", "30"]
    done = subprocess.run([*command, "--seed", str(seed)], stdout=subprocess.PIPE, check=False)
    found = json.loads(done.stdout)
    assert (found["client_errors_while_valid"], found["expired_served"], done.returncode) == (0, 0, 0)
    assert found["answered_503"] > 0
    assert found["clock_changes"] > 5
    assert found["failed_attempts"] > 100
