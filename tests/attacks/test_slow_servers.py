"""The doctor asks far servers at the same time, and ends whichever of them hangs."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from sidecar.core.findings import Finding, Level
from sidecar.doctor import examination, issuer
from tests.doctor.servers import a_silent_server
from tests.doctor.snapshots import a_pod, written
from tests.free_ports import free_port

OTHER = "arn:aws:iam::111122223333:role/other"


@asynccontextmanager
async def answering_once_all_have_asked(number: int) -> AsyncIterator[tuple[str, set[str]]]:
    """A server for everybody, whose first answer waits for the last question. Gives its URL and what was asked."""
    asked: set[str] = set()
    complete = asyncio.Event()

    async def answer(request: web.Request) -> web.Response:
        form = await request.post()
        asked.add(f"{request.method} {request.path} {form.get('RoleArn', '')}".strip())
        if len(asked) == number:
            complete.set()
        await complete.wait()
        return web.Response(status=500)

    app = web.Application()
    app.router.add_route("*", "/{anything:.*}", answer)
    server = TestServer(app)
    await server.start_server()
    try:
        yield str(server.make_url("")).rstrip("/"), asked
    finally:
        complete.set()
        await server.close()


async def findings(tmp_path: Path, url: str, **more: str) -> dict[str, Finding]:
    unheard = {"SIDECAR_LISTEN": f"127.0.0.1:{free_port()}", "SIDECAR_ADMIN_LISTEN": f"127.0.0.1:{free_port()}"}
    token_file = written(tmp_path, iss=url)
    pod = await a_pod(token_file, {"AWS_ENDPOINT_URL_STS": url} | unheard | more)
    return {finding.code: finding async for finding in examination.examine(pod, offline=False)}


async def test_issuer_sts_and_every_role_are_asked_at_the_same_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(examination, "ONLINE_TIMEOUT", 60)
    monkeypatch.setattr(issuer, "ISSUER_TIMEOUT", 60)
    config = tmp_path / "config"
    config.write_text(f"[profile other]\nrole_arn = {OTHER}\n")
    async with answering_once_all_have_asked(4) as (url, asked):
        found = await findings(tmp_path, url, AWS_CONFIG_FILE=str(config), SIDECAR_PROFILES="other")
    assert len(asked) == 4, asked
    assert "500" in found["issuer-discovery"].saw
    assert [found[code].level for code in ("issuer-discovery", "exchange", "role")] == [Level.ERROR] * 3


async def test_what_hangs_is_told_and_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examination, "ONLINE_TIMEOUT", 0.1)
    async with a_silent_server() as port:
        found = await findings(tmp_path, f"http://127.0.0.1:{port}")
    for check in ("issuer", "sts", "exchange"):
        assert found[check].level is Level.ERROR
        assert "The doctor stopped waiting" in found[check].message


async def test_a_pipe_in_the_place_of_an_applications_token_is_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    app = {
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:9911/v1/credentials",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(tmp_path / "pipe"),
    }
    pod = await a_pod(written(tmp_path), app=app)
    found = {finding.code: finding async for finding in examination.examine(pod, offline=True)}
    assert "not a regular file" in found["app-authorization"].saw
