"""`irsa-sidecar demo`: the whole chain on loopback, as a timeline that one can read.

One process tree: this process is the cluster and AWS (issuer, kubelet, GetCallerIdentity); its children are STS, which
may be killed, the sidecar, and the application.
"""

import argparse
import asyncio
import json
import os
import secrets
import signal
import socket
import sys
import tempfile
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sidecar.core.variables import AUTHORIZATION, AUTHORIZATION_FILE, FULL_URI, SIDECAR_AUTHORIZATION_FILE
from sidecar.demo.children import Child, lines, python
from sidecar.demo.timeline import Timeline
from sidecar.lab.app import Lab, LabSettings, StsSettings, running, running_sts
from sidecar.lab.events import Answered, Event, TokenProjected

ANY_PORT = ("127.0.0.1", 0)
REGION = "us-east-1"
ROLE = "arn:aws:iam::111122223333:role/demo"
TOKEN_LIVES, SESSION_LIVES = 40, 60
"""Seconds. AWS's shortest are 600 and 900: here one wants to see something."""
CALL_EVERY = 3
STS_RETURNS_AFTER = 30
LONGEST_OUTAGE = 45
"""Seconds: after that, credentials that live 60 s are used up, and the sidecar can only say so."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How the demo ends: by itself after `rotations` and `refreshes`, after one `outage` in seconds, or by Ctrl-C."""

    once: bool
    outage: int | None

    @property
    def ends(self) -> bool:
        return self.once or self.outage is not None


def main(argv: Sequence[str]) -> int:
    """Run the demo. Returns 0 if no application call failed and, where it ends by itself, the access key changed."""
    try:
        return 0 if asyncio.run(run(_plan(argv))) else 1
    except* ChildEnded as ended:
        print(*ended.exceptions, sep="\n", file=sys.stderr)
    return 1


class ChildEnded(Exception):
    """A part of the demo that should go on has ended by itself."""


def _plan(argv: Sequence[str]) -> Plan:
    parser = argparse.ArgumentParser(prog="irsa-sidecar demo", description="The main job, offline. Ctrl-C ends it.")
    parser.add_argument("--once", action="store_true", help="end after two token rotations and two refreshes")
    parser.add_argument(
        "--outage",
        type=int,
        metavar="SECONDS",
        help=f"kill STS for so long (1 to {LONGEST_OUTAGE}) after a refresh, and end once it has recovered",
    )
    given = parser.parse_args(argv)
    if given.outage is not None and not 1 <= given.outage <= LONGEST_OUTAGE:
        parser.error(f"--outage {given.outage}: 1 to {LONGEST_OUTAGE} is allowed; credentials live {SESSION_LIVES} s")
    return Plan(given.once, given.outage)


async def run(plan: Plan) -> bool:
    """The demo from start to end. True if it went as the README says."""
    timeline = Timeline()
    with tempfile.TemporaryDirectory(prefix="irsa-sidecar-demo-") as directory:
        demo = Demo(plan, timeline, Path(directory))
        async with (
            running(
                LabSettings(demo.state, issuer=ANY_PORT, sts=None, control=ANY_PORT, token_lifetime=TOKEN_LIVES),
                demo.observe,
            ) as lab,
            running_sts(StsSettings(demo.state, ANY_PORT, REGION), demo.observe) as aws_url,
        ):
            await demo.play(lab, aws_url)
    tally = timeline.tally
    timeline.say("demo", f"the end: {tally}")
    return tally.failed_calls == 0 and (not plan.ends or len(tally.access_keys) > 1)


class Demo:
    """The players and what connects them."""

    def __init__(self, plan: Plan, timeline: Timeline, directory: Path) -> None:
        self._plan = plan
        self._timeline = timeline
        self.state = directory / "lab"
        self._home = directory
        self._auth_token_file = directory / "authorization-token"
        self._auth_token_file.touch(mode=0o600)
        self._auth_token_file.write_text(secrets.token_urlsafe())
        self._sts_port = _free_port()
        self._sts: Child | None = None
        self._serving: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def observe(self, event: Event) -> None:
        """The lab's side of the story."""
        match event:
            case TokenProjected(kid=kid, issued_at=issued_at, expires_at=expires_at):
                self._timeline.say("kubelet", f"token written: lives {expires_at - issued_at:.0f} s, key {kid[:8]}…")
            case Answered(status=status, code=code, why=why) if code:
                self._timeline.say("aws", f"refused: {status} {code} {why}")

    async def play(self, lab: Lab, aws_url: str) -> None:
        """Start everyone, and wait for the end that was planned, or for a signal."""
        stopped = _stop_signal()
        async with asyncio.TaskGroup() as group:
            running = [
                group.create_task(self._keep_sts_running(), name="sts"),
                group.create_task(self._run_sidecar(lab), name="sidecar"),
                group.create_task(self._run_application(aws_url), name="application"),
                group.create_task(stopped.wait(), name="a signal"),
                group.create_task(self._planned_end(), name="the planned end"),
            ]
            await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for task in running:
                task.cancel()

    async def _planned_end(self) -> None:
        timeline = self._timeline
        if self._plan.outage is not None:
            await timeline.until(lambda tally: tally.refreshes >= 1)
            await self._kill_sts()
        if self._plan.once:
            await timeline.until(lambda tally: tally.rotations > 1 and tally.refreshes > 1)
        if not self._plan.ends:
            await asyncio.Event().wait()

    async def _kill_sts(self) -> None:
        issued = self._timeline.tally.issued
        if self._sts is not None:
            self._sts.kill()
        await self._timeline.until(lambda tally: tally.issued > issued)
        self._timeline.say("demo", "recovered: the sidecar has new credentials")

    async def _keep_sts_running(self) -> None:
        """STS comes back some time after whoever killed it: the demo's own outage, or a person at the terminal."""
        away = self._plan.outage or STS_RETURNS_AFTER
        listen = f"127.0.0.1:{self._sts_port}"
        command = ["-m", "sidecar", "lab", "sts", "--state", str(self.state), "--listen", listen]
        command += ["--session-lifetime", str(SESSION_LIVES), "--region", REGION]
        while True:
            async with python(command, _bare(self._home), stdout=DEVNULL, stderr=DEVNULL) as self._sts:
                self._timeline.say("sts", f"listens on http://{listen}, process {self._sts.pid}: kill it and see")
                await self._sts.wait()
            self._timeline.say("sts", f"is gone, and returns in {away} s; credentials that are cached are still served")
            await asyncio.sleep(away)

    async def _run_sidecar(self, lab: Lab) -> None:
        await _reachable(self._sts_port)
        environment = _bare(self._home) | {
            "AWS_ROLE_ARN": ROLE,
            "AWS_WEB_IDENTITY_TOKEN_FILE": str(lab.token_file),
            "AWS_ENDPOINT_URL_STS": f"http://127.0.0.1:{self._sts_port}",
            "SIDECAR_LISTEN": "127.0.0.1:0",
            "SIDECAR_ADMIN_LISTEN": "127.0.0.1:0",
            SIDECAR_AUTHORIZATION_FILE: str(self._auth_token_file),
            "SIDECAR_DURATION": "900",
            "SIDECAR_GRACE": "0",
        }
        async with python(["-m", "sidecar", "serve"], environment, stdout=DEVNULL, stderr=PIPE) as child:
            async for line in lines(child.stderr):
                self._sidecar_said(line)
            raise ChildEnded(f"the sidecar ended by itself (exit code {await child.wait()})")

    def _sidecar_said(self, line: str) -> None:
        told = _json(line)
        if told is None:
            return self._timeline.say("sidecar", line)
        match told["event"]:
            case "listening":
                self._explain(told["credentials"], told["admin"])
            case "credentials issued":
                self._timeline.credentials_issued()
                self._timeline.say(
                    "sidecar",
                    f"credentials issued: key …{told['access_key_ending']}, live {told['expires_in']} s, "
                    f"next refresh in {told['next_attempt_in']} s",
                )
            case "token rotated":
                self._timeline.token_rotated()
                calls = (
                    "tries it" if told["next_attempt"] == "at once" else "the credentials are good: STS is not called"
                )
                self._timeline.say("sidecar", f"noticed the new token; {calls}")
            case "refresh failed":
                valid = told["credentials_valid_for"]
                self._timeline.say("sidecar", f"refresh failed: {told['cause']} Still serving for {valid} s.")
            case _:
                return None
        return None

    def _explain(self, credentials: str, admin: str) -> None:
        say = self._timeline.say
        url = f"http://{credentials}/v1/credentials"
        say("sidecar", f"serves credentials on {url}")
        say("sidecar", f"tells how it is on    http://{admin}/readyz and http://{admin}/metrics")
        say("you", f'try:  curl -H "Authorization: $(cat {self._auth_token_file})" {url}')
        say("you", f"or:   curl http://{admin}/readyz")
        self._serving.set_result(url)

    async def _run_application(self, aws_url: str) -> None:
        environment = _bare(self._home) | {
            FULL_URI: await self._serving,
            AUTHORIZATION: self._auth_token_file.read_text(),
            AUTHORIZATION_FILE: str(self._auth_token_file),
            "AWS_DEFAULT_REGION": REGION,  # boto3 reads this name only
            "AWS_ENDPOINT_URL_STS": aws_url,
        }
        # A pod's application starts when the sidecar's startup probe has succeeded: with the first credential.
        await self._timeline.until(lambda tally: tally.issued > 0)
        command = ["-m", "sidecar.demo.application", str(CALL_EVERY)]
        async with python(command, environment, stdout=PIPE, stderr=DEVNULL) as child:
            async for line in lines(child.stdout):
                self._application_said(line)
            raise ChildEnded(f"the application ended by itself (exit code {await child.wait()})")

    def _application_said(self, line: str) -> None:
        told = json.loads(line)
        if "error" in told:
            self._timeline.call_failed()
            self._timeline.say("application", f"FAILED: {told['error']}")
            return
        self._timeline.called(told["access_key_id"])
        self._timeline.say(
            "application", f"I am {told['who']}, key {told['access_key_id']}, {told['seconds_left']} s left"
        )


def _stop_signal() -> asyncio.Event:
    asked = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, asked.set)
    return asked


def _bare(home: Path) -> dict[str, str]:
    """An environment without the developer's AWS settings."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL") if name in os.environ}
    return kept | {"HOME": str(home), "PYTHONUNBUFFERED": "1"}


def _json(line: str) -> dict[str, Any] | None:
    try:
        told = json.loads(line)
    except ValueError:
        return None
    return told if isinstance(told, dict) and "event" in told else None


def _free_port() -> int:
    """A port for an STS that comes and goes: it must be the same each time."""
    with socket.create_server(ANY_PORT) as server:
        port: int = server.getsockname()[1]
        return port


async def _reachable(port: int) -> None:
    """Wait until somebody listens on `port`: a cluster's STS was there before its pods."""
    while True:
        try:
            _, writer = await asyncio.open_connection(ANY_PORT[0], port)
        except ConnectionRefusedError:
            await asyncio.sleep(0.05)
        else:
            writer.close()
            return
