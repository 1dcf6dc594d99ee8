"""The CA bundle: read again when it changes, the last good one kept, old CAs accepted as botocore accepts them."""

import asyncio
import os
import shutil
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sidecar.core.clock import SystemClock
from sidecar.core.errors import StsUnreachable
from sidecar.settings.config import load
from sidecar.sources.web_identity import Exchange, sts_client
from sidecar.sts.tls import tls_context
from sidecar.sts.trusted_authorities import TrustedAuthorities
from tests.doubles import ROLE_ARN, a_token, web_identity
from tests.sts.calls import called, listening, sts
from tests.tls import Issuer
from tests.waiting import HANGS_AFTER

ROOT = Path(__file__).parents[2]


class Bundle:
    """A CA bundle that is replaced as the kubelet does it, or rewritten in place as people do."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def replace(self, content: bytes) -> None:
        draft = self.path.with_suffix(".new")
        draft.write_bytes(content)
        draft.rename(self.path)


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    return Bundle(tmp_path / "bundle.pem")


async def is_trusted(exchange: Exchange) -> bool:
    try:
        return bool((await exchange(a_token())).access_key_id)
    except StsUnreachable as error:
        return "not trusted" not in error.cause


@pytest.mark.parametrize("in_place", [False, True], ids=["replaced", "rewritten"])
async def test_a_bundle_that_changes_is_trusted_from_the_next_call_on(
    tmp_path: Path, bundle: Bundle, in_place: bool
) -> None:
    old, new = Issuer("Old Root"), Issuer("New Root")
    bundle.replace(old.pem)
    async with listening(sts, new.server(tmp_path, sends=[new])) as port:
        environ = {"AWS_ROLE_ARN": ROLE_ARN, "AWS_WEB_IDENTITY_TOKEN_FILE": "/token", "AWS_CA_BUNDLE": str(bundle.path)}
        config = load(environ | {"AWS_ENDPOINT_URL_STS": f"https://localhost:{port}"}, [])
        async with sts_client(web_identity(config), SystemClock()) as exchange:
            assert not await is_trusted(exchange)
            (bundle.path.write_bytes if in_place else bundle.replace)(old.pem + new.pem)
            assert await is_trusted(exchange)
            bundle.replace(old.pem)
            assert not await is_trusted(exchange), "what was taken out of the bundle is not trusted any more"


@pytest.mark.parametrize("content", [b"", b"no certificate", b"-----BEGIN CERTIFICATE-----\nAAAA\n", None])
async def test_the_last_good_bundle_stays_trusted_and_it_is_told_once(
    bundle: Bundle, content: bytes | None, caplog: pytest.LogCaptureFixture
) -> None:
    good = Issuer("Root").pem
    bundle.replace(good)
    trust = TrustedAuthorities(bundle.path)
    before = await trust()
    if content is None:
        bundle.path.unlink()
    else:
        bundle.replace(content)
    assert [await trust(), await trust()] == [before, before]
    (told,) = caplog.records
    assert (told.levelname, told.message) == ("WARNING", "trusted CAs not readable")
    assert "AWS_CA_BUNDLE" in vars(told)["fix"]
    bundle.replace(good)
    assert await trust() is not before


async def test_an_unchanged_bundle_is_not_parsed_again(bundle: Bundle, caplog: pytest.LogCaptureFixture) -> None:
    bundle.replace(Issuer("Root").pem)
    trust = TrustedAuthorities(bundle.path)
    assert await trust() is await trust() is trust.context
    assert caplog.records == []


async def test_the_systems_authorities_are_read_again_too(
    bundle: Bundle, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    root = Issuer("Company Root")
    bundle.replace(Issuer("Another").pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(bundle.path))
    trust = TrustedAuthorities(None)
    bundle.replace(root.pem)
    await trust()
    async with listening(sts, root.server(tmp_path)) as port:
        _, writer = await asyncio.open_connection("localhost", port, ssl=trust.context)
        writer.close()


async def test_a_disk_that_hangs_holds_up_no_call(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle.replace(Issuer("Root").pem)
    hanging = asyncio.Event()

    async def hang(*_: object) -> None:
        await hanging.wait()

    monkeypatch.setattr("sidecar.sts.trusted_authorities.LOOK_WITHIN", 0.05)
    monkeypatch.setattr("sidecar.core.one_call.in_daemon_thread", hang)
    trust = TrustedAuthorities(bundle.path)
    assert await trust() is trust.context


# --- old authorities -------------------------------------------------------------------------------------------


async def test_an_old_authority_is_accepted_here(tmp_path: Path, bundle: Bundle) -> None:
    old = Issuer("Old Inspecting CA", old=True)
    bundle.replace(old.pem)
    async with listening(sts, old.server(tmp_path)) as port:
        assert (await called(f"https://localhost:{port}", trusting=bundle.path)).access_key_id


def test_flags_and_versions_are_botocores() -> None:
    from botocore.httpsession import create_urllib3_context

    ours, theirs = tls_context(None), create_urllib3_context()
    assert (ours.verify_flags, ours.verify_mode, ours.check_hostname) == (theirs.verify_flags, ssl.CERT_REQUIRED, True)
    assert ours.minimum_version == ssl.TLSVersion.TLSv1_2


IN_ANOTHER_PYTHON = """
import ssl, sys, threading, socket
from sidecar.sts.tls import shown_chain, tls_context
bundle, chain, key, foreign = sys.argv[1:]

def attempt(context):
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(chain, key)
    theirs, ours = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context.wrap_bio(theirs, ours, server_hostname="localhost")
    peer = server.wrap_bio(ours, theirs, server_side=True)
    for _ in range(4):
        for side in (client, peer):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                pass
    return client.version()

assert attempt(tls_context(bundle)).startswith("TLS")
try:
    attempt(ssl.create_default_context(cafile=bundle))
    print("accepted by default")
except ssl.SSLCertVerificationError as error:
    print("refused by default")
try:
    attempt(tls_context(foreign))
except ssl.SSLCertVerificationError as error:
    (shown,) = shown_chain(error)
    print(shown["subject"][0][0][1])
"""


@contextmanager
def python(version: str) -> Iterator[list[str]]:
    """A command that runs this version of Python; skips where there is none."""
    if f"{sys.version_info.major}.{sys.version_info.minor}" == version:
        yield [sys.executable]
        return
    command = shutil.which(f"python{version}")
    environ = ["env", f"PYENV_VERSION={version}"]  # where pyenv's stand-ins are in the path, it tells which they are
    if command is None or subprocess.run([*environ, command, "-c", ""], capture_output=True, check=False).returncode:
        pytest.skip(f"needs python{version}")
    yield [*environ, command]


@pytest.mark.parametrize(("version", "default"), [("3.11", "accepted"), ("3.12", "accepted"), ("3.13", "refused")])
def test_every_python_accepts_an_old_authority_and_knows_what_a_refused_server_showed(
    tmp_path: Path, bundle: Bundle, version: str, default: str
) -> None:
    old, foreign = Issuer("Old Inspecting CA", old=True), tmp_path / "foreign.pem"
    bundle.replace(old.pem)
    foreign.write_bytes(Issuer("Foreign").pem)
    old.server(tmp_path)
    with python(version) as interpreter:
        files = [str(path) for path in (bundle.path, tmp_path / "sts.test.pem", tmp_path / "sts.test.key", foreign)]
        ended = subprocess.run(
            [*interpreter, "-c", IN_ANOTHER_PYTHON, *files],
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
            timeout=HANGS_AFTER,
        )
    assert ended.stdout.splitlines() == [f"{default} by default", "sts.test"], ended.stderr
