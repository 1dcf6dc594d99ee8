"""The process as a user runs it, and a scripted STS for it."""

import asyncio
import json
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import formatdate
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from sidecar.core.timestamps import timestamp
from tests.doubles import KEY_CANARY, SESSION_CANARY, TOKEN_CANARY
from tests.waiting import HANGS_AFTER

AUTH_TOKEN = f"{KEY_CANARY}/of/the/pod"
REQUEST_ID = "c6104cbe-af31-11e0-8154-cbc7ccf896c7"


# --- the outside -----------------------------------------------------------------------------------------------


@dataclass
class Sts:
    """An STS that issues what is asked for, or says what it is told to say."""

    url: str = ""
    refusal: str = ""
    away: bool = False
    """Something else answers in its place."""
    ahead: float = 0
    """How far its clock is ahead of the one that the tests see."""
    forms: list[dict[str, str]] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.Response:
        self.forms.append({name: str(value) for name, value in (await request.post()).items()})
        if self.away:
            return web.Response(status=503)
        now = time.time() + self.ahead
        dated = {"Date": formatdate(now, usegmt=True)}
        if self.refusal:
            return web.Response(status=403, content_type="text/xml", text=self.refusal, headers=dated)
        asked = self.forms[-1]
        role, ends = asked["RoleArn"].rpartition("/")[2], now + int(asked["DurationSeconds"])
        text = issued(f"ASIA{len(self.forms):012}", ends, role)
        return web.Response(content_type="text/xml", text=text, headers=dated)


def issued(access_key_id: str, expiration: float, role: str = "checkout") -> str:
    return f"""<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
      <AssumeRoleWithWebIdentityResult>
        <AssumedRoleUser><Arn>arn:aws:sts::111122223333:assumed-role/{role}/pod</Arn></AssumedRoleUser>
        <Credentials>
          <AccessKeyId>{access_key_id}</AccessKeyId>
          <SecretAccessKey>{KEY_CANARY}</SecretAccessKey>
          <SessionToken>{SESSION_CANARY}/{access_key_id}</SessionToken>
          <Expiration>{timestamp(expiration)}</Expiration>
        </Credentials>
      </AssumeRoleWithWebIdentityResult>
      <ResponseMetadata><RequestId>{REQUEST_ID}</RequestId></ResponseMetadata>
    </AssumeRoleWithWebIdentityResponse>"""


DENIED = f"""<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <Error><Type>Sender</Type><Code>AccessDenied</Code>
    <Message>Not authorized to perform sts:AssumeRoleWithWebIdentity, says {TOKEN_CANARY}</Message></Error>
  <RequestId>{REQUEST_ID}</RequestId>
</ErrorResponse>"""


# --- the process -----------------------------------------------------------------------------------------------


class Sidecar:
    """A running `serve`, known by what it logs and answers."""

    def __init__(self, process: asyncio.subprocess.Process, http: aiohttp.ClientSession) -> None:
        self._process = process
        self._http = http
        self.written: list[str] = []
        self.credentials = self.admin = ""

    async def told(self, event: str) -> dict[str, Any]:
        """The next log line about `event`."""
        assert self._process.stderr is not None
        async with asyncio.timeout(HANGS_AFTER):
            while line := (await self._process.stderr.readline()).decode():
                self.written.append(line)
                if f'"{event}"' in line:
                    told = json.loads(line)
                    assert isinstance(told, dict)
                    return told
        raise AssertionError(f"it ended without a word of {event!r}: {''.join(self.written)}")

    async def listening(self) -> None:
        told = await self.told("listening")
        self.credentials = f"http://{told['credentials']}/v1/credentials"
        self.admin = f"http://{told['admin']}"

    async def get(self, url: str, authorization: str = "") -> tuple[int, str]:
        headers = {"Authorization": authorization} if authorization else {}
        async with self._http.get(url, headers=headers) as answer:
            return answer.status, await answer.text()

    async def readyz(self) -> tuple[int, dict[str, Any]]:
        status, text = await self.get(f"{self.admin}/readyz")
        return status, json.loads(text)

    async def becomes(self, url: str, wanted: int, authorization: str = "") -> None:
        """Ask until the status is as wanted."""
        async with asyncio.timeout(HANGS_AFTER):
            while (await self.get(url, authorization))[0] != wanted:
                await asyncio.sleep(0.01)

    def send(self, what: signal.Signals) -> None:
        self._process.send_signal(what)

    async def ended(self) -> int:
        """The exit code; whatever was still written is kept."""
        async with asyncio.timeout(HANGS_AFTER):
            _, rest = await self._process.communicate()
        self.written += (rest or b"").decode().splitlines(keepends=True)
        assert self._process.returncode is not None
        return self._process.returncode

    @property
    def events(self) -> list[str]:
        return [told["event"] for told in map(json.loads, self.written) if told["level"] != "debug"]

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def command_line(self) -> str:
        return Path(f"/proc/{self._process.pid}/cmdline").read_text()

    async def kill(self) -> None:
        if self._process.returncode is None:
            self._process.kill()
            await self._process.communicate()


Start = Callable[..., Any]
