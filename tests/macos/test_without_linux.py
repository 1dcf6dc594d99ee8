"""Demo, lab, doctor, explain, inject and exec on macOS: that is, without the names that only Linux has."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.doubles import credentials
from tests.faces.kit import Source
from tests.local_sidecar import a_sidecar
from tests.waiting import HANGS_AFTER

EVERY_MODULE = """
import importlib, pkgutil, sys, sidecar
names = [module.name for module in pkgutil.walk_packages(sidecar.__path__, "sidecar.")]
for name in names:
    if name != "sidecar.__main__":
        importlib.import_module(name)
print(sys.platform, len(names) > 100)
"""
POD = "apiVersion: v1\nkind: Pod\nmetadata: {name: app}\nspec: {containers: [{name: app, image: app}]}\n"
ROLE = "arn:aws:iam::111122223333:role/demo"


def test_every_module_is_imported(python: str) -> None:
    assert run([python, "-c", EVERY_MODULE]) == "darwin True\n"


def test_the_demo_serves_a_real_sdk_until_ctrl_c(python: str) -> None:
    with started([python, "-m", "sidecar", "demo"]) as demo:
        assert "is arn:aws:sts::111122223333:assumed-role/demo/" in read_until(demo, "is arn:")
        demo.send_signal(signal.SIGINT)
        assert " 0 failed" in read_until(demo, "done: ")
        assert demo.wait(HANGS_AFTER) == 0


def test_the_lab_its_token_and_why_sts_would_refuse_it(python: str, tmp_path: Path) -> None:
    sidecar, state, token = [python, "-m", "sidecar"], str(tmp_path / "lab"), str(tmp_path / "token")
    listen = [f"--{each}-listen=127.0.0.1:0" for each in ("issuer", "sts", "control")]
    with started([*sidecar, "lab", "--state", state, *listen]) as lab:
        read_until(lab, "lab fault")
        run([*sidecar, "lab", "token", "--state", state, "--name", "other", "--out", token])
        policy = tmp_path / "policy.json"
        policy.write_text(run([*sidecar, "lab", "get-role", ROLE, "--state", state]))
        asked = ["--token-file", token, "--trust-policy", str(policy)]
        assert "system:serviceaccount:default:other" in run([*sidecar, "explain", *asked], code=1)
        lab.send_signal(signal.SIGTERM)
        assert lab.wait(HANGS_AFTER) == 0


def test_the_doctor_reads_what_a_mac_has(python: str) -> None:
    told = json.loads(run([python, "-m", "sidecar", "doctor", "--json", "--offline"], code=1))
    assert "fail" in {found["level"] for found in told["findings"]}


def test_inject_adds_the_sidecar(python: str, tmp_path: Path) -> None:
    manifest = tmp_path / "pod.yaml"
    manifest.write_text(POD)
    words = ["--image", "registry.test/irsa-sidecar:1", "--role-arn", ROLE, "--region", "us-east-1"]
    assert "irsa-sidecar" in run([python, "-m", "sidecar", "inject", *words, "-f", str(manifest)])


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT", "SIGWINCH"])
def test_exec_passes_signals_on_and_gives_the_programs_exit_code(python: str, name: str) -> None:
    script = (
        f"import signal, sys\nsignal.signal(signal.{name}, lambda *_: sys.exit(7))\n"
        "print('ready', flush=True)\nsignal.pause()"
    )
    with a_sidecar(Source(credentials())) as address:
        command = [python, "-m", "sidecar", "exec", "--", python, "-c", script]
        with started(command, SIDECAR_LISTEN=str(address)) as program:
            read_until(program, "ready")
            program.send_signal(getattr(signal, name))
            assert program.wait(HANGS_AFTER) == 7


def run(command: list[str], code: int = 0) -> str:
    """What `command` prints; it must end with `code`."""
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=HANGS_AFTER)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


@contextmanager
def started(command: list[str], **environment: str) -> Iterator["subprocess.Popen[str]"]:
    environ = os.environ | {"PYTHONUNBUFFERED": "1"} | environment
    out = subprocess.PIPE
    with subprocess.Popen(command, env=environ, stdout=out, stderr=subprocess.STDOUT, text=True) as running:
        try:
            yield running
        finally:
            running.kill()


def read_until(running: "subprocess.Popen[str]", words: str) -> str:
    """What the process prints, up to and with the line that holds these words."""
    assert running.stdout is not None
    seen = ""
    for line in running.stdout:
        seen += line
        if words in line:
            return seen
    raise AssertionError(f"ended without {words!r}:\n{seen}")
