"""`/livez`, `/readyz`, `/metrics` and `/status` over a real socket."""

import asyncio
import logging
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest

from sidecar.admin.app import AdminFace, PublicAdminFace
from sidecar.admin.shared_pages import SharedInSteps
from sidecar.admin.status import STUCK_AFTER
from sidecar.core.errors import StsUnreachable
from sidecar.http.messages import NO_HEADERS, Repeatable, Reply, Response
from sidecar.observe.metrics import Metrics
from tests.admin.kit import SetRole, served_admin
from tests.conftest import Canary
from tests.doubles import credentials
from tests.faces.kit import request
from tests.status.scenes import healthy

DOWN = StsUnreachable("STS is not reachable.", fix="Check the network.")
PATHS = ("/livez", "/readyz", "/metrics", "/status", "/status.json")


@dataclass
class Admin:
    """The admin face and a client of it."""

    role: SetRole
    http: aiohttp.ClientSession

    async def get(self, path: str) -> tuple[int, Any]:
        async with self.http.get(path) as answer:
            return answer.status, await answer.json()


@pytest.fixture
async def admin() -> AsyncIterator[Admin]:
    role = SetRole(held=credentials())
    async with served_admin(role) as address, aiohttp.ClientSession(f"http://{address}") as http:
        yield Admin(role, http)


async def test_ready_while_a_credential_is_valid(admin: Admin) -> None:
    status, told = await admin.get("/readyz")
    assert (status, told["ready"], told["phase"], told["seconds_left"]) == (200, True, "fresh", 3600)


async def test_not_ready_without_one_and_the_body_names_the_fix(admin: Admin) -> None:
    admin.role.held, admin.role.error = None, DOWN
    status, told = await admin.get("/readyz")
    assert (status, told["ready"], told["last_error"]["fix"]) == (503, False, "Check the network.")


async def test_ready_with_a_failed_refresh_behind_it(admin: Admin) -> None:
    admin.role.error = DOWN
    status, told = await admin.get("/readyz")
    assert (status, told["last_error"]["code"]) == (200, "StsUnreachable")


async def test_not_ready_once_told_to_stop(admin: Admin) -> None:
    admin.role.stopping = True
    status, told = await admin.get("/readyz")
    assert (status, told["phase"], told["seconds_left"]) == (503, "stopping", 3600)


async def test_alive_whatever_the_credentials(admin: Admin) -> None:
    admin.role.held, admin.role.error, admin.role.stopping = None, DOWN, True
    assert await admin.get("/livez") == (200, {"alive": True})


async def test_not_alive_when_the_loop_is_stuck(admin: Admin) -> None:
    admin.role.idle_for = STUCK_AFTER - 1
    assert (await admin.get("/livez"))[0] == 200
    admin.role.idle_for = STUCK_AFTER
    assert await admin.get("/livez") == (503, {"alive": False})


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("", "text/plain; version="),
        ("application/openmetrics-text; version=1.0.0", "application/openmetrics-text; version=1.0.0;"),
    ],
)
async def test_metrics_come_in_the_form_asked_for(admin: Admin, accept: str, content_type: str) -> None:
    async with admin.http.get("/metrics", headers={"Accept": accept}) as answer:
        assert answer.status == 200
        assert answer.headers["Content-Type"].startswith(content_type)
        assert "irsa_sidecar_build_info" in await answer.text()


async def test_status_is_200_however_bad_things_are_and_json_says_the_same(admin: Admin) -> None:
    admin.role.held, admin.role.error = None, DOWN
    status, told = await admin.get("/status.json")
    assert (status, told["state"], told["last_error"]["fix"]) == (200, "down", "Check the network.")
    async with admin.http.get("/status") as answer:
        assert (answer.status, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
        assert told["headline"] in await answer.text()


def here(reply: Reply) -> Response:
    assert isinstance(reply, Response)
    return reply


def test_a_crowd_at_the_page_costs_four_of_them_a_second() -> None:
    scene = healthy()
    face = AdminFace(PublicAdminFace(scene.status, Metrics()), scene.status)
    look = request("/status")
    first = here(face.answer(look))
    scene.stopping = True
    scene.time += 0.24
    assert face.answer(look) is first
    scene.time += 0.02
    assert b"<h1>Stopping</h1>" in here(face.answer(look)).body


async def test_others_are_served_while_a_long_page_is_written_and_a_crowd_costs_one() -> None:
    happened: list[str] = []

    def steps(_: str) -> Iterator[bytes]:
        for number in range(3):
            happened.append(f"step {number}")
            asyncio.get_running_loop().call_soon(happened.append, "another is served")
            yield b"%d" % number

    page = SharedInSteps(healthy(), steps, lambda _: NO_HEADERS)

    async def asked() -> Response:
        reply = page()
        assert not isinstance(reply, Repeatable)
        return reply if isinstance(reply, Response) else await reply

    answers = await asyncio.gather(asked(), asked(), asked())
    assert [answer.body for answer in answers] == [b"012"] * 3
    assert happened == [part for number in range(3) for part in (f"step {number}", "another is served")]
    assert here(page()) is answers[0]


def test_a_sidecar_that_nobody_looks_at_does_not_load_the_page() -> None:
    loaded = subprocess.run(
        [sys.executable, "-c", "import sys, sidecar.serve; print(*sys.modules)"],
        capture_output=True,
        check=True,
        text=True,
    ).stdout.split()
    assert "sidecar.admin.app" in loaded
    assert not {"sidecar.admin.page", "sidecar.admin.sections", "sidecar.admin.drawings"} & set(loaded)


@pytest.mark.parametrize("path", ["/", "/v1/credentials", "/metrics/", "/debug"])
async def test_nothing_else_is_there(admin: Admin, path: str) -> None:
    async with admin.http.get(path) as answer:
        assert answer.status == 404


@pytest.mark.parametrize("path", PATHS)
async def test_every_page_is_only_read(admin: Admin, path: str) -> None:
    async with admin.http.post(path) as answer:
        assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD")


async def test_a_malformed_request_is_no_error_line(caplog: pytest.LogCaptureFixture, admin: Admin) -> None:
    caplog.set_level(logging.INFO)
    async with admin.http.get("/readyz", headers={"X": "a" * 20_000}) as answer:
        assert answer.status == 431
    assert caplog.records == []


async def test_no_secret_is_on_any_page(admin: Admin, canary: Canary) -> None:
    for path in PATHS:
        async with admin.http.get(path) as answer:
            canary.saw(await answer.text(), answer.headers)
