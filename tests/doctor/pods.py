"""A pod as the doctor finds it: a token in a kubelet's directory, variables, and servers on loopback."""

import asyncio
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import web
from aiohttp.test_utils import TestServer

from sidecar.core.findings import Finding
from sidecar.doctor import report
from sidecar.doctor.pod import Pod, User, look_around
from sidecar.explain import PolicyText
from tests.explain.asking import NOW, ROLE, token

OURS = User(uid=65532, gid=65532, groups=(65532,))
GOOD_APP = {
    "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:9911/v1/credentials",
    "AWS_EC2_METADATA_DISABLED": "true",
}


@dataclass
class Volume:
    """A projected volume, as the kubelet lays it out."""

    directory: Path
    mode: int = 0o640

    @property
    def token(self) -> Path:
        return self.directory / "token"

    def write(self, raw: str) -> Path:
        dated = self.directory / "..2026_11_23_06_01_00.1234567890"
        dated.mkdir(parents=True)
        (dated / "token").write_text(raw)
        (dated / "token").chmod(self.mode)
        (self.directory / "..data").symlink_to(dated.name)
        self.token.symlink_to("..data/token")
        return self.token


def settings(token_file: Path) -> dict[str, str]:
    """The variables of a sidecar for which all is well."""
    return {"AWS_ROLE_ARN": ROLE, "AWS_REGION": "eu-west-1", "AWS_WEB_IDENTITY_TOKEN_FILE": str(token_file)}


async def a_pod(
    token_file: Path,
    changed: Mapping[str, str] | None = None,
    *,
    app: Mapping[str, str] | None = None,
    now: float = NOW,
    user: User = OURS,
    mountinfo: Path = Path("/nonexistent"),
    policy: PolicyText | None = None,
) -> Pod:
    """A pod whose sidecar has the right variables but for those `changed`."""
    environ = settings(token_file) | dict(changed or {})
    return await look_around(environ, app=app, now=now, user=user, mountinfo=mountinfo, trust_policy=policy)


async def an_app(
    tmp_path: Path, changed: Mapping[str, str | None] | None = None, sidecar: Mapping[str, str] | None = None
) -> Pod:
    """A pod whose application has the right variables but for those `changed`; None takes one away."""
    found = {name: value for name, value in (GOOD_APP | dict(changed or {})).items() if value is not None}
    return await a_pod(tmp_path / "token", sidecar, app=found)


def outcome(finding: Finding | None) -> tuple[str, str]:
    """Check and level: what most tests are about."""
    assert finding is not None
    return finding.code, report.WORDS[finding.level]


@dataclass
class Page:
    """What one path of a server answers."""

    body: object
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


@asynccontextmanager
async def a_server(pages: Mapping[str, Page]) -> AsyncIterator[str]:
    """An HTTP server on loopback; gives its URL. `{url}` in a JSON text stands for it."""

    async def answer(request: web.Request) -> web.Response:
        page = pages.get(request.path)
        if page is None:
            return web.Response(status=404)
        if isinstance(page.body, bytes):
            return web.Response(body=page.body, status=page.status, headers=page.headers)
        return web.json_response(page.body, status=page.status, headers=page.headers)

    app = web.Application()
    app.router.add_route("*", "/{anything:.*}", answer)
    server = TestServer(app)
    await server.start_server()
    try:
        yield str(server.make_url("")).rstrip("/")
    finally:
        await server.close()


def written(tmp_path: Path, **claims: object) -> Path:
    """A token with these claims in a projected volume."""
    return Volume(tmp_path / "sts-token").write(token(**claims))


def unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@asynccontextmanager
async def a_silent_server() -> AsyncIterator[int]:
    """Takes connections and says nothing."""
    gone = asyncio.Event()

    async def listen(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await gone.wait()
        writer.close()

    server = await asyncio.start_server(listen, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        gone.set()
        server.close()
        await server.wait_closed()
