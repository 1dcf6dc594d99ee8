"""One exchange over a real socket: what goes out, what comes of each answer, and of none."""

import asyncio
import contextlib
import math
import re
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from hypothesis import given
from hypothesis.strategies import floats
from multidict import CIMultiDict

from sidecar.core.errors import ExchangeFailed, StsThrottled, StsUnavailable, StsUnreachable, TokenRefused
from sidecar.core.model import Credentials, Token
from sidecar.sts.exchange import StsCall, StsExchange, clock_skew, sts_session
from tests.conftest import Canary
from tests.doubles import EPOCH, KEY_CANARY, ROLE_ARN, TOKEN_CANARY, a_token
from tests.recorded import CONTENT_TYPE, REFUSALS, Recorded, form_for, recorded
from tests.sts.calls import listening, sts
from tests.tls import authority

AiohttpServer = Callable[[web.Application], "asyncio.Future[TestServer]"]
DATE = "Fri, 15 Jan 2027 08:00:00 GMT"
TLS = ssl.create_default_context()


class StillClock:
    """Second 100 of the steady clock, an hour ahead of STS on the wall."""

    def now(self) -> float:
        return 100

    def wall(self) -> float:
        return EPOCH + 3600


class Sts:
    """An STS that gives one answer and remembers what it was asked."""

    def __init__(self, status: int = 200, body: bytes = recorded("issued"), **headers: str) -> None:
        self._status, self._body = status, body
        self._headers = {"Date": DATE, "Content-Type": "text/xml", "x-amzn-RequestId": "header-id"}
        self._headers |= {name.replace("_", "-"): value for name, value in headers.items()}
        self.headers: list[CIMultiDict[str]] = []
        self.requests: list[tuple[str, str, str]] = []
        self.clients: list[object] = []

    async def answer(self, request: web.Request) -> web.Response:
        self.headers.append(CIMultiDict(request.headers))
        self.clients.append(request.get_extra_info("peername"))
        self.requests.append((request.method, request.path_qs, await request.text()))
        return web.Response(status=self._status, body=self._body, headers=self._headers)


def call_to(endpoint: str, **settings: Any) -> StsCall:
    return StsCall(endpoint=endpoint, role_arn=ROLE_ARN, duration=3600, **settings)


async def exchanged(call: StsCall, token: Token | None = None, patience: float = 10) -> Credentials:
    async with sts_session(TLS) as http:
        http._timeout = aiohttp.ClientTimeout(total=patience)
        return await StsExchange(http, call, StillClock())(token or a_token())


async def failure(call: StsCall, patience: float = 10) -> ExchangeFailed:
    with pytest.raises(ExchangeFailed) as caught:
        await exchanged(call, patience=patience)
    return caught.value


@pytest.fixture
def serving(aiohttp_server: AiohttpServer) -> Callable[[Sts], "asyncio.Future[str]"]:
    """Serve an `Sts` on loopback; gives its URL."""

    async def serve(sts: Sts) -> str:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", sts.answer)
        return str((await aiohttp_server(app)).make_url("/"))

    return serve  # type: ignore[return-value]


@asynccontextmanager
async def saying(*chunks: bytes, hang: bool = False) -> AsyncIterator[str]:
    """A server that says just these bytes to whoever connects, then hangs up, or hangs."""
    gone = asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1000)
        writer.writelines(chunks)
        if hang:
            await gone.wait()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        gone.set()


# --- what goes out ------------------------------------------------------------------------------------------------


async def test_asks_for_exactly_this(serving: Callable[[Sts], "asyncio.Future[str]"]) -> None:
    sts, token = Sts(), a_token()
    await exchanged(call_to(await serving(sts)), token)
    [(method, path, body)] = sts.requests
    assert (method, path) == ("POST", "/")
    assert dict(parse_qsl(body, strict_parsing=True)) == form_for(token.raw)
    assert sts.headers[0]["Content-Type"].partition(";")[0] == CONTENT_TYPE


async def test_a_session_name_of_ones_own_wins(serving: Callable[[Sts], "asyncio.Future[str]"]) -> None:
    sts = Sts()
    await exchanged(call_to(await serving(sts), session_name="nightly"))
    assert dict(parse_qsl(sts.requests[0][2]))["RoleSessionName"] == "nightly"


async def test_half_an_hour_later_the_name_is_looked_up_again_and_the_connection_is_a_new_one(
    serving: Callable[[Sts], "asyncio.Future[str]"], monkeypatch: pytest.MonkeyPatch
) -> None:
    sts, looked_up = Sts(), []
    endpoint = (await serving(sts)).replace("127.0.0.1", "localhost")
    look_up = socket.getaddrinfo

    def noted(host: str, *args: Any, **kwargs: Any) -> Any:
        looked_up.append(host)
        return look_up(host, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", noted)
    async with sts_session(TLS) as http:
        for _ in range(2):
            await StsExchange(http, call_to(endpoint), StillClock())(a_token())
    assert len(set(sts.clients)) == 2
    assert looked_up.count("localhost") == 2


async def test_the_call_is_unsigned_and_inherits_nothing(
    serving: Callable[[Sts], "asyncio.Future[str]"], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password something\n")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "ASIAINHERITED")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "inherited")
    sts = Sts(Set_Cookie="session=1; Path=/")
    endpoint = await serving(sts)
    async with sts_session(TLS) as http:
        for _ in range(2):
            await StsExchange(http, call_to(endpoint), StillClock())(a_token())
    for headers in sts.headers:
        assert not {"Authorization", "Cookie", "Proxy-Authorization"} & set(headers)
        assert not [name for name in headers if name.lower().startswith("x-amz")]
        assert re.fullmatch(r"irsa-sidecar/\S+", headers["User-Agent"])


# --- what comes of an answer --------------------------------------------------------------------------------------


async def test_credentials_live_by_the_clock_of_sts(
    serving: Callable[[Sts], "asyncio.Future[str]"], canary: Canary
) -> None:
    held = await exchanged(call_to(await serving(Sts())))
    assert held.secret_access_key == KEY_CANARY
    assert (held.issued_at, held.expires_at, held.expiration) == (100, 3700, EPOCH + 3600)
    canary.saw(held)


@pytest.mark.parametrize("case", REFUSALS, ids=str)
async def test_each_refusal_arrives_as_itself(
    serving: Callable[[Sts], "asyncio.Future[str]"], case: Recorded, canary: Canary
) -> None:
    error = await failure(call_to(await serving(Sts(case.status, case.body))))
    assert type(error) is case.means
    assert (error.aws_code, error.status) == (case.aws_code, case.status)
    assert error.request_id in case.body.decode()
    canary.saw(error)


async def test_an_sts_whose_date_cannot_be_read_is_taken_by_the_nodes_clock(
    serving: Callable[[Sts], "asyncio.Future[str]"],
) -> None:
    later = recorded("issued").replace(b"T09:00:00Z", b"T10:00:00Z")
    found = await exchanged(call_to(await serving(Sts(200, later, Date="soon"))))
    assert found.expires_at == 100 + 3600


async def test_missing_keys_are_judged_by_the_clock_of_sts(serving: Callable[[Sts], "asyncio.Future[str]"]) -> None:
    late = "Sun, 17 Jan 2027 08:00:00 GMT"
    error = await failure(call_to(await serving(Sts(400, recorded("no_verification_key"), Date=late))))
    assert type(error) is TokenRefused


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (500, b"", StsUnavailable),
        (502, b"<html><h1>Bad Gateway</h1></html>", StsUnavailable),
        (503, b"upstream connect error", StsUnavailable),
        (429, b"slow down", StsThrottled),
        (200, b"<html>Welcome to the hotel's network</html>", StsUnavailable),
        (200, b"<AssumeRole", StsUnavailable),
        (200, recorded("issued")[:700], StsUnavailable),
        (200, b"", StsUnavailable),
        (204, b"", StsUnavailable),
        (404, b"no such thing", StsUnavailable),
    ],
)
async def test_what_is_not_an_answer_of_sts_may_pass_by_itself(
    serving: Callable[[Sts], "asyncio.Future[str]"],
    status: int,
    body: bytes,
    kind: type[ExchangeFailed],
    canary: Canary,
) -> None:
    error = await failure(call_to(await serving(Sts(status, body))))
    assert type(error) is kind
    assert (error.status, error.request_id) == (status, "header-id")
    canary.saw(error)


async def test_ten_megabytes_are_cut_short(serving: Callable[[Sts], "asyncio.Future[str]"], canary: Canary) -> None:
    body = recorded("issued") + TOKEN_CANARY.encode() * 500_000
    error = await failure(call_to(await serving(Sts(200, body))))
    assert type(error) is StsUnavailable
    assert "65536 bytes" in error.cause
    canary.saw(error)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_redirect_is_not_followed_with_the_token(
    serving: Callable[[Sts], "asyncio.Future[str]"], status: int
) -> None:
    elsewhere = Sts()
    redirect = Sts(status, b"", Location=await serving(elsewhere))
    error = await failure(call_to(await serving(redirect)))
    assert (type(error), error.status) == (StsUnavailable, status)
    assert elsewhere.requests == []


# --- no answer ----------------------------------------------------------------------------------------------------

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: 5000\r\n\r\n"


@pytest.mark.parametrize(
    "chunks", [(), (b"HTTP/1.1 200",), (HEAD,), (HEAD, recorded("issued")[:400])], ids=["", "line", "head", "half"]
)
async def test_a_connection_cut_anywhere_is_no_answer(chunks: tuple[bytes, ...], canary: Canary) -> None:
    async with saying(*chunks) as endpoint:
        error = await failure(call_to(endpoint))
    assert type(error) is StsUnreachable
    assert "closed early" in error.cause
    canary.saw(error)


@pytest.mark.parametrize("chunks", [(), (HEAD,), (HEAD, recorded("issued")[:400])], ids=["silent", "head", "half"])
async def test_an_endpoint_that_hangs_is_given_up(chunks: tuple[bytes, ...], canary: Canary) -> None:
    async with saying(*chunks, hang=True) as endpoint:
        error = await failure(call_to(endpoint), patience=0.2)
    assert type(error) is StsUnreachable
    assert "no answer within 10 s" in error.cause
    canary.saw(error)


async def test_what_does_not_speak_http_is_no_answer(canary: Canary) -> None:
    async with saying(b"220 mail.example ESMTP\r\n\r\n") as endpoint:
        error = await failure(call_to(endpoint))
    assert isinstance(error, StsUnreachable | StsUnavailable)
    canary.saw(error)


async def test_nobody_listening_is_named(unused_tcp_port: int, canary: Canary) -> None:
    error = await failure(call_to(f"http://127.0.0.1:{unused_tcp_port}/"))
    assert type(error) is StsUnreachable
    assert "no connection" in error.cause
    canary.saw(error)


async def test_a_name_that_does_not_resolve_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_args: object, **_kwargs: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    error = await failure(call_to("http://sts.nowhere.invalid/"))
    assert type(error) is StsUnreachable
    assert "does not resolve" in error.cause
    assert "DNS" in error.fix


async def test_an_endpoint_without_tls_where_tls_is_due_is_named() -> None:
    async with saying(b"HTTP/1.1 400 Bad Request\r\n\r\n") as endpoint:
        error = await failure(call_to(endpoint.replace("http:", "https:")), patience=2)
    assert type(error) is StsUnreachable


async def test_a_proxys_password_is_not_told(unused_tcp_port: int, canary: Canary) -> None:
    proxy = f"http://user:{KEY_CANARY.replace('/', '-')}@127.0.0.1:{unused_tcp_port}"
    error = await failure(call_to("http://sts.example/", proxy=proxy))
    assert type(error) is StsUnreachable
    assert "proxy" in error.cause
    assert "user:" not in str(error)
    canary.saw(error)


async def test_a_proxy_that_refuses_is_named() -> None:
    async with saying(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n") as proxy:
        error = await failure(call_to("https://sts.example/", proxy=proxy))
    assert type(error) is StsUnreachable
    assert "HTTPS_PROXY" in error.fix


def test_production_gives_up_before_a_client_forgets_us() -> None:
    async def timeouts() -> aiohttp.ClientTimeout:
        async with sts_session(TLS) as http:
            return http.timeout

    limits = asyncio.run(timeouts())
    assert (limits.total, limits.sock_connect) == (10, 3)


# --- the clock ----------------------------------------------------------------------------------------------------


async def skews(endpoint: str) -> list[float]:
    seen: list[float] = []
    async with sts_session(TLS) as http:
        with contextlib.suppress(ExchangeFailed):
            await StsExchange(http, call_to(endpoint), StillClock(), seen.append)(a_token())
    return seen


@pytest.mark.parametrize("status", [200, 503])
async def test_any_answer_tells_how_far_the_clocks_are_apart(
    serving: Callable[[Sts], "asyncio.Future[str]"], status: int
) -> None:
    assert await skews(await serving(Sts(status))) == [-3599.5]


async def test_an_answer_without_a_readable_date_tells_nothing(
    serving: Callable[[Sts], "asyncio.Future[str]"],
) -> None:
    assert await skews(await serving(Sts(Date="soon"))) == []


@given(ahead=floats(-1e6, 1e6), sent=floats(0, 1e9), way_out=floats(0, 5), way_back=floats(0, 5))
def test_the_skew_is_right_to_half_a_second_and_half_the_call(
    ahead: float, sent: float, way_out: float, way_back: float
) -> None:
    dated = math.floor(sent + way_out + ahead)
    off = clock_skew(dated, sent, sent + way_out + way_back) - ahead
    assert abs(off) <= 0.5 + (way_out + way_back) / 2 + 1e-6


async def test_a_session_that_brings_no_authorities_of_its_own_trusts_nobody(tmp_path: Path) -> None:
    async with sts_session(TLS):
        pass
    own = authority(tmp_path)
    async with listening(sts, own.server) as port, aiohttp.ClientSession() as http:
        with pytest.raises(aiohttp.ClientConnectorCertificateError):
            await http.get(f"https://127.0.0.1:{port}")
