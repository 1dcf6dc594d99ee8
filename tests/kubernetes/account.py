"""An AWS account that trusts a real cluster: the lab's STS, and the programs that use it, each a process of its own."""

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from sidecar.lab.aws import iam
from sidecar.lab.aws.iam_file import IamFile
from sidecar.lab.state import PUBLIC, StateDirectory, write
from tests.clients.processes import process
from tests.free_ports import free_ports
from tests.kubernetes.bucket import Bucket
from tests.kubernetes.live_pods import APPLICATION
from tests.kubernetes.real_tokens import RunningPod

IRSA_SIDECAR = str(Path(sys.executable).with_name("irsa-sidecar"))
ROLE = "arn:aws:iam::111122223333:role/irsa-sidecar-example"
WHO = "arn:aws:sts::111122223333:assumed-role/irsa-sidecar-example"
REGION = "eu-west-1"
FULL_URI = "AWS_CONTAINER_CREDENTIALS_FULL_URI"
SESSION_LIVES = 12
"""Seconds: the sidecar exchanges anew every few of them."""

TOKEN_EXPIRES = "irsa_sidecar_token_expiration_timestamp_seconds"
FAILURES = "irsa_sidecar_consecutive_failures"
ISSUED = 'irsa_sidecar_refreshes_total{code="",outcome="issued",role="default"}'


@dataclass(frozen=True, slots=True)
class Account:
    """`environment` is what every program has: where AWS is, and whom it trusts. `policy` is the role's, in a file."""

    directory: Path
    policy: Path
    environment: Mapping[str, str] = field(repr=False)

    async def run(self, *command: str, **environ: str) -> tuple[int, str]:
        """Exit code and words of a program."""
        child = await asyncio.create_subprocess_exec(
            *command, env={**self.environment, **environ}, stdout=PIPE, stderr=STDOUT
        )
        said, _ = await child.communicate()
        return child.returncode or 0, said.decode()

    async def doctor(self, token_file: Path, *more: str, **environ: str) -> tuple[int, dict[str, str]]:
        """Exit code, and each check's level."""
        command = (IRSA_SIDECAR, "doctor", "--json", "--trust-policy", str(self.policy), *more)
        code, told = await self.run(*command, **_settings(token_file), **environ)
        return code, {finding["check"]: finding["level"] for finding in json.loads(told)["findings"]}

    async def explain(self, token_file: Path, *more: str) -> tuple[int, Any]:
        """Exit code, and what it says as JSON."""
        sts = ("--endpoint-url-sts", self.environment["AWS_ENDPOINT_URL_STS"])
        policy = ("--trust-policy", str(self.policy), "--role-arn", ROLE)
        command = (IRSA_SIDECAR, "explain", "--json", "--token-file", str(token_file), *sts, *policy, *more)
        code, told = await self.run(*command)
        return code, json.loads(told)


@asynccontextmanager
async def an_account(directory: Path, bucket: Bucket, pod: RunningPod) -> AsyncIterator[Account]:
    """IAM has the bucket's URL as a provider, and a role for the pod's service account."""
    state = StateDirectory(directory / "lab")
    state.create()
    text = iam.default_text(bucket.url, ROLE).replace(":default:app", f":{pod.namespace}:{pod.account}")
    write(state.iam, text.encode(), PUBLIC)
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(directory),
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "SSL_CERT_FILE": str(bucket.authority),
    }
    listen = ("--listen", "127.0.0.1:0", "--region", REGION, "--session-lifetime", str(SESSION_LIVES))
    command = (IRSA_SIDECAR, "lab", "sts", "--state", str(state.root), *listen)
    async with process(command, environment, directory / "sts.log", stdout=PIPE) as sts:
        assert sts.stdout
        url = (await sts.stdout.readline()).decode().split()[-1]
        (role,) = IamFile(state).current().roles
        policy = directory / "role.json"
        policy.write_text(json.dumps({"Role": role.as_iam_shows()}))
        yield Account(directory, policy, environment | {"AWS_ENDPOINT_URL_STS": url})


@dataclass(frozen=True, slots=True)
class Sidecar:
    """One that serves. Both addresses are HOST:PORT."""

    account: Account
    credentials: str
    admin: str

    @property
    def listen(self) -> dict[str, str]:
        return {"SIDECAR_LISTEN": self.credentials, "SIDECAR_ADMIN_LISTEN": self.admin}

    @property
    def uri(self) -> str:
        return f"http://{self.credentials}/v1/credentials"

    async def who_am_i(self) -> tuple[int, str]:
        """Exit code and words of an application that asks the sidecar, and then AWS."""
        return await self.account.run(*APPLICATION, **{FULL_URI: self.uri})

    async def is_ready(self) -> bool:
        try:
            async with aiohttp.ClientSession() as http, http.get(f"http://{self.admin}/readyz") as answer:
                return answer.status == 200
        except aiohttp.ClientConnectionError:
            return False

    async def metric(self, name: str) -> float:
        async with aiohttp.ClientSession() as http, http.get(f"http://{self.admin}/metrics") as answer:
            lines = (await answer.text()).splitlines()
        return next(float(line.rpartition(" ")[2]) for line in lines if line.startswith((f"{name} ", f"{name}{{")))

    async def until(self, name: str, value: float) -> None:
        """Wait until the metric is as large."""
        while await self.metric(name) < value:
            await asyncio.sleep(0.1)

    async def more_exchanges(self, count: int) -> None:
        await self.until(ISSUED, await self.metric(ISSUED) + count)


@asynccontextmanager
async def a_sidecar(account: Account, token_file: Path) -> AsyncIterator[Sidecar]:
    """The real one, once it is ready."""
    credentials, admin = (f"127.0.0.1:{port}" for port in free_ports(2))
    sidecar = Sidecar(account, credentials, admin)
    environment = {**account.environment, **_settings(token_file), **sidecar.listen, "SIDECAR_GRACE": "0"}
    async with process((IRSA_SIDECAR, "serve"), environment, account.directory / "sidecar.log"):
        while not await sidecar.is_ready():
            await asyncio.sleep(0.05)
        yield sidecar


def _settings(token_file: Path) -> dict[str, str]:
    return {"AWS_ROLE_ARN": ROLE, "AWS_WEB_IDENTITY_TOKEN_FILE": str(token_file)}
