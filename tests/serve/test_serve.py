"""The process as a user runs it: `python -m sidecar serve`, told by its environment alone, against a scripted STS."""

import asyncio
import json
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from sidecar.core.process_limits import THREADS
from sidecar.http.server import serving
from tests.conftest import Canary
from tests.doubles import KEY_CANARY, a_token
from tests.faces.kit import ANY_PORT, Requests, Source, container_face
from tests.needs import on_linux
from tests.serve.kit import AUTH_TOKEN, DENIED, REQUEST_ID, Start, Sts
from tests.silent_name_server import asked, with_a_silent_name_server
from tests.waiting import HANGS_AFTER


@asynccontextmanager
async def a_taken_address() -> AsyncIterator[str]:
    async with serving(container_face(Source()), Requests(), [ANY_PORT]) as addresses:
        yield str(addresses[0])


# --- it cannot start -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", ["0", "7", "4294967295"])
async def test_hashes_whose_key_somebody_chose_end_it_with_2(start: Start, seed: str) -> None:
    sidecar = await start(PYTHONHASHSEED=seed)
    assert await sidecar.ended() == 2
    assert "Leave PYTHONHASHSEED out." in "".join(sidecar.written)


async def test_hashes_with_a_key_of_its_own_do_not(start: Start) -> None:
    sidecar = await start(PYTHONHASHSEED="random")
    await sidecar.told("listening")


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


@on_linux
async def test_from_start_to_sigterm_it_serves_and_after_the_grace_it_ends_with_0(
    start: Start, sts: Sts, canary: Canary
) -> None:
    sidecar = await start(SIDECAR_AUTH_TOKEN=AUTH_TOKEN, SIDECAR_GRACE="5", SIDECAR_LOG_LEVEL="debug")
    await sidecar.listening()
    issued_line = await sidecar.told("credentials issued")
    assert (issued_line["request_id"], issued_line["access_key_id"]) == (REQUEST_ID, "ASIA000000000001")

    status, text = await sidecar.get(sidecar.credentials, AUTH_TOKEN)
    document = json.loads(text)
    assert (status, document["AccessKeyId"], document["SecretAccessKey"]) == (200, "ASIA000000000001", KEY_CANARY)
    wrong = await sidecar.get(sidecar.credentials, "wrong")
    missing = await sidecar.get(sidecar.credentials)
    assert (wrong[0], missing[0]) == (401, 401)
    refused = await sidecar.told("request refused")
    assert (refused["face"], refused["status"], refused["fix"] in wrong[1]) == ("container", 401, True)
    assert (await sidecar.readyz())[1]["refused"][0]["code"] == "NotAuthorized"
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
    assert time.monotonic() - told_at >= 5
    refusals = ["request refused"] * 2  # one without the token, one with a wrong one
    assert sidecar.events == ["starting", "listening", "credentials issued", *refusals, "stopping", "stopped"]
    canary.saw(*sidecar.written)
    assert sts.forms[0]["RoleSessionName"] == "shop.checkout-7c5d8-x2x8q"
    assert sts.forms[0]["DurationSeconds"] == "3600"
    assert len(sts.forms) == 1


async def test_it_has_few_threads_and_none_of_libuvs_which_abort_where_they_cannot_start(
    start: Start, sts: Sts
) -> None:
    sidecar = await start(AWS_ENDPOINT_URL_STS=sts.url.replace("127.0.0.1", "localhost"))
    await sidecar.told("credentials issued")
    threads = [(task / "comm").read_text().strip() for task in Path(f"/proc/{sidecar.pid}/task").iterdir()]
    assert len(threads) <= 1 + THREADS
    assert not [name for name in threads if "libuv" in name]


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
    await sidecar.told("credentials issued")
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
    async with asyncio.timeout(HANGS_AFTER):
        await asked(sidecar.pid)
    sidecar.send(signal.SIGTERM)
    assert await sidecar.ended() == 0
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
    assert 'irsa_sidecar_refreshes_total{code="AccessDenied",outcome="failed",role="default"} 1.0' in metrics
    assert (await sidecar.get(f"{sidecar.admin}/livez"))[0] == 200
    sidecar.send(signal.SIGINT)
    assert await sidecar.ended() == 0
    for shown in (*sidecar.written, text, json.dumps(snapshot), metrics):
        assert "Not authorized to perform" not in shown
        canary.saw(shown)


async def test_what_may_surprise_later_is_warned_of_at_the_start(start: Start) -> None:
    sidecar = await start(AWS_ENDPOINT_URL_STS="http://192.0.2.1:9", SIDECAR_STS_HTTP="true", SIDECAR_DURATION="900")
    assert "1800" in (await sidecar.told("short sessions"))["fix"]
    assert (await sidecar.told("unencrypted STS endpoint"))["sts"] == "http://192.0.2.1:9"
    await sidecar.listening()
    sidecar.send(signal.SIGINT)
    assert await sidecar.ended() == 0
