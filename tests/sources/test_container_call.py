"""The request to a container endpoint over real sockets: what is sent, and which failure of the way is which."""

import asyncio
import socket
from collections.abc import Callable

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from sidecar.core.claims import unverified_claims
from sidecar.core.clock import SystemClock
from sidecar.core.errors import EndpointUnavailable, EndpointUnreachable, ExchangeFailed
from sidecar.core.model import Credentials, Token
from sidecar.sources.container_call import ContainerCall, FixedToken
from sidecar.sts.exchange import sts_session
from sidecar.sts.tls import tls_context
from tests.doubles import EPOCH, a_token
from tests.sources.agent_answers import DATE, document
from tests.sts.calls import listening

AiohttpServer = Callable[[web.Application], "asyncio.Future[TestServer]"]
TLS = tls_context(None)


class NodeClock:
    """A wall clock that shows what the answers' `Date` does, and a steady one that may be moved on."""

    def __init__(self) -> None:
        self.passed = 0.0

    def now(self) -> float:
        return 100 + self.passed

    def wall(self) -> float:
        return EPOCH + self.passed


class Agent:
    """An endpoint that gives one answer and remembers what it was asked."""

    def __init__(self, status: int = 200, body: bytes = document(), date: str = DATE) -> None:
        self.status, self.body, self.date = status, body, date
        self.requests: list[tuple[str, str, dict[str, str]]] = []

    async def answer(self, request: web.Request) -> web.Response:
        self.requests.append((request.method, request.path_qs, dict(request.headers)))
        return web.Response(status=self.status, body=self.body, headers={"Date": self.date})


async def url_of(agent: Agent, aiohttp_server: AiohttpServer, path: str = "/v1/credentials") -> str:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", agent.answer)
    return str((await aiohttp_server(app)).make_url(path))


async def asked(url: str, token: Token | None = None) -> Credentials:
    async with sts_session(TLS) as http:
        return await ContainerCall(http, url, NodeClock())(token)


async def failure(url: str, token: Token | None = None) -> ExchangeFailed:
    with pytest.raises(ExchangeFailed) as failed:
        await asked(url, token)
    return failed.value


async def test_it_is_asked_as_sdks_ask(aiohttp_server: AiohttpServer) -> None:
    agent, token = Agent(), a_token()
    await asked(await url_of(agent, aiohttp_server, "/v1/credentials?a=b"), token)
    ((method, path, headers),) = agent.requests
    assert (method, path) == ("GET", "/v1/credentials?a=b")
    assert (headers["Authorization"], headers["Accept"]) == (token.raw, "application/json")
    assert headers["User-Agent"].startswith("irsa-sidecar/")


async def test_without_a_token_none_is_sent(aiohttp_server: AiohttpServer) -> None:
    agent = Agent()
    await asked(await url_of(agent, aiohttp_server))
    assert "Authorization" not in agent.requests[0][2]


async def test_life_begins_when_it_was_asked_for(aiohttp_server: AiohttpServer) -> None:
    found = await asked(await url_of(Agent(), aiohttp_server))
    assert (found.issued_at, found.expires_at, found.sts_time) == (100, 100 + 6 * 3600, EPOCH)


async def test_a_redirect_is_not_followed(aiohttp_server: AiohttpServer) -> None:
    agent = Agent(302)
    assert type(await failure(await url_of(agent, aiohttp_server))) is EndpointUnavailable
    assert len(agent.requests) == 1


async def test_no_proxy_is_asked(aiohttp_server: AiohttpServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    await asked(await url_of(Agent(), aiohttp_server))


async def test_an_answer_without_end_is_cut_off(aiohttp_server: AiohttpServer) -> None:
    for size in (70_000, 200_000):
        error = await failure(await url_of(Agent(body=b"x" * size), aiohttp_server))
        assert type(error) is EndpointUnavailable
        assert "more than 65536 bytes" in error.cause


async def test_an_old_answer_is_refused_and_a_fresh_one_with_the_same_session_is_not(
    aiohttp_server: AiohttpServer,
) -> None:
    """Whoever stands in between may keep an answer. The agent itself gives the same session for hours."""
    agent, clock = Agent(), NodeClock()
    url = await url_of(agent, aiohttp_server)
    async with sts_session(TLS) as http:
        ask = ContainerCall(http, url, clock)
        first = await ask(None)
        clock.passed = 3600
        with pytest.raises(EndpointUnavailable, match="3600 s old"):
            await ask(None)
        agent.date = "Fri, 15 Jan 2027 09:00:00 GMT"
        again = await ask(None)
    assert (again.session_token, again.expires_at) == (first.session_token, first.expires_at)


async def test_an_answer_that_is_older_than_its_token_is_refused(aiohttp_server: AiohttpServer) -> None:
    agent = Agent(date="Fri, 15 Jan 2027 07:00:00 GMT")
    error = await failure(await url_of(agent, aiohttp_server), a_token(issued_at=EPOCH))
    assert type(error) is EndpointUnavailable
    assert "older than the token" in error.cause


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


async def test_nothing_listening_is_named() -> None:
    error = await failure(f"http://127.0.0.1:{free_port()}/")
    assert type(error) is EndpointUnreachable
    assert "Connection refused" in error.cause
    assert "AWS_CONTAINER_CREDENTIALS_FULL_URI" in error.fix


async def test_an_agent_that_does_not_answer_is_named_with_the_add_on(monkeypatch: pytest.MonkeyPatch) -> None:
    async def refused(*_: object) -> None:
        raise ConnectionRefusedError(111, "Connection refused")

    monkeypatch.setattr(ContainerCall, "_ask", refused)
    error = await failure("http://169.254.170.23/v1/credentials")
    assert error.cause.startswith(
        "The EKS Pod Identity agent at http://169.254.170.23 cannot be reached: no connection"
    )
    assert "eks-pod-identity-agent" in error.fix


async def test_silence_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        await asyncio.sleep(0.3)

    async with listening(silent) as port, sts_session(TLS) as http:
        monkeypatch.setattr(http, "_timeout", type(http.timeout)(total=0.1))
        with pytest.raises(EndpointUnreachable, match="no answer within"):
            await ContainerCall(http, f"http://127.0.0.1:{port}/", SystemClock())(None)


async def test_a_token_in_a_variable_is_read_with_its_claims() -> None:
    raw = a_token().raw
    token = await FixedToken(raw).read()
    assert token is not None
    assert (token.raw, token.claims) == (raw, unverified_claims(raw))
    assert await FixedToken(None).read() is None
