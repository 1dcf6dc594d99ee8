"""Why no answer of STS's arrives: names, proxies, silence and families of addresses, each by its own words."""

import base64
import errno
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from sidecar.core.clock import SystemClock
from sidecar.core.errors import StsUnavailable, StsUnreachable
from sidecar.http.addresses import is_host
from sidecar.sts import resolver
from sidecar.sts.exchange import StsCall, StsExchange, sts_session
from sidecar.sts.route import Route
from sidecar.sts.tls import tls_context
from sidecar.sts.transport_failures import FailedCall, FailedStep
from tests.doubles import ROLE_ARN, a_token
from tests.free_ports import free_port
from tests.needs import on_linux
from tests.sts.calls import Proxy, called, failure, hangs_up, listening, saying, silent, sts
from tests.tls import Issuer
from tests.waiting import HANGS_AFTER

STS = "https://sts.eu-west-1.amazonaws.com"
PASSWORD = "hunter2-canary"


def proxy_at(port: int, scheme: str = "http") -> str:
    return f"{scheme}://somebody:{PASSWORD}@127.0.0.1:{port}"


def told(error: StsUnreachable, cause: str, fix: str) -> None:
    assert error.cause == cause
    assert fix in error.fix
    for shown in (str(error), repr(error), repr(error.__cause__), repr(error.__context__)):
        assert PASSWORD not in shown


# --- names -----------------------------------------------------------------------------------------------------


@pytest.fixture
def silent_names(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A name server that never answers."""
    end = threading.Event()

    def getaddrinfo(*_: object, **__: object) -> list[object]:
        end.wait(HANGS_AFTER)
        raise socket.gaierror(socket.EAI_AGAIN, "late")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    monkeypatch.setattr(resolver, "RESOLVE_WITHIN", 0.1)
    yield
    end.set()


def names_fail_by(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    def getaddrinfo(*_: object, **__: object) -> list[object]:
        raise socket.gaierror(number, "the resolver's words")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)


@pytest.mark.usefixtures("silent_names")
async def test_a_silent_name_server_is_no_matter_of_routes() -> None:
    cause = f"{STS}: the name server does not answer when asked for sts.eu-west-1.amazonaws.com."
    told(await failure(STS), cause, "DNS")


async def test_a_name_server_that_fails_for_now_is_told_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    names_fail_by(monkeypatch, socket.EAI_AGAIN)
    assert "the name server does not answer" in (await failure(STS)).cause


async def test_a_name_that_does_not_exist_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    names_fail_by(monkeypatch, socket.EAI_NONAME)
    told(await failure(STS), f"{STS}: the name sts.eu-west-1.amazonaws.com does not resolve.", "AWS_REGION")


async def test_a_proxys_name_that_does_not_resolve_is_the_proxys_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    names_fail_by(monkeypatch, socket.EAI_NONAME)
    error = await failure(STS, proxy=f"http://somebody:{PASSWORD}@proxy.nowhere:3128")
    told(error, "The proxy http://proxy.nowhere:3128: the name proxy.nowhere does not resolve.", "HTTPS_PROXY")


# --- proxies ---------------------------------------------------------------------------------------------------

REFUSALS = [
    (403, "it does not allow calls to {host} (403)", "allow"),
    (407, "it requires a user and password, or refuses those it got (407)", "USER:PASSWORD"),
    (502, "it cannot reach {host} (502)", "its own DNS"),
    (503, "it cannot reach {host} (503)", "NO_PROXY"),
]


@pytest.mark.parametrize("endpoint", [STS, "http://sts.lab.test"])
@pytest.mark.parametrize(("status", "cause", "fix"), REFUSALS)
async def test_what_a_proxy_answers_is_told_as_the_proxys(endpoint: str, status: int, cause: str, fix: str) -> None:
    async with listening(Proxy(status)) as port:
        error = await failure(endpoint, proxy=proxy_at(port))
    told(error, f"The proxy http://127.0.0.1:{port}: {cause.format(host=Route(endpoint).host)}.", fix)


async def test_a_proxy_that_is_not_there_is_told() -> None:
    port = free_port()
    for endpoint, variable in ((STS, "HTTPS_PROXY"), ("http://sts.lab.test", "HTTP_PROXY")):
        error = await failure(endpoint, proxy=proxy_at(port))
        told(error, f"The proxy http://127.0.0.1:{port}: no connection (Connection refused).", variable)


async def test_a_proxy_that_is_silent_is_told() -> None:
    async with listening(silent) as port:
        error = await failure(STS, proxy=proxy_at(port), within=1.5)
    told(error, f"The proxy http://127.0.0.1:{port}: no answer within 10 s.", "NO_PROXY")


async def test_a_proxy_that_hangs_up_is_told() -> None:
    async with listening(hangs_up) as port:
        error = await failure(STS, proxy=proxy_at(port))
    told(error, f"The proxy http://127.0.0.1:{port}: the connection closed early.", "")


def test_a_connection_that_closed_before_the_request_was_sent_is_not_called_none() -> None:
    closing = aiohttp.ClientConnectionResetError("Cannot write to closing transport")
    failed = FailedCall(Route(STS), now=0, connected=True).explained(closing)
    assert failed.cause == f"{STS}: the connection closed early."
    assert "VPC endpoint" not in failed.fix


async def test_a_proxy_that_speaks_no_http_is_told() -> None:
    async with listening(saying(b"220 mail.example ESMTP\r\n\r\n")) as port:
        error = await failure(STS, proxy=proxy_at(port))
    told(error, f"The proxy http://127.0.0.1:{port}: the server does not speak HTTP.", "port")


async def test_a_proxy_whose_certificate_is_not_trusted_is_told(tmp_path: Path) -> None:
    proxy = Proxy()
    async with listening(proxy, Issuer("Proxy Root").server(tmp_path, subject="proxy.test")) as port:
        error = await failure(STS, proxy=proxy_at(port, "https"))
    assert error.cause.startswith(f"The proxy https://127.0.0.1:{port}: its TLS certificate ('proxy.test', valid ")
    assert "'Proxy Root'" in error.cause
    assert proxy.heads == []


async def test_a_certificate_that_a_proxy_shows_in_stss_place_is_told_with_the_proxy(tmp_path: Path) -> None:
    async with (
        listening(sts, Issuer("Inspecting").server(tmp_path, ["localhost"])) as port,
        listening(Proxy()) as through,
    ):
        error = await failure(f"https://localhost:{port}", proxy=proxy_at(through))
    assert error.cause.startswith(f"https://localhost:{port}, through the proxy http://127.0.0.1:{through}: its TLS")
    assert "'Inspecting'" in error.cause
    assert "AWS_CA_BUNDLE" in error.fix


async def test_sts_that_is_silent_behind_a_proxy_is_not_the_proxys_fault(tmp_path: Path) -> None:
    root, bundle = Issuer("Root"), tmp_path / "bundle.pem"
    bundle.write_bytes(root.pem)
    async with listening(silent, root.server(tmp_path)) as port, listening(Proxy()) as through:
        error = await failure(f"https://localhost:{port}", trusting=bundle, proxy=proxy_at(through), within=3)
    assert error.cause.startswith(f"https://localhost:{port}, through the proxy ")
    assert "though a connection was made" in error.cause


PASSWORDS = [
    ("plain", b"plain"),
    ("p%40ss%3Aw%2Fd", b"p@ss:w/d"),
    ("ümlaut", "ümlaut".encode("latin-1")),
    ("%C3%BCmlaut", "ümlaut".encode("latin-1")),
    ("пароль", "пароль".encode()),
    ("%D0%BF", "п".encode()),
    ("€uro", "€uro".encode()),
    ("%E9", b"\xe9"),
    ("\udce9", b"\xe9"),
]


@pytest.mark.parametrize(("written", "sent"), PASSWORDS)
@pytest.mark.parametrize("endpoint", [STS, "http://sts.lab.test"])
async def test_a_proxys_password_is_sent_in_latin_1_and_what_that_lacks_in_utf_8(
    endpoint: str, written: str, sent: bytes
) -> None:
    proxy = Proxy(403)
    async with listening(proxy) as port:
        await failure(endpoint, proxy=f"http://somebody:{written}@127.0.0.1:{port}")
    (head,) = proxy.heads
    (header,) = [line for line in head.splitlines() if line.lower().startswith("proxy-authorization:")]
    assert base64.b64decode(header.split()[-1]) == b"somebody:" + sent


async def test_the_password_goes_to_the_proxy_alone(tmp_path: Path) -> None:
    root, bundle = Issuer("Root"), tmp_path / "bundle.pem"
    bundle.write_bytes(root.pem)
    proxy = Proxy()
    async with listening(sts, root.server(tmp_path)) as port, listening(proxy) as through:
        assert (await called(f"https://localhost:{port}", trusting=bundle, proxy=proxy_at(through))).access_key_id
    assert "Proxy-Authorization: Basic" in proxy.heads[0]


@given(st.text(max_size=80))
def test_whatever_is_taken_for_a_host_is_one_for_the_http_client_too(text: str) -> None:
    if is_host(text):
        url = URL(f"http://{f'[{text}]' if ':' in text else text}:3128")
        assert url.host
        assert url.raw_host


# --- connections -----------------------------------------------------------------------------------------------


async def test_a_server_that_accepts_and_is_silent_is_told() -> None:
    async with listening(silent) as port:
        error = await failure(f"http://127.0.0.1:{port}", within=1.5)
    told(error, f"http://127.0.0.1:{port}: no answer within 10 s, though a connection was made.", "firewall")


def test_where_nothing_answers_at_all_the_way_is_in_doubt() -> None:
    failure = FailedCall(Route(STS), 0).explained(aiohttp.ConnectionTimeoutError())
    assert (failure.step, failure.cause) == (FailedStep.CONNECTION, f"{STS}: no connection: nothing answers.")
    assert "VPC endpoint" in failure.fix


async def test_what_an_http_sts_says_through_a_proxy_is_its_own() -> None:
    async with listening(Proxy(404)) as port, sts_session(tls_context(None)) as http:
        call = StsCall("http://sts.lab.test", ROLE_ARN, 3600, proxy=proxy_at(port))
        with pytest.raises(StsUnavailable, match="404"):
            await StsExchange(http, call, SystemClock())(a_token())


def failed_by(number: int, *, ipv6_only: bool, proxy: str | None = None) -> str:
    call = FailedCall(Route(STS, proxy), 0, is_ipv6_only=lambda: ipv6_only)
    failure = call.explained(OSError(number, "foreign text"))
    assert failure.step is FailedStep.CONNECTION
    return f"{failure.cause} {failure.fix}"


@pytest.mark.parametrize("number", [errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EADDRNOTAVAIL])
def test_a_pod_with_ipv6_alone_is_shown_the_dual_stack_endpoint(number: int) -> None:
    told = failed_by(number, ipv6_only=True)
    assert told.startswith(f"{STS}: this pod has only IPv6, and sts.eu-west-1.amazonaws.com has no IPv6 address. ")
    assert "AWS_USE_DUALSTACK_ENDPOINT=true" in told
    assert f"no connection ({os.strerror(number)})" in failed_by(number, ipv6_only=False)
    assert "Name a proxy with IPv6 in HTTPS_PROXY" in failed_by(number, ipv6_only=True, proxy="http://p:1")


@pytest.mark.parametrize("name", ["EAI_NODATA", "EAI_ADDRFAMILY"])
def test_a_name_without_an_address_of_the_pods_family_is_told_as_such(name: str) -> None:
    error = socket.gaierror(getattr(socket, name), "foreign text")
    for ipv6_only, said in ((True, "has no IPv6 address"), (False, "does not resolve")):
        failure = FailedCall(Route(STS), 0, is_ipv6_only=lambda only=ipv6_only: only).name_failure(error)  # type: ignore[misc]
        assert failure.step is FailedStep.NAME
        assert said in failure.cause


IN_A_POD_WITHOUT_IPV4 = """
ip link set lo up
ip -6 address add fd00::2/64 dev lo && ip -6 route add default dev lo
exec "$0" -c "$1"
"""
CALL = """
import asyncio
from sidecar.sts.ip_routes import ipv6_only
from tests.sts.calls import failure
print(ipv6_only(), asyncio.run(failure("https://192.0.2.7")))
"""


@on_linux
def test_in_a_network_without_ipv4_the_dual_stack_endpoint_is_shown() -> None:
    command = ["unshare", "--net", "sh", "-c", IN_A_POD_WITHOUT_IPV4, sys.executable, CALL]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=HANGS_AFTER, check=False)
    if ended.returncode and "not permitted" in ended.stderr:
        pytest.skip("needs root, to make a network")
    assert ended.stdout.startswith("True https://192.0.2.7: this pod has only IPv6, and 192.0.2.7 has no IPv6"), ended
    assert "AWS_USE_DUALSTACK_ENDPOINT=true" in ended.stdout
