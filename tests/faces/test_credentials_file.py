"""The credentials file: whole at every moment, private, renewed, and never in the way."""

import asyncio
import configparser
import errno
import logging
import os
import stat
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from sidecar.core.errors import StsUnreachable
from sidecar.core.model import DEFAULT_ROLE, Credentials
from sidecar.core.refresh import Failed, Issued, RoleState
from sidecar.faces import credentials_file
from sidecar.faces.credentials_file import CredentialsFile
from sidecar.faces.file_replacement import replace_file
from tests.conftest import Canary
from tests.doubles import credentials
from tests.waiting import HANGS_AFTER


class Writes:
    """A `WriteObserver` that one can wait for."""

    def __init__(self) -> None:
        self.seen: asyncio.Queue[bool] = asyncio.Queue()

    def __call__(self, *, written: bool) -> None:
        self.seen.put_nowait(written)


class Kept:
    """A file that is being kept."""

    def __init__(self, path: Path, *, mode: int = 0o600, removed: bool = False) -> None:
        self.path = path
        self.writes = Writes()
        self.file = CredentialsFile(path, mode=mode, removed=removed, observe=self.writes)
        self.observe = self.file.section("default")

    async def issue(self, held: Credentials) -> bool:
        """What came of writing them."""
        self.observe(DEFAULT_ROLE, Issued(0, held, 0), RoleState(held))
        return await self.writes.seen.get()

    def holds(self, held: Credentials) -> bool:
        read = configparser.RawConfigParser()
        read.read_string(self.path.read_text())
        return read["default"]["aws_access_key_id"] == held.access_key_id


@asynccontextmanager
async def kept(path: Path, *, mode: int = 0o600, removed: bool = False) -> AsyncIterator[Kept]:
    held = Kept(path, mode=mode, removed=removed)
    task = asyncio.create_task(held.file.keep_written())
    try:
        yield held
    finally:
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()


async def test_every_credential_that_is_issued_is_written(tmp_path: Path) -> None:
    async with kept(tmp_path / "credentials") as file:
        for held in (credentials(), credentials()):
            assert await file.issue(held)
            assert file.holds(held)
        assert list(tmp_path.iterdir()) == [file.path]


async def test_a_failed_refresh_leaves_the_file_as_it_is(tmp_path: Path) -> None:
    held = credentials()
    async with kept(tmp_path / "credentials") as file:
        await file.issue(held)
        file.observe(DEFAULT_ROLE, Failed(0, StsUnreachable("x", fix="y")), RoleState(held))
        await asyncio.sleep(0)
        assert file.holds(held)
        assert file.writes.seen.empty()


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o644])
async def test_it_has_the_mode_that_is_set_whatever_was_there_before(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "credentials"
    path.write_text("[other]\n")
    path.chmod(0o666)
    async with kept(path, mode=mode) as file:
        await file.issue(credentials())
        assert stat.S_IMODE(path.stat().st_mode) == mode


async def test_a_reader_never_sees_half_a_file(tmp_path: Path) -> None:
    path = tmp_path / "credentials"
    async with kept(path) as file:
        await file.issue(credentials())
        with path.open() as opened:  # a reader that began before the change
            before = path.read_text()
            await file.issue(credentials())
            assert opened.read() == before != path.read_text()


async def test_a_disk_that_hangs_does_not_hold_up_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    disk_answers, written = threading.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def hang(*_: object) -> None:
        loop.call_soon_threadsafe(written.set)
        disk_answers.wait(HANGS_AFTER)

    monkeypatch.setattr(credentials_file, "REMOVE_WITHIN", 0.05)
    monkeypatch.setattr(credentials_file, "replace_file", hang)
    async with kept(tmp_path / "credentials", removed=True) as file:
        file.observe(DEFAULT_ROLE, Issued(0, credentials(), 0), RoleState(None))
        await written.wait()
    assert [record.getMessage() for record in caplog.records] == ["credentials file not removed"]
    disk_answers.set()


async def test_it_is_removed_at_the_end_on_request_only(tmp_path: Path) -> None:
    for removed in (False, True):
        async with kept(tmp_path / "credentials", removed=removed) as file:
            await file.issue(credentials())
        assert file.path.exists() is not removed


async def test_removing_what_is_gone_already_is_no_trouble(tmp_path: Path) -> None:
    async with kept(tmp_path / "credentials", removed=True) as file:
        await file.issue(credentials())
        file.path.unlink()


async def test_a_failure_is_counted_told_once_with_the_fix_and_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, canary: Canary
) -> None:
    monkeypatch.setattr(credentials_file, "TRY_AGAIN", 0)
    caplog.set_level(logging.INFO)
    directory, held = tmp_path / "not-mounted-yet", credentials()
    async with kept(directory / "credentials") as file:
        assert not await file.issue(held)
        assert not await file.writes.seen.get()
        directory.mkdir()
        while not await file.writes.seen.get():
            pass
        assert file.holds(held)
    (told,) = [record for record in caplog.records if record.levelname == "WARNING"]
    assert told.message == "credentials file not written"
    assert vars(told)["reason"] == "No such file or directory"
    assert str(directory) in vars(told)["fix"]


async def test_a_credential_that_could_add_lines_is_not_written_and_its_part_is_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with kept(tmp_path / "credentials") as file:
        assert not await file.issue(replace(credentials(), session_token="t\n[another]\ncredential_process = x"))
        assert not file.path.exists()
    (told,) = caplog.records
    assert vars(told)["reason"] == "SessionToken is not valid"


async def test_after_a_failure_the_newest_is_written_not_the_oldest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(credentials_file, "TRY_AGAIN", 0)
    directory, newest = tmp_path / "later", credentials()
    async with kept(directory / "credentials") as file:
        await file.issue(credentials())
        await file.issue(newest)
        directory.mkdir()
        while not await file.writes.seen.get():
            pass
        assert file.holds(newest)


def test_a_failure_half_way_leaves_nothing_behind_and_the_old_file_whole(tmp_path: Path) -> None:
    target = tmp_path / "credentials"
    target.mkdir()  # a rename onto a directory fails last
    with pytest.raises(OSError, match="directory"):
        replace_file(target, b"x", 0o600)
    assert list(tmp_path.iterdir()) == [target]


def test_what_a_killed_process_left_is_swept_away(tmp_path: Path) -> None:
    (tmp_path / ".credentials.irsa-sidecar").write_text("half")
    replace_file(tmp_path / "credentials", b"whole", 0o600)
    assert [path.name for path in tmp_path.iterdir()] == ["credentials"]


def test_it_is_on_disk_before_it_has_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[str] = []
    sync, rename = os.fsync, Path.rename

    def synced(descriptor: int) -> None:
        steps.append("fsync")
        sync(descriptor)

    def renamed(path: Path, target: Path) -> Path:
        steps.append("rename")
        return rename(path, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(Path, "rename", renamed)
    replace_file(tmp_path / "credentials", b"x", 0o600)
    assert steps == ["fsync", "rename", "fsync"]


def test_what_keeps_a_file_from_being_made_is_the_error_that_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read_only(*_: object) -> int:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(os, "open", read_only)
    with pytest.raises(OSError, match="Read-only file system"):
        replace_file(tmp_path / "credentials", b"x", 0o600)


class FileSystem:
    """One that refuses some calls, each by this error."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, number: int, *refused: str) -> None:
        sync = os.fsync

        def fail(*_: object) -> None:
            raise OSError(number, os.strerror(number))

        def fsync(descriptor: int) -> None:
            kind = "directory" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "fsync"
            (fail if kind in refused else sync)(descriptor)

        monkeypatch.setattr(os, "fsync", fsync)
        if "fchmod" in refused:
            monkeypatch.setattr(os, "fchmod", fail)


LACKING = [(errno.EINVAL, "directory"), (errno.ENOTSUP, "fsync"), (errno.ENOSYS, "fchmod"), (errno.EPERM, "fchmod")]


@pytest.mark.parametrize(("number", "call"), LACKING)
async def test_a_file_system_that_lacks_something_gets_the_file_and_it_is_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, number: int, call: str
) -> None:
    FileSystem(monkeypatch, number, call)
    async with kept(tmp_path / "credentials", mode=0o640) as file:
        for held in (credentials(), credentials()):
            assert await file.issue(held)
            assert file.holds(held)
        assert list(tmp_path.iterdir()) == [file.path]
    (line,) = [record for record in caplog.records if record.levelname == "WARNING"]
    assert line.message == "credentials file written without mode or sync"
    assert vars(line)["reason"].endswith(f": {os.strerror(number)}")


async def test_all_that_a_file_system_lacks_is_told_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    FileSystem(monkeypatch, errno.EINVAL, "directory", "fsync", "fchmod")
    async with kept(tmp_path / "credentials") as file:
        assert await file.issue(credentials())
    (line,) = [record for record in caplog.records if record.levelname == "WARNING"]
    assert vars(line)["reason"].count(";") == 2


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EDQUOT], ids=errno.errorcode.get)
def test_a_disk_that_is_full_or_broken_is_a_failure_and_the_old_file_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    path = tmp_path / "credentials"
    path.write_text("old")
    FileSystem(monkeypatch, number, "fsync")
    with pytest.raises(OSError, match=os.strerror(number)):
        replace_file(path, b"new", 0o600)
    assert [entry.read_text() for entry in tmp_path.iterdir()] == ["old"]


# --- several roles in one file ---------------------------------------------------------------------------------


def sections(path: Path) -> dict[str, str]:
    """The access key id in each."""
    read = configparser.RawConfigParser()
    read.read_string(path.read_text())
    return {name: read[name]["aws_access_key_id"] for name in read.sections()}


async def test_each_role_has_its_section_and_keeps_it_while_another_is_refreshed(tmp_path: Path) -> None:
    async with kept(tmp_path / "credentials") as file:
        first, reports, second = credentials(), credentials(), credentials()
        await file.issue(first)
        file.file.section("reports")("reports", Issued(0, reports, 0), RoleState(reports))
        assert await file.writes.seen.get()
        assert sections(file.path) == {"default": first.access_key_id, "reports": reports.access_key_id}
        await file.issue(second)
        assert sections(file.path) == {"default": second.access_key_id, "reports": reports.access_key_id}


async def test_the_section_of_a_role_that_is_gone_goes(tmp_path: Path) -> None:
    async with kept(tmp_path / "credentials") as file:
        held = credentials()
        await file.issue(held)
        file.file.section("reports")("reports", Issued(0, credentials(), 0), RoleState())
        assert await file.writes.seen.get()
        file.file.hold({"default": held})
        assert await file.writes.seen.get()
        assert sections(file.path) == {"default": held.access_key_id}
