"""A node of EKS in a network namespace of its own: `unshare --net python -m tests.pod_identity.node DIRECTORY PROGRAM`.

The lab's Pod Identity agent listens at 169.254.170.23, port 80, as on every node; a sidecar has exactly the variables
that EKS injects. Then an application asks the agent, and asks the sidecar. Prints what came of it, as JSON.
"""

import asyncio
import json
import math
import os
import subprocess
import sys
from asyncio.subprocess import PIPE
from pathlib import Path
from typing import Any

import aiohttp

from sidecar.lab.app import Lab, running
from sidecar.lab.settings import LabSettings
from tests.waiting import HANGS_AFTER

FREE = ("127.0.0.1", 0)
AGENT = ("169.254.170.23", 80)
INJECTED = "http://169.254.170.23/v1/credentials"
SIDECAR = "127.0.0.1:9911"
ADMIN = "127.0.0.1:9912"


async def scene(directory: Path, program: str) -> dict[str, Any]:
    settings = LabSettings(directory, issuer=FREE, sts=FREE, control=FREE, agent=AGENT, key_period=math.inf)
    async with running(settings) as lab:
        token_file = str(lab.state.volume("default", "old-app") / "token")
        eks = {
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": INJECTED,
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": token_file,
        }
        sidecar = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "sidecar", "serve"), env=_inherited() | eks | {"SIDECAR_GRACE": "0"}, stderr=PIPE
        )
        try:
            return {
                "ready": await _ready(),
                "by the agent": await _application(program, lab, eks),
                "by the sidecar": await _application(
                    program, lab, {"AWS_CONTAINER_CREDENTIALS_FULL_URI": f"http://{SIDECAR}/v1/credentials"}
                ),
            }
        finally:
            sidecar.terminate()
            _, log = await sidecar.communicate()
            sys.stderr.write(log.decode())


def _inherited() -> dict[str, str]:
    return {name: text for name, text in os.environ.items() if name.startswith(("COVERAGE_", "PATH", "PYTHON"))}


async def _ready() -> dict[str, Any]:
    async with aiohttp.ClientSession() as http, asyncio.timeout(HANGS_AFTER):
        while True:
            try:
                async with http.get(f"http://{ADMIN}/readyz") as answer:
                    if answer.status == 200:
                        found: dict[str, Any] = await answer.json(content_type=None)
                        return found
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.05)


async def _application(program: str, lab: Lab, environ: dict[str, str]) -> dict[str, Any]:
    usual = {"AWS_REGION": lab.region, "AWS_ENDPOINT_URL_STS": lab.sts_url, "AWS_EC2_METADATA_DISABLED": "true"}
    process = await asyncio.create_subprocess_exec(program, env=usual | environ, stdout=PIPE, stderr=PIPE)
    out, errors = await process.communicate()
    return {"code": process.returncode, "out": out.decode(), "errors": errors.decode()}


def _addresses() -> None:
    for command in ("ip link set lo up", f"ip address add {AGENT[0]}/32 dev lo"):
        subprocess.run(command.split(), check=True)


if __name__ == "__main__":
    _addresses()
    json.dump(asyncio.run(scene(Path(sys.argv[1]), sys.argv[2])), sys.stdout)
