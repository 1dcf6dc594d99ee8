"""The page in front of a sidecar that really runs, with a lab around it: it follows what happens, without a reload."""

import asyncio
import json
import logging
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.e2e.in_process import Pod, a_pod
from tests.status.browser import Browser

aside = asyncio.to_thread
"""A browser blocks whoever drives it; the pod must go on meanwhile."""
UNFOLD = "document.querySelectorAll('details').forEach((list) => (list.open = true))"
AUTH_TOKEN = "the-token-that-applications-send"


@asynccontextmanager
async def a_watched_pod(directory: Path, caplog: pytest.LogCaptureFixture) -> AsyncIterator[tuple[Pod, str]]:
    """A pod, and its page's URL: on loopback, because a browser knows no unix socket."""
    caplog.set_level(logging.INFO)
    listen = {"SIDECAR_ADMIN_LISTEN": f"unix:{directory}/admin.sock,127.0.0.1:0", "SIDECAR_AUTH_TOKEN": AUTH_TOKEN}
    async with a_pod(directory, environ=listen) as pod:
        await pod.until_healthy()
        told = next(record for record in caplog.records if record.getMessage() == "listening")
        found = re.search(r"127\.0\.0\.1:\d+", vars(told)["admin"])
        assert found
        yield pod, f"http://{found[0]}/status"


async def test_it_follows_a_rotation_and_an_outage_and_its_end(
    browser: Browser, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with a_watched_pod(tmp_path, caplog) as (pod, url):
        await aside(browser.open, url)
        await aside(browser.run, "window.stayed = true")
        await aside(browser.run, UNFOLD)
        assert "Rotated\nnot since the sidecar started" in await aside(browser.text, "main")
        rotated = asyncio.create_task(aside(browser.until, "main", "Rotated\nonce, last "))
        pod.lab.projections[0].wake()
        await rotated

        pod.lab.faults.start("throttle")
        await aside(browser.until, "h1", "Refresh fails")
        failing = await aside(browser.text, ".trouble")
        assert "StsThrottled (AWS says Throttling, request " in failing
        assert (await pod.ready())["last_error"]["fix"] in failing
        pod.lab.faults.end("throttle")
        await aside(browser.until, "h1", "Healthy")
        assert await aside(browser.text, ".trouble") == ""
        assert "Last failure (resolved)" in await aside(browser.text, "main")

        assert await aside(browser.run, "return window.stayed")
        assert await aside(browser.complaints) == []


async def test_it_shows_who_asked_and_no_secret_of_a_real_session(
    browser: Browser, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with a_watched_pod(tmp_path, caplog) as (pod, url):
        held = await pod.get({"Authorization": AUTH_TOKEN, "User-Agent": "Boto3/1.28.0 Python/3.11"})
        await aside(browser.open, url)
        await aside(browser.until, "table", "boto3 1\t1\t")
        texts = [await aside(browser.run, "return document.documentElement.outerHTML")]
        texts.append(json.dumps(await pod.told("/status.json")))
        token = pod.lab.token_file.read_text()
    secrets = [token, AUTH_TOKEN, *(held.document[name] for name in ("AccessKeyId", "SecretAccessKey", "Token"))]
    for text in texts:
        assert held.document["RoleArn"] in text
        for secret in secrets:
            assert secret not in text
            assert secret.rpartition(".")[2] not in text
