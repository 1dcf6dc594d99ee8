"""An STS whose clock is set back is believed once it was seen to run; an answer that somebody kept never is."""

from datetime import UTC, datetime
from email.utils import formatdate

import pytest
from aiohttp import web

from sidecar.core.errors import StsUnavailable
from sidecar.core.model import Seconds
from sidecar.sts.exchange import StsCall, StsExchange, sts_session
from tests.doubles import EPOCH, ROLE_ARN, a_token
from tests.recorded import recorded
from tests.sts.test_exchange import TLS, AiohttpServer

TOKEN = a_token(issued_at=EPOCH - 7200)


class Scene:
    """A node that is right, and an STS whose clock is `behind` by so much; None: it tells no time."""

    def __init__(self) -> None:
        self.passed: Seconds = 0
        self.behind: Seconds | None = 0
        self.kept: tuple[str, bytes] | None = None
        self._sessions = 0

    def now(self) -> float:
        return 100 + self.passed

    def wall(self) -> float:
        return EPOCH + self.passed

    async def answer(self, _: web.Request) -> web.Response:
        date, body = self.kept or self.answer_now()
        return web.Response(body=body, headers={"Date": date, "Content-Type": "text/xml"})

    def answer_now(self) -> tuple[str, bytes]:
        self._sessions += 1
        shown = self.wall() - (self.behind or 0)
        expiration = datetime.fromtimestamp(shown + 3600, UTC).strftime("%Y-%m-%dT%H:%M:%SZ").encode()
        body = recorded("issued").replace(b"2027-01-15T09:00:00Z", expiration)
        body = body.replace(b"</SessionToken>", f"{self._sessions}</SessionToken>".encode())
        return "soon" if self.behind is None else formatdate(shown, usegmt=True), body


async def outcomes(scene: Scene, server: AiohttpServer, steps: list[dict[str, object]]) -> list[bool]:
    """Whether credentials came, after each step's change to the scene."""
    app = web.Application()
    app.router.add_route("*", "/", scene.answer)
    endpoint = str((await server(app)).make_url("/"))
    taken = []
    async with sts_session(TLS) as http:
        exchange = StsExchange(http, StsCall(endpoint=endpoint, role_arn=ROLE_ARN, duration=3600), scene)
        for step in steps:
            for name, value in step.items():
                setattr(scene, name, value)
            try:
                await exchange(TOKEN)
                taken.append(True)
            except StsUnavailable:
                taken.append(False)
    return taken


async def test_a_clock_that_is_set_back_is_believed_once_it_was_seen_to_run(aiohttp_server: AiohttpServer) -> None:
    steps: list[dict[str, object]] = [
        {"passed": 0},
        {"passed": 1800, "behind": 600},
        {"passed": 1802},
        {"passed": 1830},
        {"passed": 3600},
    ]
    assert await outcomes(Scene(), aiohttp_server, steps) == [True, False, False, True, True]


@pytest.mark.parametrize("wait", [1, 10, 60, 600])
async def test_an_answer_that_somebody_kept_is_never_believed(aiohttp_server: AiohttpServer, wait: Seconds) -> None:
    scene = Scene()
    kept = scene.answer_now()
    steps: list[dict[str, object]] = [
        {"passed": 1700},
        *({"passed": 1800 + number * wait, "kept": kept} for number in range(4)),
    ]
    assert await outcomes(scene, aiohttp_server, steps) == [True, False, False, False, False]


async def test_an_answer_that_tells_no_time_does_not_set_the_clock_of_sts(aiohttp_server: AiohttpServer) -> None:
    scene = Scene()
    scene.wall = lambda: EPOCH + 3600 + scene.passed  # type: ignore[method-assign] # a node that is an hour ahead
    steps: list[dict[str, object]] = [{"behind": None}, {"passed": 1800, "behind": 3600}]
    assert await outcomes(scene, aiohttp_server, steps) == [True, True]
