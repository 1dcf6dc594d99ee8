"""File systems that really hang: the process goes on, tells of it, and ends when it is told to."""

import asyncio
import os
import signal
import threading
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from sidecar import serve
from tests.doubles import ROLE_ARN, a_token
from tests.hung_file_system import can_be_mounted, hung_file_system
from tests.serve.kit import AUTH_TOKEN, Sidecar, Start
from tests.waiting import HANGS_AFTER

REPORTS = "arn:aws:iam::111122223333:role/reports"
CAS = Path("/etc/ssl/certs/ca-certificates.crt")
PLACES = ("projected", "authorization", "written", "config", "policy", "authorities")


@pytest.fixture
def places(tmp_path: Path) -> Path:
    """A directory for each file, so that each can hang for itself."""
    if not CAS.exists() or not can_be_mounted():
        pytest.skip("needs root, /dev/fuse and the system's CAs")
    for name in PLACES:
        (tmp_path / name).mkdir()
    (tmp_path / "projected" / "file").write_text(a_token(issued_at=time.time()).raw)
    (tmp_path / "authorization" / "file").write_text(AUTH_TOKEN)
    (tmp_path / "policy" / "file").write_text('{"Statement": []}')
    (tmp_path / "authorities" / "file").write_bytes(CAS.read_bytes())
    (tmp_path / "config" / "file").write_text(
        f"[profile reports]\nrole_arn = {REPORTS}\nweb_identity_token_file = {tmp_path}/projected/file\n"
        f"sidecar_policy_file = {tmp_path}/policy/file\n"
    )
    return tmp_path


@pytest.fixture
def begin(places: Path, start: Start) -> Start:
    """Starts a sidecar whose files are in `places`, but for the token of the default role."""

    async def begun() -> Sidecar:
        sidecar: Sidecar = await start(
            AWS_CONFIG_FILE=f"{places}/config/file",
            SIDECAR_PROFILES="reports",
            AWS_REGION="eu-west-1",
            AWS_CA_BUNDLE=f"{places}/authorities/file",
            SIDECAR_AUTH_TOKEN_FILE=f"{places}/authorization/file",
            SIDECAR_CREDENTIALS_FILE=f"{places}/written/file",
            SIDECAR_GRACE="0",
        )
        return sidecar

    return begun


async def test_what_hangs_holds_up_nothing_else(places: Path, begin: Start) -> None:
    with hung_file_system(places / "projected"), ExitStack() as others:
        sidecar = await begin()
        await sidecar.listening()
        await sidecar.becomes(sidecar.credentials, 200, AUTH_TOKEN)
        for name in PLACES[1:]:
            others.enter_context(hung_file_system(places / name))
        told = await sidecar.told("refresh failed")
        assert (told["role"], told["code"]) == ("reports", "TokenUnreadable")
        assert "could not be read within" in told["cause"]
        for _ in range(5):
            assert (await sidecar.get(sidecar.credentials, AUTH_TOKEN))[0] == 200
            assert (await sidecar.get(sidecar.credentials, "wrong"))[0] == 401
            assert (await sidecar.get(f"{sidecar.admin}/livez"))[0] == 200
        assert (await sidecar.get(f"{sidecar.credentials}/reports", AUTH_TOKEN))[0] == 503
        sidecar.send(signal.SIGTERM)
        assert await sidecar.ended() == 0


@pytest.mark.parametrize("place", ["config", "policy", "authorities", "authorization"])
async def test_a_start_that_hangs_ends_when_it_is_told_to(places: Path, begin: Start, place: str) -> None:
    with hung_file_system(places / place):
        sidecar = await begin()
        async with asyncio.timeout(HANGS_AFTER):
            while len(os.listdir(f"/proc/{sidecar.pid}/task")) == 1:  # noqa: PTH208 (not a file's name)
                await asyncio.sleep(0.02)
        sidecar.send(signal.SIGTERM)
        assert await sidecar.ended() == 0
        assert sidecar.written == []


def test_a_start_that_hangs_names_the_files(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    released = threading.Event()
    monkeypatch.setattr(serve, "READ_WITHIN", 0.05)
    monkeypatch.setattr(serve, "load", lambda *_: released.wait())
    monkeypatch.setenv("AWS_CA_BUNDLE", str(tmp_path))
    monkeypatch.setenv("AWS_ROLE_ARN", ROLE_ARN)
    assert serve.main([]) == serve.BAD_CONFIG
    released.set()
    assert f"AWS_CA_BUNDLE ({str(tmp_path)!r})" in capsys.readouterr().err
