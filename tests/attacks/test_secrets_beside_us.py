"""Neighbours of the same user, sockets of others, paths that mean two things, and a token in clear text."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from sidecar.http.addresses import UnixAddress
from sidecar.http.binding import CannotListen, bind
from sidecar.settings.complaints import BadConfig
from sidecar.settings.config import Config, load
from tests.doubles import ROLE_ARN

GOOD = {
    "AWS_ROLE_ARN": ROLE_ARN,
    "AWS_WEB_IDENTITY_TOKEN_FILE": "/var/run/secrets/token",
    "AWS_REGION": "eu-west-1",
}


def refused(**variables: str) -> str:
    with pytest.raises(BadConfig) as caught:
        load(GOOD | variables, [])
    return str(caught.value)


def taken(**variables: str) -> Config:
    return load(GOOD | variables, [])


# --- memory --------------------------------------------------------------------------------------------------------

PRIVATE = "import os; from sidecar.core.process_privacy import keep_private; keep_private(); "


@pytest.mark.skipif(sys.platform != "linux", reason="prctl is Linux's")
def test_nobody_of_the_same_user_may_look_into_the_process() -> None:
    asked = "import ctypes, resource; print(ctypes.CDLL(None).prctl(3), resource.getrlimit(resource.RLIMIT_CORE))"
    out = subprocess.run([sys.executable, "-c", PRIVATE + asked], capture_output=True, text=True, check=True).stdout
    assert out == "0 (0, 0)\n"


SECRETS = ["SIDECAR_AUTH_TOKEN", "AWS_CONTAINER_AUTHORIZATION_TOKEN", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"]


@pytest.mark.parametrize("variable", SECRETS)
def test_what_is_started_later_does_not_inherit_a_secret(variable: str) -> None:
    asked = "import subprocess; subprocess.run(['env'])"
    environ = os.environ | {variable: "canary-of-the-token"}
    shown = subprocess.run(
        [sys.executable, "-c", PRIVATE + asked], env=environ, capture_output=True, text=True, check=True
    )
    assert "canary" not in shown.stdout


def test_tls_keys_are_not_logged_whatever_the_environment_says(tmp_path: Path) -> None:
    asked = "from sidecar.sts.tls import tls_context; print(tls_context(None).keylog_filename)"
    environ = os.environ | {"SSLKEYLOGFILE": str(tmp_path / "keys")}
    shown = subprocess.run([sys.executable, "-c", asked], env=environ, capture_output=True, text=True, check=True)
    assert shown.stdout == "None\n"


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
def test_orphans_leave_no_zombies() -> None:
    code = (
        "import os, time; from sidecar.terminal.early_signals import leave_no_zombies; leave_no_zombies(); "
        "child = os.fork(); child or os._exit(0); time.sleep(0.2); print(os.path.exists(f'/proc/{child}'))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"
    assert signal.getsignal(signal.SIGCHLD) == signal.SIG_DFL


# --- sockets -------------------------------------------------------------------------------------------------------


async def test_a_socket_is_not_stolen_from_a_live_server(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as theirs:
        theirs.bind(str(path))
        theirs.listen(0)
        with pytest.raises(CannotListen, match="another process"):
            await bind(UnixAddress(path))
        assert path.is_socket()


async def test_a_busy_server_keeps_its_socket_too(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as theirs, socket.socket(socket.AF_UNIX) as waiting:
        theirs.bind(str(path))
        theirs.listen(0)
        waiting.setblocking(False)
        waiting.connect(str(path))
        with pytest.raises(CannotListen, match="another process"):
            await bind(UnixAddress(path))


async def test_a_dead_servers_socket_is_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as theirs:
        theirs.bind(str(path))
    (ours,) = await bind(UnixAddress(path))
    ours.close()


# --- settings ------------------------------------------------------------------------------------------------------

CLEAR = [
    "http://sts.example",
    "http://10.0.0.7:9922",
    "http://169.254.169.254",
    "http://127.0.0.1.nip.io",
    "http://localhost.evil.example",
    "http://[fe80::1]",
    "HTTP://sts.example",
    "http://2130706433",
]


@pytest.mark.parametrize("url", CLEAR)
def test_the_token_does_not_go_out_unencrypted(url: str) -> None:
    assert "AWS_ENDPOINT_URL_STS" in refused(AWS_ENDPOINT_URL_STS=url)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:9922", "http://localhost:9922", "http://[::1]:9922", "https://sts.example"]
)
def test_on_this_machine_or_encrypted_it_may(url: str) -> None:
    assert taken(AWS_ENDPOINT_URL_STS=url).sts_endpoint == url


def test_by_name_it_may_go_out_unencrypted() -> None:
    assert taken(AWS_ENDPOINT_URL_STS="http://minio:9000", SIDECAR_STS_HTTP="true").sts_endpoint == "http://minio:9000"


TOKEN = GOOD["AWS_WEB_IDENTITY_TOKEN_FILE"]
COLLISIONS = [
    {"SIDECAR_CREDENTIALS_FILE": TOKEN},
    {"SIDECAR_CREDENTIALS_FILE": "/var/run/secrets/../secrets//token"},
    {"SIDECAR_LISTEN": f"unix:{TOKEN}"},
    {"SIDECAR_ADMIN_LISTEN": f"unix:{TOKEN}"},
    {"SIDECAR_CREDENTIALS_FILE": "/run/s", "SIDECAR_LISTEN": "unix:/run/s"},
    {"SIDECAR_LISTEN": "unix:/run/s", "SIDECAR_ADMIN_LISTEN": "unix:/run/s"},
    {"SIDECAR_IMDS_LISTEN": "unix:/run/s", "SIDECAR_LISTEN": "127.0.0.1:9911,unix:/run/./s"},
]


@pytest.mark.parametrize("given", COLLISIONS, ids=str)
def test_one_path_for_two_things_is_refused(given: dict[str, str]) -> None:
    assert "give each its own" in refused(**given)


def test_the_token_is_no_authorization_token(tmp_path: Path) -> None:
    shared = tmp_path / "token"
    shared.write_text("the-same-file")
    given = {"AWS_WEB_IDENTITY_TOKEN_FILE": str(shared), "SIDECAR_AUTH_TOKEN_FILE": str(shared)}
    assert "give each its own" in refused(**given)
    assert "give each its own" in refused(**given, SIDECAR_CREDENTIALS_FILE=str(shared))
