"""The demo from start to end: the whole chain on loopback, with each step printed.

One process tree: this process is the cluster and AWS (issuer, kubelet, GetCallerIdentity); its children are STS, which
may be killed, the sidecar, and the application.
"""

import asyncio
import json
import secrets
import signal
import tempfile
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sidecar.core.variables import AUTHORIZATION, AUTHORIZATION_FILE, FULL_URI, SIDECAR_AUTHORIZATION_FILE
from sidecar.demo import narration
from sidecar.demo.processes import LOOPBACK, bare_environment, free_port, lines, python, until_listening
from sidecar.demo.progress import Progress
from sidecar.demo.sts_process import StsProcess
from sidecar.lab.app import Lab, running, running_sts
from sidecar.lab.events import LabEvent
from sidecar.lab.settings import LabSettings, StsSettings

ANY_PORT = (LOOPBACK, 0)
REGION = "us-east-1"
ROLE = "arn:aws:iam::111122223333:role/demo"
TOKEN_LIFETIME, SESSION_LIFETIME = 40, 60
"""Seconds. AWS's shortest are 600 and 900; nobody would watch a demo for so long."""
CALL_INTERVAL = 3
STS_DOWNTIME = 30


@dataclass(frozen=True, slots=True)
class Plan:
    """How the demo ends: `once` after two rotations and two refreshes, after one `outage` in seconds, or by Ctrl-C."""

    once: bool
    outage: int | None = None

    @property
    def ends(self) -> bool:
        return self.once or self.outage is not None


class ProcessEnded(Exception):
    """A part of the demo that should go on has ended by itself."""


async def run(plan: Plan, kind: type["Demo"] | None = None) -> bool:
    """The demo from start to end, of `kind` if not the usual one.

    True if no call failed for which there were credentials and, where it ends by itself, the access key changed.
    """
    progress = Progress()
    with tempfile.TemporaryDirectory(prefix="irsa-sidecar-demo-") as directory:
        demo = (kind or Demo)(plan, progress, Path(directory))
        async with (
            running(
                LabSettings(demo.state, issuer=ANY_PORT, sts=None, control=ANY_PORT, token_lifetime=TOKEN_LIFETIME),
                demo.observe,
            ) as lab,
            running_sts(StsSettings(demo.state, ANY_PORT, REGION), demo.observe) as aws_url,
        ):
            await demo.run(lab, aws_url)
    progress.print("demo", f"done: {demo.ended()}")
    return demo.succeeded


class Demo:
    """The processes, and what connects them."""

    def __init__(self, plan: Plan, progress: Progress, directory: Path) -> None:
        self._plan = plan
        self._progress = progress
        self.state = directory / "lab"
        self._environment = bare_environment(directory)
        self._auth_token_file = directory / "authorization-token"
        self._auth_token_file.touch(mode=0o600)
        self._auth_token_file.write_text(secrets.token_urlsafe())
        self._sts_port = free_port()
        self._sts = self._sts_process()
        self._serving: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def observe(self, event: LabEvent) -> None:
        """Print what the lab does."""
        if told := narration.of_lab(event):
            self._progress.print(*told)

    @property
    def succeeded(self) -> bool:
        counts = self._progress.counts
        return counts.failed_calls == 0 and (not self._plan.ends or len(counts.access_keys) > 1)

    def ended(self) -> str:
        """What has happened, in one line."""
        return str(self._progress.counts)

    async def run(self, lab: Lab, aws_url: str) -> None:
        """Start all parts, and wait for the planned end or for a signal."""
        stopped = _stop_signal()
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(self._sts.keep_running(), name="sts"),
                group.create_task(self._run_sidecar(lab), name="sidecar"),
                group.create_task(self._run_applications(aws_url), name="application"),
                group.create_task(stopped.wait(), name="a signal"),
                group.create_task(self._planned_end(), name="the planned end"),
            ]
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                task.cancel()

    async def _planned_end(self) -> None:
        if self._plan.outage is not None:
            await self._outage()
        if self._plan.once:
            await self._progress.until(lambda counts: counts.rotations > 1 and counts.refreshes > 1)
        if not self._plan.ends:
            await asyncio.Event().wait()

    async def _outage(self) -> None:
        """Begins just before a refresh is due: any sooner, and nobody would see it."""
        await self._progress.until(lambda counts: counts.refreshes >= 1)
        await self._progress.until_nearly_due()
        self._progress.print("demo", "stops STS: the next refresh is due in a moment")
        issued = self._progress.counts.issued
        self._sts.kill()
        await self._progress.until(lambda counts: counts.issued > issued)
        self._progress.print("demo", "recovered: the sidecar has new credentials")

    def _sts_process(self) -> StsProcess:
        address = f"{LOOPBACK}:{self._sts_port}"
        command = ["-m", "sidecar", "lab", "sts", "--state", str(self.state), "--listen", address]
        command += ["--session-lifetime", str(SESSION_LIFETIME), "--region", REGION]
        return StsProcess(command, self._environment, address, self._plan.outage or STS_DOWNTIME, self._progress)

    def _sidecar_settings(self, lab: Lab) -> dict[str, str]:
        return {
            "AWS_ROLE_ARN": ROLE,
            "AWS_WEB_IDENTITY_TOKEN_FILE": str(lab.token_file),
            "AWS_ENDPOINT_URL_STS": f"http://{LOOPBACK}:{self._sts_port}",
            "SIDECAR_LISTEN": f"{LOOPBACK}:0",
            "SIDECAR_ADMIN_LISTEN": f"{LOOPBACK}:0",
            SIDECAR_AUTHORIZATION_FILE: str(self._auth_token_file),
            "SIDECAR_DURATION": "900",
            "SIDECAR_GRACE": "0",
        }

    async def _run_sidecar(self, lab: Lab) -> None:
        await until_listening(self._sts_port)  # a cluster's STS was there before its pods
        environment = self._environment | self._sidecar_settings(lab)
        async with python(["-m", "sidecar", "serve"], environment, stdout=DEVNULL, stderr=PIPE) as process:
            async for line in lines(process.stderr):
                self._sidecar_logged(line)
            raise ProcessEnded(f"the sidecar ended unexpectedly (exit code {await process.wait()})")

    def _sidecar_logged(self, line: str) -> None:
        fields = narration.log_fields(line)
        if fields is None:
            self._progress.print("sidecar", line)
            return
        match fields["event"]:
            case "listening":
                self._sidecar_listens(fields["credentials"], fields["admin"])
            case "credentials issued":
                self._issued(fields)
            case "token rotated":
                self._progress.token_rotated()
        if told := narration.of_sidecar(fields):
            self._progress.print("sidecar", told)

    def _issued(self, fields: Mapping[str, Any]) -> None:
        self._progress.credentials_issued(fields["expires_in"], fields["next_attempt_in"])

    def _sidecar_listens(self, credentials: str, admin: str) -> None:
        show = self._progress.print
        url = f"http://{credentials}/v1/credentials"
        show("sidecar", f"serves credentials on     {url}")
        show("sidecar", f"health and metrics are on http://{admin}/readyz and http://{admin}/metrics")
        show("you", f'try:  curl -H "Authorization: $(cat {self._auth_token_file})" {url}')
        show("you", f"or:   curl http://{admin}/readyz")
        self._serving.set_result(url)

    async def _run_applications(self, aws_url: str) -> None:
        environment = self._environment | {
            FULL_URI: await self._serving,
            AUTHORIZATION: self._auth_token_file.read_text(),
            AUTHORIZATION_FILE: str(self._auth_token_file),
            "AWS_DEFAULT_REGION": REGION,  # boto3 reads this name only
            "AWS_ENDPOINT_URL_STS": aws_url,
        }
        # A pod's application starts when the sidecar's startup probe has succeeded: with the first credential.
        await self._progress.until(lambda counts: counts.issued > 0)
        command = ["-m", "sidecar.demo.application", str(CALL_INTERVAL)]
        async with python(command, environment, stdout=PIPE, stderr=DEVNULL) as process:
            async for line in lines(process.stdout):
                self._application_called(line)
            raise ProcessEnded(f"the application ended unexpectedly (exit code {await process.wait()})")

    def _application_called(self, line: str) -> None:
        fields = json.loads(line)
        self._progress.called(fields)
        self._progress.print("application", narration.of_application(fields))


def _stop_signal() -> asyncio.Event:
    asked = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, asked.set)
    return asked
