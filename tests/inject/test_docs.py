"""docs/inject.md shows what happens: its commands are run on its files, and print what it says."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from sidecar.inject.commands import BAD_ARGUMENTS, DONE, REFUSED

PAGE = (Path(__file__).parent.parent.parent / "docs/inject.md").read_text()
FILES = dict(re.findall(r"^```yaml (\S+)\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE))
SESSIONS = re.findall(r"^```console\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
SCRIPTS = os.path.dirname(sys.executable)  # noqa: PTH120 (a symlink must stay one)


def run(command: str, directory: Path) -> str:
    environ = {"PATH": f"{SCRIPTS}:{os.environ['PATH']}", "TZ": "UTC"}
    return subprocess.run(
        ["sh", "-c", command], cwd=directory, env=environ, stdout=-1, stderr=subprocess.STDOUT, text=True, check=False
    ).stdout


def steps(session: str) -> list[tuple[str, str]]:
    """Each command and what it prints."""
    parts = re.split(r"^\$ ((?:.*\\\n)*.*)\n", session, flags=re.MULTILINE)
    return list(zip(parts[1::2], parts[2::2], strict=True))


def test_the_page_has_files_and_sessions() -> None:
    assert len(FILES) == 2
    assert len(SESSIONS) == 4


def test_each_command_prints_what_the_page_says(tmp_path: Path) -> None:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    for session in SESSIONS:
        for command, printed in steps(session):
            assert run(command, tmp_path) == printed, command


@pytest.mark.parametrize("code", [DONE, REFUSED, BAD_ARGUMENTS])
def test_its_exit_codes_are_those_of_the_command(code: int) -> None:
    assert f"\n| {code} | " in PAGE
