"""The first commands of a fresh clone: what they install is the lock, on any day, for the Python that was asked for."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.install.project import LOCKED, NEEDY, ROOT, Project


def test_the_locked_releases_are_taken_though_newer_ones_are_offered(project: Project) -> None:
    made = project.run("make", "install", ".venv/.dev")
    assert made.returncode == 0, made.stdout + made.stderr
    assert project.installed() == {each.name: each.version for each in LOCKED} | {"irsa_sidecar": "0"}


def test_a_lock_that_lacks_a_package_is_told_by_its_name(project: Project) -> None:
    project.lock("dev", NEEDY)
    made = project.run("make", ".venv/.dev")
    assert made.returncode != 0
    assert "runner 3.0 requires absent, which is not installed" in made.stdout


def test_a_copy_in_the_place_of_the_editable_install_is_seen_and_replaced(project: Project) -> None:
    project.lock("dev", *LOCKED)
    project.run("make", ".venv/.dev")
    project.run(".venv/bin/pip", "install", "--no-deps", ".")
    assert list(project.venv.glob("lib/python*/site-packages/sidecar"))

    made = project.run("make", ".venv/.dev")
    assert ".venv held a copy of the code" in made.stdout
    assert not list(project.venv.glob("lib/python*/site-packages/sidecar"))
    assert "--editable" not in project.run("make", ".venv/.dev").stdout


def test_a_venv_of_another_python_than_the_one_asked_for_is_made_anew(project: Project, tmp_path: Path) -> None:
    project.run("make", ".venv/bin/pip")
    (project.venv / "kept").touch()
    project.run("make", ".venv/bin/pip")
    project.run("make", ".venv/bin/pip", f"PYTHON={sys.executable}")
    assert (project.venv / "kept").exists()

    made = project.run("make", ".venv/bin/pip", f"PYTHON={another_python(tmp_path)}")
    assert ".venv was made with another Python" in made.stdout
    assert (project.venv / "bin/pip").exists()
    assert not (project.venv / "kept").exists()


def test_a_python_that_is_not_there_costs_no_venv(project: Project, tmp_path: Path) -> None:
    project.run("make", ".venv/bin/pip")
    made = project.run("make", "install", f"PYTHON={tmp_path}/python3")
    assert made.returncode != 0
    assert "older or missing" in made.stderr
    assert (project.venv / "bin/pip").exists()


def another_python(folder: Path) -> Path:
    """This one, with another answer to the question which it is."""
    program = folder / "another"
    python = f'exec "{sys.executable}"'
    program.write_text(f'#!/bin/sh\ncase "$2" in *base_prefix*) echo another;; *) {python} "$@";; esac\n')
    program.chmod(0o755)
    return program


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ([], ""),
        (["ONCE=1"], "--once"),
        (["ONCE=yes", "OUTAGE=30"], "--once --outage 30"),
        (["ONCE=0"], ""),
        (["ONCE="], ""),
        (["ONCE=no", "OUTAGE=0"], ""),
    ],
)
def test_a_variable_that_is_0_or_empty_means_no(project: Project, variables: list[str], expected: str) -> None:
    command = project.run("make", "--dry-run", "demo", *variables).stdout.splitlines()[-1]
    assert command.partition(" demo")[2].split() == expected.split()


def test_every_command_that_installs_a_lock_takes_it_as_it_is() -> None:
    """The others than the Makefile's: the image's, the clients', the peers', checkov's."""
    command = ["git", "grep", "-Fe", "--require-hashes", "--", ":!tests/install", ":!tests/image/test_*"]
    found = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.splitlines()
    assert {line.partition(":")[0] for line in found} >= {"Makefile", "Dockerfile", "bench/install.py"}
    assert [line for line in found if "--no-deps" not in line] == []


def test_every_advice_to_install_an_extra_keeps_the_editable_install() -> None:
    """After `pip install '.[inject]'` a copy runs in place of the checkout's code."""
    texts = [ROOT / "README.md", *ROOT.glob("docs/*.md"), *ROOT.glob("sidecar/**/*.py")]
    advised = [found for text in texts for found in re.findall(r"pip install [^`\n]*", text.read_text())]
    assert advised
    assert [words for words in advised if "'.[" in words and " -e " not in words] == []
