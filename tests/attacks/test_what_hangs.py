"""Files that hang, or are no files, hold up nothing but themselves."""

import asyncio
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from sidecar.core.authorization_token import read_token
from sidecar.core.clock import SystemClock
from sidecar.core.errors import OutOfThreads, TokenUnreadable
from sidecar.core.one_call import OneCall
from sidecar.core.refresh import Issued, RoleState
from sidecar.faces import authorization, credentials_file
from sidecar.faces.authorization import AuthorizationTokens
from sidecar.faces.credentials_file import CredentialsFile
from sidecar.settings import parsers
from sidecar.sources import file_watch, token_file
from sidecar.sources.file_watch import FileWatch
from sidecar.sources.token_file import TokenFile
from tests.doubles import a_token, credentials
from tests.waiting import HANGS_AFTER, until


class HungDisk:
    """Calls that come here do not return before `released`."""

    def __init__(self) -> None:
        self.released = threading.Event()
        self.calls = 0

    def __call__(self, *_: object, **__: object) -> NoReturn:
        self.calls += 1
        self.released.wait()
        raise OSError("at last")


@pytest.fixture
def disk() -> Iterator[HungDisk]:
    hung = HungDisk()
    yield hung
    hung.released.set()


def pipe(path: Path) -> None:
    os.mkfifo(path)


def pipe_behind_a_link(path: Path) -> None:
    os.mkfifo(path.with_suffix(".pipe"))
    path.symlink_to(path.with_suffix(".pipe"))


def endless_device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def silent_device(path: Path) -> None:
    path.symlink_to("/dev/ptmx")


def directory(path: Path) -> None:
    path.mkdir()


def listening_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(path))


def itself(path: Path) -> None:
    path.symlink_to(path)


SPECIAL = [pipe, pipe_behind_a_link, endless_device, silent_device, directory, listening_socket, itself]


@pytest.fixture(params=SPECIAL, ids=lambda make: make.__name__)
def special(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    request.param(tmp_path / "file")
    return tmp_path / "file"


async def test_a_token_file_that_is_none_is_refused_at_once(special: Path) -> None:
    async with asyncio.timeout(HANGS_AFTER):
        with pytest.raises(TokenUnreadable, match="cannot be read"):
            await TokenFile(special).read()


def test_an_authorization_file_that_is_none_is_refused_at_the_start(special: Path) -> None:
    with pytest.raises(ValueError, match="cannot be read"):
        parsers.authorization_file(str(special))


def test_an_authorization_file_that_becomes_none_is_refused_later(special: Path) -> None:
    with pytest.raises(OSError):
        read_token(special)


def test_a_ca_bundle_that_is_no_file_is_refused_at_the_start(special: Path) -> None:
    with pytest.raises(ValueError, match="is not usable"):
        parsers.ca_bundle(str(special))


async def test_one_hung_call_costs_one_thread_however_often_it_is_asked(disk: HungDisk) -> None:
    call = OneCall(within=0.01)
    for _ in range(20):
        with pytest.raises(TimeoutError):
            await call(disk)
    await until(lambda: disk.calls > 0)
    assert disk.calls == 1


async def test_a_call_recovers_with_its_disk(disk: HungDisk) -> None:
    call = OneCall(within=0.01)
    with pytest.raises(TimeoutError):
        await call(disk)
    disk.released.set()
    call.within = HANGS_AFTER
    assert await call(len, "back") == 4


async def test_without_threads_a_call_fails_with_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def none_left(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", none_left)
    with pytest.raises(OutOfThreads, match="thread"):
        await OneCall(within=1)(len, "")


async def test_a_hung_token_file_is_an_error_with_a_fix(
    tmp_path: Path, disk: HungDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(token_file, "READ_WITHIN", 0.05)
    monkeypatch.setattr(token_file, "_read", disk)
    tokens = TokenFile(tmp_path / "token")
    for _ in range(3):
        with pytest.raises(TokenUnreadable, match="within"):
            await tokens.read()
    await until(lambda: disk.calls > 0)
    assert disk.calls == 1


async def test_a_hung_directory_is_not_watched_and_keeps_the_loop(
    tmp_path: Path, disk: HungDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_watch, "STAT_WITHIN", 0.05)
    monkeypatch.setattr("sidecar.sources.file_watch.os.stat", disk)
    watching = asyncio.create_task(FileWatch([TokenFile(tmp_path / "token")]).run())
    await until(lambda: disk.calls > 0)
    await asyncio.sleep(0.2)
    assert disk.calls == 1
    watching.cancel()
    await asyncio.wait([watching], timeout=HANGS_AFTER)
    assert watching.done()


async def test_a_directory_that_hangs_while_another_is_waited_for_is_not_watched(
    tmp_path: Path, disk: HungDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def hangs_the_second_time(path: Path) -> None:
        asked.append(path.name)
        if path.name == "hung" or asked.count(path.name) > 1:
            disk()

    watched: list[object] = []

    def watch(*paths: object, **_: object) -> Iterator[None]:
        watched.append(paths)
        yield from ()

    monkeypatch.setattr(file_watch, "STAT_WITHIN", 0.05)
    monkeypatch.setattr("sidecar.sources.file_watch.os.stat", hangs_the_second_time)
    monkeypatch.setattr(file_watch, "watch", watch)
    files = [TokenFile(tmp_path / name / "token") for name in ("hung", "later")]
    watching = asyncio.create_task(FileWatch(files).run())
    while asked.count("later") < 2:
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.1)
    watching.cancel()
    await asyncio.wait([watching], timeout=HANGS_AFTER)
    assert watched == []


async def test_wrong_tokens_start_no_threads_while_the_authorization_file_hangs(
    tmp_path: Path, disk: HungDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(authorization, "READ_TIMEOUT", 0.02)
    tokens = AuthorizationTokens(fixed="fixed", file=tmp_path / "token", clock=SystemClock(), read=disk)
    assert await asyncio.gather(*[tokens.renewed() for _ in range(50)]) == [("fixed",)] * 50
    await until(lambda: disk.calls > 0)
    assert disk.calls == 1


async def test_a_hung_credentials_file_is_said_once_and_does_not_hold_up_the_end(
    tmp_path: Path, disk: HungDisk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(credentials_file, "WRITE_WITHIN", 0.02)
    monkeypatch.setattr(credentials_file, "TRY_AGAIN", 0.02)
    monkeypatch.setattr(credentials_file, "REMOVE_WITHIN", 0.02)
    monkeypatch.setattr(credentials_file, "replace_file", disk)
    seen: list[bool] = []
    file = CredentialsFile(tmp_path / "file", mode=0o600, removed=True, observe=lambda *, written: seen.append(written))
    file.section("p")("default", Issued(0, credentials(), 0), RoleState())
    writing = asyncio.create_task(file.keep_written())
    await until(lambda: bool(seen and disk.calls))
    await asyncio.sleep(0.3)
    writing.cancel()
    await asyncio.wait([writing], timeout=HANGS_AFTER)
    assert writing.done()
    assert disk.calls == 1
    assert seen[0] is False
    assert [record.message for record in caplog.records].count("credentials file not written") == 1


async def test_a_pipe_in_place_of_the_credentials_file_is_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "file")
    file = CredentialsFile(tmp_path / "file", mode=0o600, removed=False, observe=lambda *, written: None)
    file.section("p")("default", Issued(0, credentials(), 0), RoleState())
    writing = asyncio.create_task(file.keep_written())
    await until(lambda: not (tmp_path / "file").is_fifo())
    assert (tmp_path / "file").read_text().startswith("[p]")
    writing.cancel()


async def test_a_token_that_becomes_a_pipe_and_a_file_again_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "token"
    tokens = TokenFile(path)
    pipe(path)
    with pytest.raises(TokenUnreadable):
        await tokens.read()
    path.unlink()
    path.write_text(a_token().raw)
    assert (await tokens.read()).claims.pod
