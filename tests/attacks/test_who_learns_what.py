"""What the admin port and the faces tell, by who asks and by which name."""

import asyncio
import json
import socket

import pytest

from sidecar.core.errors import HostRefused
from sidecar.faces.authorization import NoAuthorization
from sidecar.faces.guards import Guard
from sidecar.http.addresses import LOOPBACK_NAMES, TcpAddress, is_of_this_machine
from sidecar.http.binding import CannotListen, bind
from tests.admin.kit import SetRole, served_admin
from tests.doubles import ROLE_ARN, credentials

RICH = ["/status", "/status.json", "/readyz"]
PEERS_OUTSIDE = [
    ("10.0.0.7", 1),
    ("192.168.1.4", 1),
    ("169.254.169.254", 1),
    ("::ffff:10.0.0.7", 1, 0, 0),
    ("fe80::1", 1, 0, 2),
]
PEERS_INSIDE = [("127.0.0.1", 1), ("127.9.9.9", 1), ("::1", 1, 0, 0), ("::ffff:127.0.0.1", 1, 0, 0), "", b""]
FOREIGN_HOSTS = [
    "evil.example",
    "evil.example:9912",
    "10.0.0.7:9912",
    "localhost:80.evil.example",
    "localhost@evil.example",
    "user@localhost",
    "user:pass@localhost:9912",
    "localhost.evil.example",
    "localhost:9912/evil",
    "localhost evil.example",
    "localhost,evil.example",
    "localhost:99999999",
    "localhost:80:80",
    "127.0.0.1.nip.io",
    "127.1",
    "2130706433",
    "0x7f.1",
    "0.0.0.0",
    "[::1].evil.example",
    "[::1",
    "::1",
    "[::1]evil",
    "[localhost]",
    "loc\u0430lhost",
    "",
]
OUR_HOSTS = ["localhost", "LOCALHOST:9912", "localhost.", "127.0.0.1:1", "[::1]:9912", "[0:0::1]", " localhost "]


async def asked(address: object, path: str, headers: dict[str, str]) -> tuple[int, bytes]:
    """Status and body of a GET, with just these headers."""
    assert isinstance(address, TcpAddress)
    reader, writer = await asyncio.open_connection(*address)
    lines = [f"GET {path} HTTP/1.1", "Connection: close", *(f"{name}: {text}" for name, text in headers.items())]
    writer.write("\r\n".join([*lines, "", ""]).encode())
    head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    return int(head.split()[1]), body


@pytest.mark.parametrize("peer", PEERS_OUTSIDE, ids=str)
def test_who_comes_by_another_address_is_not_of_the_pod(peer: object) -> None:
    assert not is_of_this_machine(peer)


@pytest.mark.parametrize("peer", PEERS_INSIDE, ids=str)
def test_who_comes_by_loopback_or_a_unix_socket_is_of_the_pod(peer: object) -> None:
    assert is_of_this_machine(peer)


@pytest.mark.parametrize("host", FOREIGN_HOSTS)
def test_a_host_that_is_not_ours_is_refused_by_every_face(host: str) -> None:
    with pytest.raises(HostRefused):
        Guard(LOOPBACK_NAMES, NoAuthorization()).check_host({"host": host})


@pytest.mark.parametrize("host", OUR_HOSTS)
def test_a_host_that_is_ours_is_taken_in_every_spelling(host: str) -> None:
    Guard(LOOPBACK_NAMES, NoAuthorization()).check_host({"host": host})


@pytest.mark.parametrize("path", RICH)
@pytest.mark.parametrize(
    "headers",
    [
        *({"Host": host} for host in FOREIGN_HOSTS[:10]),
        {"Host": "localhost", "X-Forwarded-For": "1.2.3.4"},
        {"Host": "localhost", "Forwarded": "for=1.2.3.4"},
    ],
    ids=str,
)
async def test_a_page_of_the_web_learns_nothing(path: str, headers: dict[str, str]) -> None:
    async with served_admin(SetRole(held=credentials())) as address:
        status, body = await asked(address, path, headers)
    assert ROLE_ARN.encode() not in body
    assert b"111122223333" not in body
    if status != 400:  # what is no Host header at all does not come so far
        assert (status, json.loads(body)) == (200, {"ready": True}) if path == "/readyz" else status == 403


@pytest.mark.parametrize("path", RICH)
async def test_a_port_forward_sees_all(path: str) -> None:
    async with served_admin(SetRole(held=credentials())) as address:
        status, body = await asked(address, path, {"Host": "localhost:9912"})
    assert status == 200
    assert b"checkout" in body


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/metrics"])
async def test_probes_and_scrapers_need_no_name(path: str) -> None:
    async with served_admin(SetRole(held=credentials())) as address:
        assert (await asked(address, path, {"Host": "10.0.0.7:9912"}))[0] == 200


async def test_localhost_that_is_another_machine_is_not_listened_on(monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("10.0.0.7", 0))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: elsewhere)
    with pytest.raises(CannotListen, match="another machine"):
        await bind(TcpAddress("localhost", 0))
