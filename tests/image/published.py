"""Runs an image that has been pushed and has no tag yet: `python -m tests.image.published IMAGE@sha256:... PLATFORM`.

With the lab for AWS, in a pod's surroundings. Ends with 1 and the reason if the image does not do its work; only one
that does is signed and tagged (`.github/workflows/release.yml`). For another processor the engine needs QEMU.
"""

# ruff: noqa: T201 (it is run from a command line, which prints)
import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

import aiohttp

from sidecar import __version__
from sidecar.lab.app import Lab, running
from sidecar.lab.settings import LabSettings
from tests.free_ports import free_port
from tests.lab.worlds import FREE, ROLE
from tests.waiting import HANGS_AFTER

TOKENS = "/var/run/secrets/irsa-sidecar"
PROGRAM = "irsa-sidecar"
"""Seconds. Under QEMU Python starts ten times slower."""
NAME = "irsa-sidecar-under-test"
AS_IN_A_POD = ("--network=host", "--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges")


class StartedContainer(Protocol):
    async def stop(self) -> int:
        """SIGTERM; gives the exit code."""
        ...


class Container(Protocol):
    """An image with its volumes and variables."""

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """A program beside the sidecar, to its end."""
        ...

    def started(self) -> AbstractAsyncContextManager[StartedContainer]:
        """The image as it starts when no command is given."""
        ...


class Unfit(Exception):
    """The image does not do what it is for."""


def pod_variables(lab: Lab) -> dict[str, str]:
    """What manifests/pod.yaml sets, with the lab for AWS."""
    return {
        "AWS_ROLE_ARN": ROLE,
        "AWS_WEB_IDENTITY_TOKEN_FILE": f"{TOKENS}/token",
        "AWS_REGION": lab.region,
        "AWS_ENDPOINT_URL_STS": lab.sts_url,
        "SIDECAR_LISTEN": f"127.0.0.1:{free_port()}",
        "SIDECAR_ADMIN_LISTEN": f"127.0.0.1:{free_port()}",
        "SIDECAR_GRACE": "0",
    }


async def examine(container: Container, listen: str) -> None:
    """Serve, be healthy, pass the doctor, end. Raises `Unfit` with the first of these that fails."""
    async with container.started() as started:
        await _healthy(container)
        await _serves(listen)
        await _passes_the_doctor(container)
        expect(await started.stop() == 0, "SIGTERM did not end it with exit code 0")


async def _healthy(container: Container) -> None:
    try:
        async with asyncio.timeout(HANGS_AFTER):
            while (found := await asyncio.to_thread(container.run, PROGRAM, "healthcheck")).returncode:
                await asyncio.sleep(0.5)
    except TimeoutError:
        raise Unfit(f"not healthy after {HANGS_AFTER:.0f} s: {found.stderr.strip()}") from None


async def _serves(listen: str) -> None:
    async with aiohttp.ClientSession() as client, client.get(f"http://{listen}/v1/credentials") as answer:
        body = await answer.read()
        expect(answer.status == 200, f"credentials: HTTP {answer.status}")
        expect(json.loads(body)["RoleArn"] == ROLE, "credentials of another role")


async def _passes_the_doctor(container: Container) -> None:
    version = await asyncio.to_thread(container.run, PROGRAM, "version")
    expect(version.stdout == f"{PROGRAM} {__version__}\n", f"version: {version.stdout.strip()}, not {__version__}")
    doctor = await asyncio.to_thread(container.run, PROGRAM, "doctor")
    expect(doctor.returncode == 0, f"doctor ends with {doctor.returncode}:\n{doctor.stdout}")


def expect(holds: bool, complaint: str) -> None:
    if not holds:
        raise Unfit(complaint)


@dataclass(frozen=True, slots=True)
class DockerContainer:
    """The image by Docker, on this machine's network, so that it reaches the lab."""

    image: str
    platform: str
    tokens: Path
    variables: Mapping[str, str]

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        words = ["docker", "exec", NAME, *command]
        return subprocess.run(words, check=False, capture_output=True, text=True)

    @asynccontextmanager
    async def started(self) -> AsyncIterator[StartedContainer]:
        process = await asyncio.create_subprocess_exec(*self._run())
        try:
            yield _Running(process)
        finally:
            if process.returncode is None:
                await asyncio.to_thread(subprocess.run, ["docker", "kill", NAME], check=False)
            await process.wait()

    def _run(self) -> list[str]:
        variables = [f"--env={name}={value}" for name, value in self.variables.items()]
        volume = f"--volume={self.tokens}:{TOKENS}:ro"
        where = [f"--platform={self.platform}", "--rm", f"--name={NAME}", *AS_IN_A_POD, volume]
        return ["docker", "run", *where, *variables, self.image]


@dataclass(frozen=True, slots=True)
class _Running:
    process: asyncio.subprocess.Process

    async def stop(self) -> int:
        await asyncio.to_thread(subprocess.run, ["docker", "kill", "--signal=TERM", NAME], check=True)
        return await asyncio.wait_for(self.process.wait(), HANGS_AFTER)


async def published(image: str, platform: str) -> None:
    with TemporaryDirectory(prefix="lab-") as name:
        state = Path(name)
        state.chmod(0o755)  # the image's user goes through it
        async with running(LabSettings(state, FREE, FREE, FREE)) as lab:
            variables = pod_variables(lab)
            container = DockerContainer(image, platform, lab.token_file.parent, variables)
            await examine(container, variables["SIDECAR_LISTEN"])


def main(image: str, platform: str) -> int:
    try:
        asyncio.run(published(image, platform))
    except Unfit as complaint:
        print(f"{image} on {platform}: {complaint}", file=sys.stderr)
        return 1
    print(f"{image} on {platform}: serves, is healthy, passes the doctor, ends")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
