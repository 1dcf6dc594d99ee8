"""Why TLS with STS fails: each cause by its own words, with the certificate that is wrong, over real handshakes."""

import datetime as dt
import re
import ssl
import warnings
from pathlib import Path

import pytest
from aiohttp import ClientConnectorError
from aiohttp.client_reqrep import ConnectionKey
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from sidecar.sts.tls_failures import CUT_SHORT, handshake_failure, tls_failure
from tests.sts.calls import Serve, blocking, called, failure, hangs_up, listening, saying, sts
from tests.tls import DAY, Issuer

DATED = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"
SHOWN = rf"\('sts\.test', valid {DATED} to {DATED}\)"


@pytest.fixture
def ca() -> Issuer:
    return Issuer("Test Root")


@pytest.fixture
def bundle(tmp_path: Path, ca: Issuer) -> Path:
    path = tmp_path / "bundle.pem"
    path.write_bytes(ca.pem)
    return path


async def cause_of(tls: ssl.SSLContext | None, bundle: Path | None, serve: Serve = sts) -> tuple[str, str]:
    async with listening(serve, tls) as port:
        error = await failure(f"https://localhost:{port}", trusting=bundle)
    start = f"https://localhost:{port}: "
    assert error.cause.startswith(start)
    return error.cause.removeprefix(start), error.fix


async def ended_by(tls: ssl.SSLContext, bundle: Path) -> tuple[str, str]:
    """Cause and fix, where the server ends the handshake."""
    with blocking(tls) as port:
        error = await failure(f"https://localhost:{port}", trusting=bundle)
    return error.cause.removeprefix(f"https://localhost:{port}: "), error.fix


async def test_a_good_certificate_is_accepted(tmp_path: Path, ca: Issuer, bundle: Path) -> None:
    async with listening(sts, ca.server(tmp_path)) as port:
        assert (await called(f"https://localhost:{port}", trusting=bundle)).access_key_id


async def test_an_intermediate_that_is_sent_along_is_used(tmp_path: Path, ca: Issuer, bundle: Path) -> None:
    middle = Issuer("Test Intermediate", by=ca)
    async with listening(sts, middle.server(tmp_path, sends=[middle])) as port:
        assert (await called(f"https://localhost:{port}", trusting=bundle)).access_key_id


async def test_a_certificate_for_another_name_is_told_with_its_names(tmp_path: Path, ca: Issuer, bundle: Path) -> None:
    cause, fix = await cause_of(ca.server(tmp_path, ["sts.example", "*.sts.example"]), bundle)
    assert re.fullmatch(
        rf"its TLS certificate {SHOWN} is for sts\.example, \*\.sts\.example, not for localhost\.", cause
    )
    assert "CNAME" in fix


async def test_a_certificate_for_another_address_is_told(tmp_path: Path, ca: Issuer, bundle: Path) -> None:
    async with listening(sts, ca.server(tmp_path, ["127.0.0.9"])) as port:
        error = await failure(f"https://127.0.0.1:{port}", trusting=bundle)
    assert "is for 127.0.0.9, not for 127.0.0.1." in error.cause


async def out_of_date(server: ssl.SSLContext, bundle: Path, told: str) -> str:
    cause, fix = await cause_of(server, bundle)
    assert re.fullmatch(rf"its TLS certificate {SHOWN} {told}\.", cause)
    assert f"by the node's clock it is {dt.datetime.now(dt.UTC):%Y-%m-%d}" in fix
    return cause


async def test_a_certificate_that_has_expired_is_told_with_its_dates(tmp_path: Path, ca: Issuer, bundle: Path) -> None:
    cause = await out_of_date(ca.server(tmp_path, starts=-3 * DAY, ends=-DAY), bundle, "has expired")
    assert f"to {dt.datetime.now(dt.UTC) - DAY:%Y-%m-%d}" in cause


async def test_a_certificate_that_is_not_valid_yet_is_told_with_its_dates(
    tmp_path: Path, ca: Issuer, bundle: Path
) -> None:
    cause = await out_of_date(ca.server(tmp_path, starts=DAY, ends=2 * DAY), bundle, "is not valid yet")
    assert f"valid {dt.datetime.now(dt.UTC) + DAY:%Y-%m-%d}" in cause


async def test_a_missing_intermediate_is_told_with_its_name(tmp_path: Path, ca: Issuer, bundle: Path) -> None:
    cause, fix = await cause_of(Issuer("Test Intermediate", by=ca).server(tmp_path), bundle)
    assert re.search(rf"{SHOWN} is signed by 'Test Intermediate', which it does not send", cause)
    assert "the server must send its certificate too" in fix
    assert "AWS_CA_BUNDLE" in fix


async def test_an_unknown_authority_is_told_with_its_name(tmp_path: Path, bundle: Path) -> None:
    root = Issuer("Inspecting Proxy Root")
    middle = Issuer("Inspecting Proxy", by=root)
    for sends in ([middle], [middle, root]):
        cause, fix = await cause_of(middle.server(tmp_path, sends=sends), bundle)
        assert re.match(f"its TLS certificate {SHOWN} is signed by a CA ", cause)
        assert cause.endswith("that is not trusted: 'Inspecting Proxy Root'.")
        assert "AWS_CA_BUNDLE" in fix


async def test_where_no_bundle_is_set_the_systems_authorities_are_trusted(tmp_path: Path, ca: Issuer) -> None:
    cause, _ = await cause_of(ca.server(tmp_path, sends=[ca]), None)
    assert "not trusted: 'Test Root'" in cause


async def test_names_in_a_certificate_are_repeated_harmlessly_and_at_no_length(tmp_path: Path, ca: Issuer) -> None:
    awkward = ca.server(tmp_path, subject="a\nb'\x1b[31m")
    cause, _ = await cause_of(awkward, None)
    assert cause.isprintable()


async def test_what_else_is_wrong_with_a_certificate_is_told_in_openssls_words(
    tmp_path: Path, ca: Issuer, bundle: Path
) -> None:
    for_clients = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])
    cause, _ = await cause_of(ca.server(tmp_path, more=[for_clients]), bundle)
    assert re.fullmatch(rf"its TLS certificate {SHOWN} is refused: .*purpose.*\.", cause)


def test_a_certificate_that_is_not_known_is_told_without_it() -> None:
    error = ssl.SSLCertVerificationError(1, "foreign text")
    error.verify_code, error.verify_message = 10, "certificate has expired"
    told = tls_failure(error, "sts.example", 0)
    assert told is not None
    assert told.what == "its TLS certificate is refused: certificate has expired"


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
async def test_an_old_protocol_is_told(tmp_path: Path, ca: Issuer, bundle: Path, version: ssl.TLSVersion) -> None:
    old = ca.server(tmp_path)
    old.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
        old.minimum_version, old.maximum_version = ssl.TLSVersion.TLSv1, version
    cause, fix = await ended_by(old, bundle)
    assert cause == "it supports only TLS versions older than 1.2."
    assert "TLS 1.2" in fix


async def test_what_speaks_no_tls_is_told(bundle: Path) -> None:
    for answer in (b"HTTP/1.1 400 Bad Request\r\n\r\n", b"220 mail.example ESMTP\r\n", b"\x00" * 100):
        cause, fix = await cause_of(None, bundle, saying(answer))
        assert cause == "the server does not use TLS."
        assert "port" in fix


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_an_alert_is_told_by_its_name_and_its_number_is_not_read_as_the_systems(
    tmp_path: Path, ca: Issuer, bundle: Path, version: ssl.TLSVersion
) -> None:
    strict = ca.server(tmp_path)
    strict.minimum_version = strict.maximum_version = version
    strict.verify_mode = ssl.CERT_REQUIRED
    cause, fix = await ended_by(strict, bundle)
    assert re.match("it refused the TLS handshake with the alert '.*(certificate|handshake).*'", cause)
    assert "client certificate" in fix
    assert "Operation not permitted" not in cause


async def test_without_a_common_cipher_the_alert_is_told(tmp_path: Path, ca: Issuer, bundle: Path) -> None:
    picky = ca.server(tmp_path)
    picky.maximum_version = ssl.TLSVersion.TLSv1_2
    picky.set_ciphers("AES128-SHA")  # for RSA keys, and this one is not
    cause, _ = await ended_by(picky, bundle)
    assert "the alert 'handshake failure'" in cause


async def test_a_connection_that_is_cut_in_the_handshake_is_told(bundle: Path) -> None:
    cause, fix = await cause_of(None, bundle, hangs_up)
    assert cause == "the connection was closed during the TLS handshake."
    assert "firewall" in fix


@pytest.mark.parametrize("end", [ConnectionResetError, ConnectionAbortedError, BrokenPipeError])
def test_every_way_in_which_the_system_reports_a_cut_connection_is_told(end: type[OSError]) -> None:
    key = ConnectionKey("sts.example", 443, is_ssl=True, ssl=True, proxy=None, proxy_auth=None, proxy_headers_hash=None)
    assert tls_failure(ClientConnectorError(key, end()), "sts.example", 0) == CUT_SHORT


def test_an_unheard_of_reason_is_told_as_it_is() -> None:
    assert handshake_failure("DH_KEY_TOO_SMALL").what == "the TLS handshake failed (dh key too small)"
    assert "no reason given" in handshake_failure("").what
