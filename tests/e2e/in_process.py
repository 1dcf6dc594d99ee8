"""A pod in the lab: the whole service in this process, on unix sockets, with real tokens from a real projector."""

import asyncio
import calendar
import json
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from sidecar.core.refresh import RefreshPolicy
from sidecar.lab.app import Lab, running
from sidecar.lab.events import Answered, LabEvent
from sidecar.lab.settings import LabSettings
from sidecar.serve import serve
from sidecar.settings.config import load
from tests.lab.worlds import ROLE
from tests.waiting import HANGS_AFTER

ANY_PORT = ("127.0.0.1", 0)
EAGER = RefreshPolicy(floor_share=0.997, jitter_share=0.002, soon_cap=0.3, slowly_first=0.1, slowly_cap=0.3)
"""Refreshes after 1 to 3 thousandths of the life, and tries again quickly: hours of outages fit into seconds."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a client got, and when."""

    at: float
    status: int
    document: Mapping[str, Any] = field(repr=False)

    @property
    def seconds_left(self) -> float:
        return _unix(self.document["Expiration"]) - self.at


def _unix(text: str) -> float:
    return calendar.timegm(time.strptime(text, "%Y-%m-%dT%H:%M:%SZ"))


class Pod:
    """The sidecar, the lab around it, and a client that never stops asking."""

    def __init__(self, lab: Lab, data: aiohttp.ClientSession, admin: aiohttp.ClientSession) -> None:
        self.lab = lab
        self._data = data
        self._admin = admin
        self.seen: list[Seen] = []

    async def get(self, headers: Mapping[str, str] | None = None) -> Seen:
        asked_at = time.time()  # the answer may be seen much later than it was given
        async with self._data.get("http://localhost/v1/credentials", headers=headers) as answer:
            return Seen(asked_at, answer.status, json.loads(await answer.read()))

    async def keep_asking(self) -> None:
        while True:
            self.seen.append(await self.get())
            await asyncio.sleep(0.01)

    async def ready(self) -> dict[str, Any]:
        return await self.told("/readyz")

    async def told(self, path: str) -> dict[str, Any]:
        """What a page of the admin face says as JSON."""
        async with self._admin.get(f"http://localhost{path}") as answer:
            told: dict[str, Any] = await answer.json()
            return told

    async def metrics(self) -> str:
        async with self._admin.get("http://localhost/metrics") as answer:
            return await answer.text()

    async def until(self, condition: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """What `/readyz` says once `condition` holds."""
        deadline = time.monotonic() + HANGS_AFTER
        while not condition(told := await self.ready()):
            assert time.monotonic() < deadline, f"it hangs: {told}, faults {dict(self.lab.faults.active)}"
            await asyncio.sleep(0.02)
        return told

    async def until_failing(self, code: str) -> dict[str, Any]:
        return await self.until(lambda told: bool(told["last_error"]) and told["last_error"]["code"] == code)

    async def until_healthy(self) -> dict[str, Any]:
        return await self.until(lambda told: told["ready"] and told["last_error"] is None)


@asynccontextmanager
async def a_pod(
    directory: Path,
    *,
    session_lifetime: float = 220,
    policy: RefreshPolicy = EAGER,
    observe: Callable[[LabEvent], None] = lambda event: None,
    environ: Mapping[str, str] | None = None,
) -> AsyncIterator[Pod]:
    settings = LabSettings(
        directory / "lab", ANY_PORT, ANY_PORT, ANY_PORT, session_lifetime=session_lifetime, keep_jwks=0
    )
    async with running(settings, observe) as lab:
        environment = {
            "AWS_ROLE_ARN": ROLE,
            "AWS_WEB_IDENTITY_TOKEN_FILE": str(lab.token_file),
            "AWS_ENDPOINT_URL_STS": lab.sts_url,
            "SIDECAR_LISTEN": f"unix:{directory}/data.sock",
            "SIDECAR_ADMIN_LISTEN": f"unix:{directory}/admin.sock",
            "SIDECAR_GRACE": "0",
        } | dict(environ or {})
        service = asyncio.create_task(serve(load(environment, []), policy))
        try:
            async with _client(directory / "data.sock") as data, _client(directory / "admin.sock") as admin:
                yield Pod(lab, data, admin)
        finally:
            service.cancel()
            await asyncio.wait([service])


@asynccontextmanager
async def _client(path: Path) -> AsyncIterator[aiohttp.ClientSession]:
    async with asyncio.timeout(HANGS_AFTER):
        while not path.is_socket():
            await asyncio.sleep(0.01)
    async with aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(path))) as session:
        yield session


def exchanges(events: list[LabEvent]) -> int:
    return sum(isinstance(event, Answered) and event.action == "AssumeRoleWithWebIdentity" for event in events)
