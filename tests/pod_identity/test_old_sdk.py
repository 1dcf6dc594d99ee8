"""An AWS SDK of 2022 that refuses the EKS Pod Identity agent's address, and works with its credentials through us."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.lab.worlds import with_keys
from tests.needs import needs, without
from tests.pod_identity.build import OLD_SDK

UNSHARE = ("unshare", "--net")


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    needs("go", "unshare", "ip")
    if subprocess.run((*UNSHARE, "true"), capture_output=True, check=False).returncode:
        without("needs the right to make a network namespace")
    if not OLD_SDK.build():
        without("the program of the old SDK could not be built")
    directory = with_keys(tmp_path_factory.mktemp("node"))
    command = (*UNSHARE, sys.executable, "-m", "tests.pod_identity.node", str(directory), str(OLD_SDK.binary))
    done = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_what_eks_injects_is_all_that_the_sidecar_needs(told: dict[str, Any]) -> None:
    assert told["ready"]["ready"] is True


def test_the_sdk_itself_refuses_the_agents_address(told: dict[str, Any]) -> None:
    refused = told["by the agent"]
    assert refused["code"] == 1
    assert "only loopback hosts are allowed" in refused["errors"]


def test_through_the_sidecar_it_has_the_associated_role(told: dict[str, Any]) -> None:
    done = told["by the sidecar"]
    assert done["code"] == 0, done["errors"]
    found = json.loads(done["out"])
    assert found["who"] == "arn:aws:sts::111122223333:assumed-role/pod-identity/eks-lab-old-app-0"
    assert found["version"] == "1.44.133"
