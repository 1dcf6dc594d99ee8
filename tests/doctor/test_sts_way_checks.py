"""The way to STS: name, connection, certificate, clock, over real sockets on loopback."""

import asyncio
import email.utils
import ssl
from pathlib import Path

import aiohttp
import pytest

from sidecar.core.findings import Finding
from sidecar.doctor import sts_way
from tests.doctor.servers import Page, a_server, a_silent_server
from tests.doctor.snapshots import a_pod, outcome
from tests.explain.asking import NOW
from tests.free_ports import free_port


async def to_sts(tmp_path: Path, http: aiohttp.ClientSession, url: str, now: float = NOW, **more: str) -> list[Finding]:
    pod = await a_pod(tmp_path / "token", {"AWS_ENDPOINT_URL_STS": url} | more, now=now)
    return await sts_way.way(pod, http)


def dated(moment: float) -> dict[str, Page]:
    return {"/": Page({}, status=302, headers={"Date": email.utils.formatdate(moment, usegmt=True)})}


@pytest.mark.parametrize(
    ("ahead", "check"),
    [
        (0, ("sts-connection", "pass")),
        (29, ("sts-connection", "pass")),
        (-60, ("sts-clock", "warn")),
        (60, ("sts-clock", "warn")),
        (302, ("sts-clock", "fail")),
        (-302, ("sts-clock", "fail")),
    ],
)
async def test_the_clock_is_compared_with_stss(
    tmp_path: Path, http: aiohttp.ClientSession, ahead: float, check: tuple[str, str]
) -> None:
    async with a_server(dated(NOW)) as url:
        found = await to_sts(tmp_path, http, url, now=NOW + ahead)

    assert [outcome(finding) for finding in found] == [("sts-name", "pass"), check]


async def test_a_name_that_does_not_resolve_ends_the_way(tmp_path: Path, http: aiohttp.ClientSession) -> None:
    found = await to_sts(tmp_path, http, "https://sts.nowhere.invalid")

    assert [outcome(finding) for finding in found] == [("sts-name", "fail")]
    assert "VPC endpoint" in found[0].fix


async def test_a_port_that_nobody_listens_on_is_no_connection(tmp_path: Path, http: aiohttp.ClientSession) -> None:
    found = await to_sts(tmp_path, http, f"http://127.0.0.1:{free_port()}")

    assert outcome(found[1]) == ("sts-connection", "fail")


async def test_silence_is_told(tmp_path: Path, http: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sts_way, "STS_TIMEOUT", 0.2)
    async with a_silent_server() as port:
        found = await to_sts(tmp_path, http, f"http://127.0.0.1:{port}")

    assert outcome(found[1]) == ("sts-connection", "fail")
    assert "though a connection was made" in found[1].message


async def test_a_certificate_that_nobody_trusts_is_told(
    tmp_path: Path, http: aiohttp.ClientSession, certificate: tuple[Path, Path]
) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*certificate)

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
    async with server:
        port = server.sockets[0].getsockname()[1]
        found = await to_sts(tmp_path, http, f"https://127.0.0.1:{port}")

    assert outcome(found[1]) == ("sts-tls", "fail")
    assert "self" in found[1].saw
    assert "AWS_CA_BUNDLE" in found[1].fix


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """A certificate that is its own authority, and its key."""
    import datetime as dt

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sts.lab")])
    today = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(today - dt.timedelta(days=1))
        .not_valid_after(today + dt.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    chain, private = tmp_path / "cert.pem", tmp_path / "key.pem"
    chain.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return chain, private


async def test_a_proxy_is_what_is_looked_up_and_its_password_stays_ours(
    tmp_path: Path, http: aiohttp.ClientSession
) -> None:
    proxy = f"http://user:hunter2@127.0.0.1:{free_port()}"

    found = await to_sts(tmp_path, http, "https://sts.eu-west-1.amazonaws.com", HTTPS_PROXY=proxy)

    assert [outcome(finding) for finding in found] == [("sts-name", "pass"), ("sts-connection", "fail")]
    assert "the proxy 127.0.0.1" in found[0].saw
    assert "NO_PROXY" in found[1].fix
    assert "hunter2" not in str(found)
