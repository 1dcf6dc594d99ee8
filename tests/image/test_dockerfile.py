"""The Dockerfile before it is built: linted, locked, for both architectures, and agreeing with the project."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import sidecar
from tests.image.context import read_rules, sent
from tests.image.dockerfile import ROOT, arguments, stages

TEXT = (ROOT / "Dockerfile").read_text()
BUILD, FINAL = stages(TEXT)
BIN = Path(sys.executable).parent
RULES = read_rules((ROOT / ".dockerignore").read_text())


def test_hadolint_finds_nothing() -> None:
    found = subprocess.run([BIN / "hadolint", ROOT / "Dockerfile"], check=False, capture_output=True, text=True)
    assert (found.returncode, found.stdout) == (0, "")


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_every_locked_wheel_exists_for_the_base_images_python_on(machine: str, tmp_path: Path) -> None:
    wheels = ["--only-binary", ":all:", "--python-platform", f"{machine}-manylinux_2_28"]
    version = arguments(TEXT)["BASE"].partition(":")[2].partition("-")[0]
    command = ["pip", "install", "--dry-run", "--require-hashes", "--python-version", version, f"--target={tmp_path}"]
    locked = [f"--requirements={ROOT}/requirements/runtime.txt"]
    found = subprocess.run([BIN / "uv", *command, *wheels, *locked], check=False, capture_output=True, text=True)
    assert found.returncode == 0, found.stderr


def test_only_wheels_with_known_hashes_are_installed() -> None:
    (install,) = (each.text for each in BUILD.instructions if "pip " in each.text)
    assert "--no-deps --require-hashes" in install
    assert "&& pip --python /app/bin/python check" in install
    assert "--only-binary=:all:" in install


def test_the_base_can_be_given_by_digest() -> None:
    assert "FROM ${BASE} AS build" in TEXT
    assert BUILD.base == arguments(TEXT)["BASE"]


def test_the_final_stage_starts_from_nothing_and_runs_no_shell() -> None:
    assert FINAL.base == "scratch"
    assert all(each.in_exec_form for each in FINAL.instructions if each.name in {"RUN", "ENTRYPOINT", "CMD"})


def test_it_starts_as_nobody_serves_and_takes_signals_itself() -> None:
    assert FINAL.last("USER").text == "65532:65532"
    assert FINAL.last("STOPSIGNAL").text == "SIGTERM"
    assert FINAL.last("ENTRYPOINT").exec_form + FINAL.last("CMD").exec_form == ["irsa-sidecar", "serve"]


def test_its_labels_name_this_version() -> None:
    assert arguments(TEXT)["VERSION"] == sidecar.__version__
    assert FINAL.pairs("LABEL")["org.opencontainers.image.version"] == "${VERSION}"
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert FINAL.pairs("LABEL")["org.opencontainers.image.licenses"] == project["license"]
    assert FINAL.pairs("LABEL")["org.opencontainers.image.description"] == project["description"]


def test_it_runs_what_pip_would_install_as_irsa_sidecar() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    module, _, function = project["scripts"]["irsa-sidecar"].partition(":")
    assert f"'from {module} import {function}' 'sys.exit({function}())'" in TEXT


@pytest.mark.parametrize(
    "name", ["sidecar/cli.py", "sidecar/sources/web_identity.py", "requirements/runtime.txt", "LICENSE"]
)
def test_the_build_is_sent(name: str) -> None:
    assert (ROOT / name).exists()
    assert sent(name, RULES)


@pytest.mark.parametrize(
    "name",
    [
        ".git/config",
        ".env",
        "README.md",
        "requirements/dev.txt",
        "sidecar/__pycache__/cli.pyc",
        "sidecar/sts/__pycache__/client.pyc",
        "sidecar/demo/processes.py",
        "sidecar/lab/app.py",
        "sidecar/positioned_yaml.py",
        "tests/conftest.py",
    ],
)
def test_the_build_is_not_sent(name: str) -> None:
    assert not sent(name, RULES)
