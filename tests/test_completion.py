"""The shell completes commands and flags."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from sidecar.cli import COMMANDS
from sidecar.terminal.completion import SHELLS

ASK = """source <(irsa-sidecar completion bash)
COMP_WORDS=({words}) COMP_CWORD={at}
_irsa_sidecar
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


@pytest.fixture
def path(tmp_path: Path) -> str:
    """A PATH on which the command is."""
    program = tmp_path / "irsa-sidecar"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m sidecar "$@"\n')
    program.chmod(0o755)
    return f"{tmp_path}:{os.environ['PATH']}"


def completed(path: str, *words: str) -> list[str]:
    """What bash offers for the last word."""
    quoted = " ".join(f"'{word}'" for word in words)
    script = ASK.format(words=quoted, at=len(words) - 1)
    done = subprocess.run(["bash", "-c", script], env={"PATH": path}, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout.split()


def test_commands_are_completed(path: str) -> None:
    assert completed(path, "irsa-sidecar", "ex") == ["explain", "exec"]
    assert {*completed(path, "irsa-sidecar", "")} == {*COMMANDS, "--help"}


def test_flags_are_completed(path: str) -> None:
    assert completed(path, "irsa-sidecar", "doctor", "--trust") == ["--trust-policy"]
    assert "--sts-message" in completed(path, "irsa-sidecar", "explain", "--")


@pytest.mark.parametrize("shell", [shell for shell in SHELLS if shutil.which(shell)])
def test_each_shell_takes_its_script(path: str, shell: str) -> None:
    script = subprocess.run(
        ["irsa-sidecar", "completion", shell], env={"PATH": path}, capture_output=True, text=True, check=True
    ).stdout

    assert subprocess.run([shell, "-n"], input=script, text=True, check=False).returncode == 0
    assert "@" not in script.replace("[@]", "")


def test_another_shell_is_refused(path: str) -> None:
    done = subprocess.run(
        ["irsa-sidecar", "completion", "tcsh"], env={"PATH": path}, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "name one of bash, zsh, fish" in done.stderr
