"""A scripted STS, and sidecars that are processes of their own."""

import asyncio
import os
import sys
import time
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from tests.doubles import ROLE_ARN, a_token
from tests.serve.kit import Sidecar, Start, Sts


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

        async def run(*command: str, stderr: int = PIPE, **environ: str) -> Sidecar:
            process = await asyncio.create_subprocess_exec(
                *(command or (sys.executable, "-m", "sidecar", "serve")),
                env=usual | environ,
                stderr=stderr,
            )
            sidecar = Sidecar(process, http)
            stack.push_async_callback(sidecar.kill)
            return sidecar

        yield run
