"""The process as a user runs it: `python -m sidecar serve`, told by its environment alone, against a scripted STS."""

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from sidecar.core.timestamps import timestamp
from sidecar.http.server import serving
from tests.conftest import Canary
from tests.doubles import KEY_CANARY, ROLE_ARN, SESSION_CANARY, TOKEN_CANARY, a_token
from tests.faces.kit import ANY_PORT, Requests, Source, container_face
from tests.silent_name_server import asked, with_a_silent_name_server

AUTH_TOKEN = f"{KEY_CANARY}/of/the/pod"
REQUEST_ID = "c6104cbe-af31-11e0-8154-cbc7ccf896c7"


# --- the outside -----------------------------------------------------------------------------------------------


@dataclass
class Sts:
    """An STS that issues an hour, or says what it is told to say."""

    url: str = ""
    refusal: str = ""
    forms: list[dict[str, str]] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.Response:
        self.forms.append({name: str(value) for name, value in (await request.post()).items()})
        if self.refusal:
            return web.Response(status=403, content_type="text/xml", text=self.refusal)
        return web.Response(content_type="text/xml", text=issued(f"ASIA{len(self.forms):012}"))


def issued(access_key_id: str) -> str:
    return f"""<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
      <AssumeRoleWithWebIdentityResult>
        <AssumedRoleUser><Arn>arn:aws:sts::111122223333:assumed-role/checkout/pod</Arn></AssumedRoleUser>
        <Credentials>
          <AccessKeyId>{access_key_id}</AccessKeyId>
          <SecretAccessKey>{KEY_CANARY}</SecretAccessKey>
          <SessionToken>{SESSION_CANARY}</SessionToken>
          <Expiration>{timestamp(time.time() + 3600)}</Expiration>
        </Credentials>
      </AssumeRoleWithWebIdentityResult>
      <ResponseMetadata><RequestId>{REQUEST_ID}</RequestId></ResponseMetadata>
    </AssumeRoleWithWebIdentityResponse>"""


DENIED = f"""<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <Error><Type>Sender</Type><Code>AccessDenied</Code>
    <Message>Not authorized to perform sts:AssumeRoleWithWebIdentity, says {TOKEN_CANARY}</Message></Error>
  <RequestId>{REQUEST_ID}</RequestId>
</ErrorResponse>"""


@pytest.fixture
async def sts() -> AsyncIterator[Sts]:
    scripted = Sts()
    app = web.Application()
    app.router.add_post("/", scripted.answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0]
    scripted.url = f"http://{host}:{port}"
    yield scripted
    await runner.cleanup()


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
        async with asyncio.timeout(10):
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
        async with asyncio.timeout(5):
            while (await self.get(url, authorization))[0] != wanted:
                await asyncio.sleep(0.01)

    def send(self, what: signal.Signals) -> None:
        self._process.send_signal(what)

    async def ended(self, *, within: float = 5) -> int:
        """The exit code; whatever was still written is kept."""
        async with asyncio.timeout(within):
            _, rest = await self._process.communicate()
        self.written += rest.decode().splitlines(keepends=True)
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


@pytest.fixture
async def start(sts: Sts, tmp_path: Path) -> AsyncIterator[Start]:
    """Starts a sidecar whose environment is what a pod's would be, changed by what the test gives."""
    token_file = tmp_path / "token"
    token_file.write_text(a_token(issued_at=time.time()).raw)
    inherited = {name: text for name, text in os.environ.items() if name.startswith(("COVERAGE_", "PATH"))}
    usual = inherited | {
        "AWS_ROLE_ARN": ROLE_ARN,
        "AWS_WEB_IDENTITY_TOKEN_FILE": str(token_file),
        "AWS_ENDPOINT_URL_STS": sts.url,
        "SIDECAR_LISTEN": "127.0.0.1:0",
        "SIDECAR_ADMIN_LISTEN": "127.0.0.1:0",
        "SIDECAR_GRACE": "60",
    }
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(aiohttp.ClientSession())

        async def run(*command: str, **environ: str) -> Sidecar:
            process = await asyncio.create_subprocess_exec(
                *(command or (sys.executable, "-m", "sidecar", "serve")),
                env=usual | environ,
                stderr=asyncio.subprocess.PIPE,
            )
            sidecar = Sidecar(process, http)
            stack.push_async_callback(sidecar.kill)
            return sidecar

        yield run


@asynccontextmanager
async def a_taken_address() -> AsyncIterator[str]:
    async with serving(container_face(Source()), Requests(), [ANY_PORT]) as addresses:
        yield str(addresses[0])


# --- it cannot start -------------------------------------------------------------------------------------------


async def test_bad_settings_end_it_with_2_and_every_complaint_before_anything_listens(start: Start) -> None:
    sidecar = await start(AWS_ROLE_ARN="", SIDECAR_DURATION="soon", SIDECAR_LISTEM="x", SIDECAR_AUTH_TOKEN="\n")
    assert await sidecar.ended() == 2
    assert [line.split(":")[0].strip() for line in sidecar.written] == [
        "irsa-sidecar cannot start",
        "AWS_ROLE_ARN",
        "SIDECAR_AUTH_TOKEN",
        "SIDECAR_DURATION",
        "SIDECAR_LISTEM",
    ]


async def test_a_taken_address_ends_it_with_2_and_its_name(start: Start, sts: Sts) -> None:
    async with a_taken_address() as taken:
        sidecar = await start(SIDECAR_ADMIN_LISTEN=taken)
        assert await sidecar.ended() == 2
    assert f"Cannot listen on {taken}: " in "".join(sidecar.written)
    assert "Traceback" not in "".join(sidecar.written)
    assert sts.forms == []


# --- its life --------------------------------------------------------------------------------------------------


async def test_from_start_to_sigterm_it_serves_and_after_the_grace_it_ends_with_0(
    start: Start, sts: Sts, canary: Canary
) -> None:
    sidecar = await start(SIDECAR_AUTH_TOKEN=AUTH_TOKEN, SIDECAR_GRACE="1", SIDECAR_LOG_LEVEL="debug")
    await sidecar.listening()
    issued_line = await sidecar.told("credentials issued")
    assert (issued_line["request_id"], issued_line["access_key_ending"]) == (REQUEST_ID, "0001")

    status, text = await sidecar.get(sidecar.credentials, AUTH_TOKEN)
    document = json.loads(text)
    assert (status, document["AccessKeyId"], document["SecretAccessKey"]) == (200, "ASIA000000000001", KEY_CANARY)
    wrong = await sidecar.get(sidecar.credentials, "wrong")
    missing = await sidecar.get(sidecar.credentials)
    assert (wrong[0], missing[0]) == (401, 401)
    assert (await sidecar.readyz())[0] == 200
    assert (await sidecar.get(f"{sidecar.admin}/livez"))[0] == 200
    metrics = (await sidecar.get(f"{sidecar.admin}/metrics"))[1]
    assert 'irsa_sidecar_requests_total{face="container",status="401"} 2.0' in metrics
    canary.saw(sidecar.command_line, wrong[1], missing[1], metrics, (await sidecar.readyz())[1])

    told_at = time.monotonic()
    sidecar.send(signal.SIGTERM)
    await sidecar.told("stopping")
    status, stopping = await sidecar.readyz()
    assert (status, stopping["phase"]) == (503, "stopping")
    assert (await sidecar.get(sidecar.credentials, AUTH_TOKEN))[0] == 200
    assert (await sidecar.get(f"{sidecar.admin}/livez"))[0] == 200
    assert await sidecar.ended() == 0
    assert 1 <= time.monotonic() - told_at < 4
    assert sidecar.events == ["starting", "listening", "credentials issued", "stopping", "stopped"]
    canary.saw(*sidecar.written)
    assert sts.forms[0]["RoleSessionName"] == "shop.checkout-7c5d8-x2x8q"
    assert sts.forms[0]["DurationSeconds"] == "3600"
    assert len(sts.forms) == 1


async def test_a_second_sigterm_ends_it_at_once(start: Start) -> None:
    sidecar = await start()
    await sidecar.listening()
    sidecar.send(signal.SIGTERM)
    assert (await sidecar.told("stopping"))["grace"] == 60
    sidecar.send(signal.SIGTERM)
    assert await sidecar.ended() == 0


async def test_during_the_grace_clients_are_served_and_told_to_keep_no_connection(start: Start) -> None:
    sidecar = await start()
    await sidecar.listening()
    async with aiohttp.ClientSession() as client:
        async with client.get(sidecar.credentials) as answer:
            assert "Connection" not in answer.headers
        sidecar.send(signal.SIGTERM)
        await sidecar.told("stopping")
        async with client.get(sidecar.credentials) as answer:
            assert (answer.status, answer.headers["Connection"]) == (200, "close")


async def test_ctrl_c_ends_it_at_once(start: Start) -> None:
    sidecar = await start()
    await sidecar.listening()
    sidecar.send(signal.SIGINT)
    assert await sidecar.ended() == 0
    assert sidecar.events[-2:] == ["stopping", "stopped"]


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2])
async def test_a_signal_that_means_nothing_to_it_changes_nothing(start: Start, number: signal.Signals) -> None:
    sidecar = await start()
    await sidecar.listening()
    sidecar.send(number)
    await sidecar.told("signal ignored")
    sidecar.send(signal.SIGINT)
    assert await sidecar.ended() == 0


async def test_a_grace_of_0_ends_it_at_once_whoever_is_still_connected(start: Start) -> None:
    sidecar = await start(SIDECAR_GRACE="0")
    await sidecar.listening()
    host, _, port = sidecar.credentials.removeprefix("http://").partition("/")[0].rpartition(":")
    _, writer = await asyncio.open_connection(host, int(port))
    sidecar.send(signal.SIGTERM)
    assert await sidecar.ended() == 0
    writer.close()
    await writer.wait_closed()


async def test_a_silent_name_server_does_not_hold_up_its_end(start: Start, tmp_path: Path) -> None:
    command = with_a_silent_name_server(tmp_path, "-m", "sidecar", "serve")
    sidecar = await start(*command, AWS_ENDPOINT_URL_STS="https://sts.eu-west-1.amazonaws.com", SIDECAR_GRACE="0")
    async with asyncio.timeout(10):
        await asked(sidecar.pid)
    sidecar.send(signal.SIGTERM)
    assert await sidecar.ended(within=2) == 0
    assert sidecar.events[-2:] == ["stopping", "stopped"]


# --- trouble does not end it -----------------------------------------------------------------------------------


@pytest.mark.parametrize("directory", ["", "not/there/yet/"])
async def test_it_waits_for_a_token_file_that_appears_later(start: Start, tmp_path: Path, directory: str) -> None:
    token_file = tmp_path / "late" / directory / "token"
    (tmp_path / "late").mkdir()
    sidecar = await start(AWS_WEB_IDENTITY_TOKEN_FILE=str(token_file))
    await sidecar.listening()
    assert (await sidecar.told("refresh failed"))["code"] == "TokenUnreadable"
    status, text = await sidecar.get(sidecar.credentials)
    assert (status, json.loads(text)["Code"]) == (503, "TokenUnreadable")
    assert str(token_file) in json.loads(text)["Message"]
    assert (await sidecar.get(f"{sidecar.admin}/livez"))[0] == 200
    assert (await sidecar.readyz())[0] == 503
    token_file.parent.mkdir(parents=True, exist_ok=True)
    token_file.write_text(a_token(issued_at=time.time()).raw)
    await sidecar.told("credentials issued")
    await sidecar.becomes(f"{sidecar.admin}/readyz", 200)
    assert (await sidecar.get(sidecar.credentials))[0] == 200


async def test_a_refusal_by_sts_is_told_to_everybody_in_our_words_and_ends_nothing(
    start: Start, sts: Sts, canary: Canary
) -> None:
    sts.refusal = DENIED
    sidecar = await start()
    await sidecar.listening()
    told = await sidecar.told("refresh failed")
    assert (told["aws_code"], told["request_id"], told["retry"]) == ("AccessDenied", REQUEST_ID, "slowly")
    status, text = await sidecar.get(sidecar.credentials)
    assert (status, json.loads(text)["message"]) == (503, f"{told['cause']} {told['fix']}")
    ready, snapshot = await sidecar.readyz()
    assert (ready, snapshot["last_error"]["fix"]) == (503, told["fix"])
    metrics = (await sidecar.get(f"{sidecar.admin}/metrics"))[1]
    assert 'irsa_sidecar_refreshes_total{code="AccessDenied",outcome="failed"} 1.0' in metrics
    assert (await sidecar.get(f"{sidecar.admin}/livez"))[0] == 200
    sidecar.send(signal.SIGINT)
    assert await sidecar.ended() == 0
    for shown in (*sidecar.written, text, json.dumps(snapshot), metrics):
        assert "Not authorized to perform" not in shown
        canary.saw(shown)


async def test_what_may_surprise_later_is_warned_of_at_the_start(start: Start) -> None:
    sidecar = await start(AWS_ENDPOINT_URL_STS="http://192.0.2.1:9", SIDECAR_DURATION="900")
    assert "1800" in (await sidecar.told("short sessions"))["fix"]
    assert (await sidecar.told("unencrypted STS endpoint"))["sts"] == "http://192.0.2.1:9"
    await sidecar.listening()
    sidecar.send(signal.SIGINT)
    assert await sidecar.ended() == 0
