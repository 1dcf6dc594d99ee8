"""docs/rollout.md's commands make a certificate that the API server would take."""

import re
import subprocess
from pathlib import Path

import pytest

from sidecar.webhook.certificate import RotatingCertificate
from tests.needs import needs

PAGE = (Path(__file__).parents[2] / "docs" / "rollout.md").read_text()


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """What the commands leave; `kubectl` writes what it is told into a file."""
    needs("openssl")
    blocks = re.findall(r"<!-- (?:certificate|kubectl) -->\n```sh\n(.*?)```", PAGE, re.DOTALL)
    script = 'kubectl() { echo "$*" >> told; }\n' + "".join(blocks)
    subprocess.run(["bash", "-ec", script], cwd=tmp_path, check=True, capture_output=True)
    return tmp_path


def test_the_certificate_is_the_services(made: Path) -> None:
    verify = ["openssl", "verify", "-CAfile", "ca.crt", "-verify_hostname", "irsa-sidecar-webhook.irsa-sidecar.svc"]
    assert subprocess.run([*verify, "tls.crt"], cwd=made, check=True, capture_output=True, text=True).stdout

    RotatingCertificate(made)  # raises where certificate and key do not belong together


def test_kubectl_is_told_the_authority(made: Path) -> None:
    *_, patch = (made / "told").read_text().splitlines()

    assert re.search(r'"path": "/webhooks/0/clientConfig/caBundle", "value": "[A-Za-z0-9+/=]{500,}"}]$', patch)
