"""versitygw and SeaweedFS, as their recipes set them up, in the network of the test's own."""

import json
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.client import BaseClient
from botocore.config import Config

from sidecar.core.model import Credentials
from tests.other_sts.build import SEAWEEDFS, VERSITYGW
from tests.other_sts.issuer import LabIssuer
from tests.other_sts.recipes import Recipe
from tests.waiting import HANGS_AFTER

REGION = "us-east-1"
BUCKET = "shop"
_ADMIN = {"aws_access_key_id": "user", "aws_secret_access_key": "passpass"}


@dataclass(frozen=True, slots=True)
class Server:
    """One that runs. `sts` and `s3` are URLs."""

    name: str
    sts: str
    s3: str
    issuer: LabIssuer
    role_arn: str

    def client(self, service: str, credentials: Credentials) -> BaseClient:
        """boto3 with these credentials."""
        return _client(
            service,
            {"s3": self.s3, "sts": self.sts}[service],
            {
                "aws_access_key_id": credentials.access_key_id,
                "aws_secret_access_key": credentials.secret_access_key,
                "aws_session_token": credentials.session_token,
            },
        )


def _client(service: str, url: str, keys: Mapping[str, str]) -> BaseClient:
    retried = Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"})
    found: BaseClient = boto3.client(service, endpoint_url=url, region_name=REGION, config=retried, **keys)
    return found


@contextmanager
def process(command: Sequence[str | Path], log: Path, environment: Mapping[str, str] | None = None) -> Iterator[None]:
    """Run `command` until the block ends; what it says goes to `log`. `environment`: this process's, if None."""
    with log.open("wb") as out:
        child = subprocess.Popen(command, env=environment, stdout=out, stderr=out)
    try:
        yield
    finally:
        child.kill()  # what they keep is thrown away anyway
        child.wait()


def until(attempt: Callable[[], Any], log: Path) -> Any:
    """What `attempt` returns once it raises nothing any more."""
    deadline = time.monotonic() + HANGS_AFTER
    while True:
        try:
            return attempt()
        except Exception as error:
            if time.monotonic() > deadline:
                raise AssertionError(f"not ready: {log.read_text()[-3000:]}") from error
            time.sleep(0.1)


@contextmanager
def versitygw(directory: Path, issuer: LabIssuer) -> Iterator[Server]:
    """Its IAM service, which is its STS, and its S3 gateway, with the recipe's provider and role."""
    private, log = directory / "private.sock", directory / "iam.log"
    for folder in ("iam", "objects"):
        (directory / folder).mkdir()
    root = ("-a", _ADMIN["aws_access_key_id"], "-s", _ADMIN["aws_secret_access_key"])
    iam = ("-p", "127.0.0.1:7078", *root, "iam", "--dir", directory / "iam", "--private-ports", private)
    s3 = ("-p", "127.0.0.1:7077", *root, "--iam-standalone-endpoint", private, "posix", directory / "objects")
    role_arn = Recipe("versitygw").role_arn
    found = Server("versitygw", "http://127.0.0.1:7078", "http://127.0.0.1:7077", issuer, role_arn)
    with ExitStack() as stack:
        stack.enter_context(process((VERSITYGW.binary, *iam), log))
        until(lambda: _set_up(_client("iam", found.sts, _ADMIN), issuer), log)
        stack.enter_context(process((VERSITYGW.binary, *s3), directory / "s3.log"))
        until(lambda: _client("s3", found.s3, _ADMIN).create_bucket(Bucket=BUCKET), directory / "s3.log")
        yield found


def _set_up(iam: Any, issuer: LabIssuer) -> None:
    recipe = Recipe("versitygw")
    # With a thumbprint, as the page says for an issuer whose certificate no public CA signed.
    iam.create_open_id_connect_provider(**recipe.document("provider.json"), ThumbprintList=[issuer.thumbprint])
    role = iam.create_role(RoleName="app", AssumeRolePolicyDocument=recipe.text("trust-policy.json"))["Role"]
    iam.put_role_policy(RoleName="app", PolicyName="shop", PolicyDocument=recipe.text("role-policy.json"))
    assert role["Arn"] == recipe.role_arn


@contextmanager
def seaweedfs(directory: Path, issuer: LabIssuer) -> Iterator[Server]:
    """All of SeaweedFS in one process, with the recipe's IAM configuration."""
    configuration, log = Recipe("seaweedfs").document("iam.json"), directory / "weed.log"
    configuration["providers"][0]["config"]["tlsCaCert"] = str(issuer.bundle)
    (directory / "iam.json").write_text(json.dumps(configuration))
    (directory / "s3.json").write_text(json.dumps(_root_identity()))
    options = ("-dir", directory, "-filer", "-s3", "-s3.port=8333", "-s3.iam.config", directory / "iam.json")
    local = ("-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-volume.max=4", "-s3.config", directory / "s3.json")
    url = "http://127.0.0.1:8333"
    found = Server("seaweedfs", url, url, issuer, Recipe("seaweedfs").role_arn)
    with process((SEAWEEDFS.binary, "server", *options, *local), log):
        until(lambda: _client("s3", found.s3, _ADMIN).create_bucket(Bucket=BUCKET), log)
        yield found


def _root_identity() -> dict[str, Any]:
    keys = {"accessKey": _ADMIN["aws_access_key_id"], "secretKey": _ADMIN["aws_secret_access_key"]}
    return {"identities": [{"name": "root", "credentials": [keys], "actions": ["Admin", "Read", "Write", "List"]}]}


@contextmanager
def minio(directory: Path, issuer: LabIssuer) -> Iterator[Server]:
    """MinIO, by the recipe's settings. Tests start it where a `minio` is on the path: nothing here builds one."""
    log, certificates = directory / "minio.log", directory / "certificates"
    (certificates / "CAs").mkdir(parents=True)
    (certificates / "CAs" / "issuer.pem").write_bytes(issuer.bundle.read_bytes())
    settings = dict(line.split("=", 1) for line in Recipe("minio").text("minio.env").splitlines())
    root = {"MINIO_ROOT_USER": _ADMIN["aws_access_key_id"], "MINIO_ROOT_PASSWORD": _ADMIN["aws_secret_access_key"]}
    command = (MINIO, "server", "--address", "127.0.0.1:9000", "--certs-dir", certificates, directory / "objects")
    with process(command, log, {"HOME": str(directory)} | root | settings):
        role_arn = until(lambda: re.findall(r"arn:minio:iam:::role/[\w-]+", log.read_text())[0], log)
        found = Server("minio", "http://127.0.0.1:9000", "http://127.0.0.1:9000", issuer, role_arn)
        until(lambda: _client("s3", found.s3, _ADMIN).create_bucket(Bucket=BUCKET), log)
        yield found


BUILT = {"versitygw": versitygw, "seaweedfs": seaweedfs}
MINIO = shutil.which("minio") or ""
SERVERS = BUILT | ({"minio": minio} if MINIO else {})
