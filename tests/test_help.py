"""Every command and every command below one can say what it does."""

import re
import subprocess
import sys

import pytest

from sidecar.cli import COMMANDS


def told(*arguments: str) -> str:
    ended = subprocess.run([sys.executable, "-m", "sidecar", *arguments], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert ended.stderr == ""
    return ended.stdout


@pytest.mark.parametrize("command", sorted(set(COMMANDS) - {"version"}))
def test_a_command_says_how_it_is_used(command: str) -> None:
    assert f"usage: irsa-sidecar {command}" in told(command, "--help")


@pytest.mark.parametrize("command", ["sts", "status", "get-role", "fault", "rotate", "token", "export"])
def test_a_command_of_the_lab_says_how_it_is_used(command: str) -> None:
    assert f"usage: irsa-sidecar lab {command}" in told("lab", command, "--help")


def test_the_lab_tests_name_all_its_commands() -> None:
    listed = re.findall(r"^    ([a-z-]+)  ", told("lab", "--help"), re.MULTILINE)
    assert {"sts", "status", "get-role", "fault", "rotate", "token", "export"} == set(listed)
