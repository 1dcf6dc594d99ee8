"""The token that the sidecar makes for one container: strong, private, whole, and never in the place of another."""

import base64
import errno
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sidecar.faces.authorization import AuthorizationTokens, role_authorization
from sidecar.faces.made_token import read_or_make_token
from tests.doubles import VirtualClock
from tests.needs import on_linux


def authorization_of(file: Path, mode: int = 0o640) -> AuthorizationTokens:
    return role_authorization(file, mode, VirtualClock())


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o644])
def test_where_there_is_none_it_is_made_of_32_bytes_without_a_newline_with_the_mode_that_is_set(
    tmp_path: Path, mode: int
) -> None:
    file = tmp_path / "token"
    before = os.umask(0o077)
    try:
        token = read_or_make_token(file, mode)
    finally:
        os.umask(before)
    assert file.read_text() == token
    assert len(base64.urlsafe_b64decode(token + "=")) == 32
    assert stat.S_IMODE(file.stat().st_mode) == mode
    assert list(tmp_path.iterdir()) == [file]


def test_no_two_are_alike(tmp_path: Path) -> None:
    assert len({read_or_make_token(tmp_path / str(number), 0o600) for number in range(100)}) == 100


def test_one_that_is_there_stays_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("of-the-operator\n")
    file.chmod(0o604)
    assert read_or_make_token(file, 0o600) == "of-the-operator"
    assert (file.read_text(), stat.S_IMODE(file.stat().st_mode)) == ("of-the-operator\n", 0o604)


def test_many_who_make_it_at_once_agree_on_one(tmp_path: Path) -> None:
    file = tmp_path / "token"
    with ThreadPoolExecutor(16) as pool:
        made = set(pool.map(lambda _: read_or_make_token(file, 0o640), range(64)))
    assert made == {file.read_text()}
    assert list(tmp_path.iterdir()) == [file]


def test_through_a_symlink_that_leads_nowhere_nothing_is_written(tmp_path: Path) -> None:
    """A container that can write the volume must not have the sidecar write where only the sidecar can."""
    elsewhere = tmp_path / "elsewhere"
    (tmp_path / "token").symlink_to(elsewhere)
    with pytest.raises(FileNotFoundError):
        read_or_make_token(tmp_path / "token", 0o640)
    assert not elsewhere.exists()
    assert [path.name for path in tmp_path.iterdir()] == ["token"]


@pytest.mark.parametrize("error", [errno.EPERM, errno.ENOTSUP])
def test_where_there_are_no_links_and_nothing_can_be_synced_it_is_made_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: int
) -> None:
    """CIFS and FUSE mounts, and some of CSI drivers."""

    def lacking(*_: object) -> None:
        raise OSError(error, os.strerror(error))

    monkeypatch.setattr(os, "link", lacking)
    monkeypatch.setattr(os, "fsync", lacking)
    file, taken = tmp_path / "token", tmp_path / "taken"
    assert read_or_make_token(file, 0o640) == file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    taken.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(FileNotFoundError):
        read_or_make_token(taken, 0o640)
    assert sorted(tmp_path.iterdir()) == [taken, file]


def test_a_disk_that_fails_makes_none_and_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "fsync", failing)
    with pytest.raises(OSError, match="Input/output"):
        read_or_make_token(tmp_path / "token", 0o640)
    assert list(tmp_path.iterdir()) == []


@on_linux
@pytest.mark.parametrize("kind", ["directory", "pipe", "empty"])
def test_what_is_no_token_stays_and_opens_nothing(tmp_path: Path, kind: str) -> None:
    file = tmp_path / "token"
    {"directory": file.mkdir, "pipe": lambda: os.mkfifo(file), "empty": file.touch}[kind]()
    with pytest.raises((OSError, ValueError)):
        read_or_make_token(file, 0o640)
    assert [path.name for path in tmp_path.iterdir()] == ["token"]


async def test_a_role_whose_token_cannot_be_made_is_given_to_nobody_and_the_fix_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tokens = authorization_of(tmp_path / "missing" / "token")
    assert await tokens.renewed() == ()
    (record,) = caplog.records
    assert str(tmp_path / "missing") in vars(record)["fix"]


async def test_it_is_made_once_it_can_be(tmp_path: Path) -> None:
    tokens = authorization_of(tmp_path / "late" / "token")
    await tokens.renewed()
    (tmp_path / "late").mkdir()
    assert await tokens.renewed() == ((tmp_path / "late" / "token").read_text(),)


async def test_one_that_was_taken_away_is_made_anew(tmp_path: Path) -> None:
    file = tmp_path / "token"
    tokens = authorization_of(file)
    (first,) = await tokens.renewed()
    file.unlink()
    assert await tokens.renewed() == (file.read_text(), first)
