"""The sidecar of a pod beside a server, and programs in that pod that find it by either way."""

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.kubelet import ProjectedVolume
from tests.other_sts.build import S3_BY_GO_V1
from tests.other_sts.servers import BUCKET, REGION, Server, process, until
from tests.waiting import HANGS_AFTER

AUTHORIZATION = "0f5a3c1e-9d1b-4c55-8a7e-1f5f0c4e2b60"
"""As inject has it: the pod's UID."""
PROGRAMS: Mapping[str, tuple[str, ...]] = {
    "boto3": (sys.executable, "-m", "tests.other_sts.s3_by_boto3"),
    "Go v1": (str(S3_BY_GO_V1.binary),),
}
LOG = "sidecar.log"
WAYS = ("container endpoint", "IMDS")
PORT = 9911


@dataclass(frozen=True, slots=True)
class Sidecar:
    """One that runs, in a pod whose token the tests write."""

    server: Server
    volume: ProjectedVolume
    port: int
    """The container endpoint's; IMDS is two above it."""
    settings: dict[str, str]
    """The sidecar's environment."""

    @property
    def ways(self) -> dict[str, dict[str, str]]:
        """What an application's environment has, by the way that it takes."""
        return {
            "container endpoint": {
                "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"http://127.0.0.1:{self.port}/v1/credentials",
                "AWS_CONTAINER_AUTHORIZATION_TOKEN": AUTHORIZATION,
                "AWS_EC2_METADATA_DISABLED": "true",
            },
            "IMDS": {"AWS_EC2_METADATA_SERVICE_ENDPOINT": f"http://127.0.0.1:{self.port + 2}/"},
        }

    def run(self, program: str, way: str, content: str) -> dict[str, str]:
        """What a program prints that puts `content` into the bucket and gets it back."""
        environment = _bare(self.volume.mount) | self.ways[way]
        environment |= {"AWS_REGION": REGION, "AWS_DEFAULT_REGION": REGION, "AWS_ENDPOINT_URL_S3": self.server.s3}
        done = subprocess.run(
            (*PROGRAMS[program], BUCKET, content), env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        printed: dict[str, str] = json.loads(done.stdout)
        return printed

    def doctor(self) -> str:
        """What `doctor` reports in this pod, with all that passed; the system trusts the issuer's authority."""
        environment = self.settings | {"SSL_CERT_FILE": str(self.server.issuer.bundle)}
        command = (sys.executable, "-m", "sidecar", "doctor", "-v")
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False).stdout

    def access_key(self) -> str:
        """The key in what the container endpoint serves."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/v1/credentials", headers={"Authorization": AUTHORIZATION}
        )
        with urllib.request.urlopen(request, timeout=HANGS_AFTER) as answer:
            found: str = json.load(answer)["AccessKeyId"]
        return found

    def holds_another_than(self, key: str) -> None:
        """Raises AssertionError while the container endpoint serves this key."""
        assert self.access_key() != key


@contextmanager
def a_sidecar(server: Server, directory: Path, module: str = "sidecar", port: int = PORT) -> Iterator[Sidecar]:
    """`python -m module serve`, once it has credentials."""
    volume, log = ProjectedVolume(directory / "token"), directory / LOG
    settings = _bare(directory) | {
        "AWS_ROLE_ARN": server.role_arn,
        "AWS_WEB_IDENTITY_TOKEN_FILE": str(volume.write(server.issuer.token())),
        "AWS_ENDPOINT_URL_STS": server.sts,
        "SIDECAR_AUTH_TOKEN": AUTHORIZATION,
        "SIDECAR_LISTEN": f"127.0.0.1:{port}",
        "SIDECAR_ADMIN_LISTEN": f"127.0.0.1:{port + 1}",
        "SIDECAR_IMDS_LISTEN": f"127.0.0.1:{port + 2}",
        "SIDECAR_GRACE": "0",
    }
    found = Sidecar(server, volume, port, settings)
    with process((sys.executable, "-m", module, "serve"), log, settings):
        until(found.access_key, log)
        yield found


def _bare(home: Path) -> dict[str, str]:
    """An environment without the developer's AWS settings."""
    return {"PATH": os.environ["PATH"], "HOME": str(home)}
