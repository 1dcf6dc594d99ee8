"""`irsa-sidecar credential-process`: what it prints, whom it asks, what it says when that fails, and what it costs."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from sidecar.client import running_sidecar
from sidecar.client.credential_process import main
from sidecar.client.running_sidecar import NotRunning, NotServed
from sidecar.client.session import session_credentials
from sidecar.core.errors import NoCredentials, TrustRefused
from sidecar.faces.routes import CREDENTIALS_PATH
from sidecar.http.addresses import UnixAddress
from sidecar.settings.catalogue import SETTINGS
from tests.client.raw_server import answering
from tests.doubles import KEY_CANARY, SESSION_CANARY, credentials
from tests.faces.kit import AUTH_TOKEN, OneToken, Source
from tests.local_sidecar import a_sidecar
from tests.waiting import HANGS_AFTER

COMMAND = (sys.executable, "-m", "sidecar", "credential-process")


def run(environ: dict[str, str], command: Sequence[str] = COMMAND) -> subprocess.CompletedProcess[str]:
    """Without the variables by which a measurement of coverage would load modules of its own."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "PYTHONPATH") if name in os.environ}
    return subprocess.run(command, env=kept | environ, capture_output=True, text=True, check=False, timeout=HANGS_AFTER)


def test_prints_the_running_sidecars_credentials_in_version_1() -> None:
    held = credentials()
    with a_sidecar(Source(held)) as address:
        ended = run({"SIDECAR_LISTEN": str(address)})
    assert (ended.returncode, ended.stderr) == (0, "")
    assert json.loads(ended.stdout) == {
        "Version": 1,
        "AccessKeyId": held.access_key_id,
        "SecretAccessKey": KEY_CANARY,
        "SessionToken": SESSION_CANARY,
        "Expiration": "2027-01-15T09:00:00Z",
        "AccountId": "111122223333",
    }


@pytest.mark.parametrize(
    "environ",
    [
        {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://{address}/v1/credentials"},
        {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://{address}"},
        {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://{address}/v1/credentials", "SIDECAR_LISTEN": "off"},
        {"SIDECAR_LISTEN": "{address},127.0.0.1:1"},
    ],
)
def test_it_asks_where_applications_ask_and_else_where_the_sidecar_listens(environ: dict[str, str]) -> None:
    held = credentials()
    with a_sidecar(Source(held)) as address:
        found = session_credentials({name: text.format(address=address) for name, text in environ.items()})
    assert found.access_key_id == held.access_key_id


def test_a_unix_socket_will_do(tmp_path: Path) -> None:
    held = credentials()
    with a_sidecar(Source(held), address=UnixAddress(tmp_path / "s")) as address:
        assert session_credentials({"SIDECAR_LISTEN": str(address)}).access_key_id == held.access_key_id


@pytest.mark.parametrize("name", ["AWS_CONTAINER_AUTHORIZATION_TOKEN", "SIDECAR_AUTH_TOKEN"])
def test_the_authorization_token_comes_from_a_variable_or_a_file(name: str, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(f"{AUTH_TOKEN}\n")
    with a_sidecar(Source(credentials()), authorization=OneToken()) as address:
        where = {"SIDECAR_LISTEN": str(address)}
        session_credentials(where | {name: AUTH_TOKEN})
        session_credentials(where | {f"{name}_FILE": str(file), name: "not this"})
        with pytest.raises(NotServed, match=r"answered 401.*AWS_CONTAINER_AUTHORIZATION_TOKEN"):
            session_credentials(where)
        with pytest.raises(NotServed, match=f"{name}_FILE: /nowhere is not usable"):
            session_credentials(where | {f"{name}_FILE": "/nowhere"})


def test_the_sidecars_own_words_say_why_there_are_none(capsys: pytest.CaptureFixture[str]) -> None:
    reason = TrustRefused("The role does not trust shop/checkout.", fix="Add it.")
    nothing = NoCredentials(reason, cause=reason.cause, fix=reason.fix, retry_after=1)
    with a_sidecar(Source(after_waiting=nothing)) as address, pytest.MonkeyPatch.context() as patched:
        patched.setenv("SIDECAR_LISTEN", str(address))
        assert main([]) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert "answered 503. The role does not trust shop/checkout. Add it." in told.err


@pytest.mark.parametrize(
    "url", ["http://10.0.0.7/x", "https://127.0.0.1/x", "http://evil.example/", "file:///x", "http://"]
)
def test_the_token_is_shown_to_nobody_outside_the_pod(url: str) -> None:
    environ = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": url, "AWS_CONTAINER_AUTHORIZATION_TOKEN": AUTH_TOKEN}
    with pytest.raises(NotServed, match="not an address in this pod"):
        session_credentials(environ)


@pytest.mark.parametrize("where", ["127.0.0.1:1", "unix:/nowhere/socket", "off"])
def test_with_no_sidecar_and_no_role_it_says_what_to_start_or_set(where: str) -> None:
    with pytest.raises(NotRunning, match=r"Start it, or set AWS_ROLE_ARN|AWS_CONTAINER_CREDENTIALS_FULL_URI"):
        session_credentials({"SIDECAR_LISTEN": where})


def test_with_no_sidecar_and_a_role_bad_settings_are_all_named() -> None:
    environ = {"SIDECAR_LISTEN": "127.0.0.1:1", "AWS_ROLE_ARN": "x", "AWS_WEB_IDENTITY_TOKEN_FILE": "y"}
    with pytest.raises(NotServed) as refused:
        session_credentials(environ)
    for name in ("AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_REGION"):
        assert name in str(refused.value)


def test_with_a_sidecar_it_imports_neither_aiohttp_nor_asyncio_nor_an_sdk() -> None:
    script = (
        "import sys; sys.argv[1:] = ['credential-process']; from sidecar.cli import main; code = main();"
        "heavy = {'aiohttp', 'asyncio', 'botocore', 'prometheus_client', 'watchfiles', 'uvloop'};"
        "heavy |= {'dataclasses', 'inspect', 'sidecar.settings.config'};"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr); sys.exit(code)"
    )
    with a_sidecar(Source(credentials())) as address:
        ended = run({"SIDECAR_LISTEN": str(address)}, (sys.executable, "-c", script))
    assert (ended.returncode, ended.stderr) == (0, "[]\n")


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"null", b'{"AccessKeyId": "A"}', b'"AccessKeyId SecretAccessKey Token Expiration"']
)
def test_what_is_no_credentials_document_is_said_to_be_none(body: bytes) -> None:
    answer = b"HTTP/1.1 200 OK\r\n\r\n" + body
    with answering(answer) as address, pytest.raises(NotServed, match="something other than credentials"):
        session_credentials({"SIDECAR_LISTEN": str(address)})


def test_a_token_that_no_header_can_carry_is_not_sent_and_not_shown() -> None:
    with pytest.raises(NotServed, match=r"AWS_CONTAINER_AUTHORIZATION_TOKEN: its value \(not shown\)") as refused:
        session_credentials({"SIDECAR_LISTEN": "127.0.0.1:1", "AWS_CONTAINER_AUTHORIZATION_TOKEN": "a\r\nX-B: secret"})
    assert "secret" not in str(refused.value)


def test_it_asks_where_a_sidecar_without_settings_listens() -> None:
    defaults = {setting.variable: setting.default for setting in SETTINGS}
    assert defaults["SIDECAR_LISTEN"] == running_sidecar.DEFAULT_LISTEN
    assert defaults["SIDECAR_ADMIN_LISTEN"] == running_sidecar.DEFAULT_ADMIN_LISTEN.replace("127.0.0.1", "0.0.0.0")
    assert running_sidecar.CREDENTIALS_PATH == CREDENTIALS_PATH


def test_a_session_hides_its_secrets() -> None:
    with a_sidecar(Source(credentials())) as address:
        shown = repr(session_credentials({"SIDECAR_LISTEN": str(address)}))
    assert KEY_CANARY not in shown
    assert SESSION_CANARY not in shown
