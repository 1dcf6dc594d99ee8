"""A pod with every face on, on addresses of our choice, and programs in it that use a real SDK.

Run as `python -m tests.e2e.legacy DIRECTORY` inside a network namespace of its own, it shows what SDKs find on the
link-local addresses themselves.
"""

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from sidecar.core.refresh import RefreshPolicy
from sidecar.lab.app import running
from sidecar.lab.settings import LabSettings
from sidecar.serve import serve
from sidecar.settings.config import load
from tests.e2e.in_process import ANY_PORT
from tests.free_ports import free_ports
from tests.lab.worlds import ROLE
from tests.waiting import HANGS_AFTER

REGION = "us-east-1"
WHO_AM_I = """
import boto3
session = boto3.Session()
print(boto3.client("sts").get_caller_identity()["Arn"], session.get_credentials().method)
"""
WITHOUT_A_TOKEN = """
from botocore.utils import InstanceMetadataFetcher as Fetcher
Fetcher._fetch_metadata_token = lambda self: None
"""
"""botocore as it was until the end of 2019, when it knew IMDSv1 alone: its code for that is still there."""


@dataclass(frozen=True, slots=True)
class LegacyPod:
    """Where things are, for the programs of the pod."""

    directory: Path
    container: str
    imds: str
    ecs: str
    admin: str
    sts_url: str
    token_file: Path

    async def run(self, *command: str, **environ: str) -> tuple[int, str, str]:
        """Exit code, output and errors of a program that has no AWS settings but `environ`."""
        usual = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.directory),
            "AWS_DEFAULT_REGION": REGION,
            "AWS_METADATA_SERVICE_TIMEOUT": "60",  # boto3's own second is short where other tests run beside
            "AWS_ENDPOINT_URL_STS": self.sts_url,
        }
        child = await asyncio.create_subprocess_exec(*command, env=usual | environ, stdout=PIPE, stderr=PIPE)
        out, errors = await child.communicate()
        return child.returncode or 0, out.decode().strip(), errors.decode()

    async def who_am_i(self, before: str = "", **environ: str) -> str:
        """What boto3 says: the role it became, and how it found its credentials."""
        code, out, errors = await self.run(sys.executable, "-c", before + WHO_AM_I, **environ)
        return out if code == 0 else errors

    async def metrics(self) -> str:
        async with aiohttp.ClientSession() as http, http.get(f"http://{self.admin}/metrics") as answer:
            return await answer.text()


@asynccontextmanager
async def a_legacy_pod(
    directory: Path, policy: RefreshPolicy | None = None, **environ: str
) -> AsyncIterator[LegacyPod]:
    """The service with all faces on; `environ` adds settings or overrides those."""
    container, imds, ecs, admin = (f"127.0.0.1:{port}" for port in free_ports(4))
    async with running(LabSettings(directory / "lab", ANY_PORT, ANY_PORT, ANY_PORT), lambda event: None) as lab:
        settings = {
            "AWS_ROLE_ARN": ROLE,
            "AWS_WEB_IDENTITY_TOKEN_FILE": str(lab.token_file),
            "AWS_REGION": REGION,
            "AWS_ENDPOINT_URL_STS": lab.sts_url,
            "SIDECAR_LISTEN": container,
            "SIDECAR_IMDS_LISTEN": imds,
            "SIDECAR_ECS_LISTEN": ecs,
            "SIDECAR_ADMIN_LISTEN": admin,
            "SIDECAR_GRACE": "0",
        }
        settings |= environ
        service = asyncio.create_task(serve(load(settings, []), policy or RefreshPolicy()))
        try:
            await _ready(settings["SIDECAR_ADMIN_LISTEN"])
            yield LegacyPod(directory, container, imds, ecs, admin, lab.sts_url, lab.token_file)
        finally:
            service.cancel()
            await asyncio.wait([service])


async def _ready(admin: str) -> None:
    async with asyncio.timeout(HANGS_AFTER), aiohttp.ClientSession() as http:
        while True:
            try:
                async with http.get(f"http://{admin}/readyz") as answer:
                    if answer.status == 200:
                        return
            except aiohttp.ClientConnectionError:
                pass
            await asyncio.sleep(0.02)


async def _on_the_addresses_themselves(directory: Path) -> dict[str, str]:
    async with a_legacy_pod(
        directory,
        SIDECAR_IMDS_LISTEN="169.254.169.254:80",
        SIDECAR_ECS_LISTEN="169.254.170.2:80",
        SIDECAR_IMDS_V1="true",
    ) as pod:
        return {
            "imds": await pod.who_am_i(),
            "imds-v1": await pod.who_am_i(WITHOUT_A_TOKEN),
            "ecs": await pod.who_am_i(AWS_CONTAINER_CREDENTIALS_RELATIVE_URI="/v1/credentials"),
        }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(_on_the_addresses_themselves(Path(sys.argv[1])))))
