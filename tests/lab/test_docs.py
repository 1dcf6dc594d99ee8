"""docs/lab.md is run: every command of it, in order, in a shell, and what it promises to show is looked for."""

import os
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sidecar.lab.faults import FAULTS as LAB_FAULTS
from tests.e2e.test_never_a_gap import FAULTS as TRIED
from tests.waiting import HANGS_AFTER

PAGE = (Path(__file__).parents[2] / "docs" / "lab.md").read_text()
BLOCKS: list[tuple[str, str, str]] = re.findall(r"```(\w+)(?: (\w+))?\n(.*?)```", PAGE, re.DOTALL)


def test_every_step_works_and_shows_what_the_page_says(tmp_path: Path) -> None:
    environment = {"HOME": str(tmp_path), "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    said = ""
    with in_the_background(_block("lab"), environment, tmp_path) as lab:
        until_it_answers("http://127.0.0.1:9923/status")
        with in_the_background(_exports() + _block("sidecar"), environment, tmp_path) as sidecar:
            until_it_answers("http://127.0.0.1:9912/livez")
            for language, name, text in BLOCKS:
                if language == "sh" and not name:
                    said = run(_exports() + text, environment, tmp_path)
                if language == "text":
                    missing = [line for line in text.strip().splitlines() if line not in said]
                    assert not missing, said
            assert sidecar.poll() is None
        assert lab.poll() is None
    assert "Not authorized" not in said


def test_its_table_of_faults_is_whole_and_says_what_the_sidecar_says() -> None:
    rows = re.findall(r"^\| (`.*?) \| .*? \| (.*?) \| .*? \|$", PAGE, re.MULTILINE)
    listed = {name: said.strip("`") for names, said in rows for name in re.findall(r"`(.*?)`", names)}
    assert set(listed) == set(LAB_FAULTS)
    for fault, code in TRIED.items():
        name = fault.partition("=")[0]
        assert name == "skew" or listed[name] == code


def _block(name: str) -> str:
    return next(text for _, given, text in BLOCKS if given == name)


def _exports() -> str:
    """What a person has pasted into each terminal."""
    return next(text for _, _, text in BLOCKS if text.startswith("export"))


def run(script: str, environment: dict[str, str], directory: Path) -> str:
    """What the commands print. A doctor that finds something ends with 1, which is what it is for."""
    ended = subprocess.run(
        ["bash", "-c", script],
        env=environment,
        cwd=directory,
        capture_output=True,
        text=True,
        timeout=HANGS_AFTER,
        check=False,
    )
    assert ended.returncode in {0, 1}, ended.stderr
    assert "Traceback" not in ended.stderr
    assert "unrecognized" not in ended.stderr
    assert "command not found" not in ended.stderr
    return ended.stdout


@contextmanager
def in_the_background(script: str, environment: dict[str, str], directory: Path) -> Iterator["subprocess.Popen[bytes]"]:
    with subprocess.Popen(
        ["bash", "-c", script.rstrip().rpartition("\n")[0] + "\nexec " + script.rstrip().rpartition("\n")[2]],
        env=environment,
        cwd=directory,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as child:
        try:
            yield child
        finally:
            child.terminate()
            try:
                child.wait(10)
            except subprocess.TimeoutExpired:
                child.kill()


def until_it_answers(url: str) -> None:
    gives_up_at = time.monotonic() + HANGS_AFTER
    while time.monotonic() < gives_up_at:
        try:
            with urllib.request.urlopen(url, timeout=HANGS_AFTER):
                return
        except OSError:
            time.sleep(0.05)
    raise AssertionError(f"nobody answers at {url}")
