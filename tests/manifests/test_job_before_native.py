"""The Job for old clusters ends its sidecar: its own script beside the real sidecar, in a process namespace."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.manifests.rendering import applied
from tests.needs import needs
from tests.waiting import HANGS_AFTER

STS_IS_AWAY = {
    "AWS_ROLE_ARN": "arn:aws:iam::111122223333:role/x",
    "AWS_WEB_IDENTITY_TOKEN_FILE": "/nonexistent/token",
    "AWS_ENDPOINT_URL_STS": "http://127.0.0.1:1",
    "SIDECAR_LISTEN": "127.0.0.1:0",
    "SIDECAR_ADMIN_LISTEN": "127.0.0.1:0",
    "SIDECAR_GRACE": "0",
}
KUBELET = """
import json, subprocess, sys
sidecar, arguments = sys.argv[1], json.load(open(sys.argv[2]))
serving = subprocess.Popen([sidecar, "serve"], stderr=subprocess.PIPE, text=True)
next(line for line in serving.stderr if "listening" in line)
application = subprocess.run(arguments).returncode
print(json.dumps([application, serving.wait(100)]))
"""
"""Starts both containers, and reports how they ended."""


@pytest.mark.parametrize("code", [0, 3])
def test_the_sidecar_ends_well_and_the_pod_as_its_application(code: int, tmp_path: Path) -> None:
    needs("bwrap")
    (application,) = (each for each in applied("job-before-1.29").pod["containers"] if each["name"] == "app")
    (tmp_path / "arguments").write_text(json.dumps(application["command"] + application["args"]))
    (tmp_path / "aws").write_text(f"#!/bin/sh\nexit {code}\n")
    (tmp_path / "aws").chmod(0o755)
    (tmp_path / "kubelet.py").write_text(KUBELET)
    namespace = ["bwrap", "--bind", "/", "/", "--dev", "/dev", "--unshare-pid", "--proc", "/proc", "--die-with-parent"]
    sidecar = Path(sys.executable).parent / "irsa-sidecar"
    command = [*namespace, sys.executable, str(tmp_path / "kubelet.py"), str(sidecar), str(tmp_path / "arguments")]
    environment = STS_IS_AWAY | {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    found = subprocess.run(
        command,
        check=False,
        env=environment,
        capture_output=True,
        text=True,
        timeout=HANGS_AFTER,
    )
    assert json.loads(found.stdout) == [code, 0], found.stderr
