"""Watching the token file: every rotation is noticed, whatever happens to file and directory."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import watchfiles

from sidecar.core.model import Token
from sidecar.sources import file_watch
from sidecar.sources.file_watch import FileWatch
from sidecar.sources.token_file import TokenFile
from tests.kubelet import ProjectedVolume
from tests.waiting import HANGS_AFTER

pytestmark = pytest.mark.usefixtures("canary", "brisk")


@pytest.fixture
def brisk(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same watcher, noticing sooner; polls stay half a minute apart, so what is seen in time was noticed."""
    monkeypatch.setattr(file_watch, "WATCH_STEP_MS", 50)
    monkeypatch.setattr(file_watch, "WATCH_RETRY_INTERVAL", 0.02)


@pytest.fixture
def volume(tmp_path: Path) -> ProjectedVolume:
    return ProjectedVolume(tmp_path / "serviceaccount")


@asynccontextmanager
async def watching(*tokens: TokenFile) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as group:
        task = group.create_task(FileWatch(tokens).run())
        yield
        task.cancel()


async def sight_of(tokens: TokenFile, text: str | None) -> Token | None:
    """Wait until the watcher has seen `text`."""
    async with asyncio.timeout(HANGS_AFTER):
        seen = tokens.current.value
        while (seen.raw if seen else None) != text:
            seen = await tokens.current.other_than(seen)
    return seen


async def test_sees_every_rotation(volume: ProjectedVolume) -> None:
    tokens = TokenFile(volume.path)
    volume.write("rotation 0")
    async with watching(tokens):
        for rotation in range(6):
            assert await sight_of(tokens, f"rotation {rotation}")
            volume.write(f"rotation {rotation + 1}")
        assert await sight_of(tokens, "rotation 6")


@pytest.mark.parametrize("missing", ["file", "directory", "parents"])
async def test_waits_for_what_is_not_there_yet(tmp_path: Path, missing: str) -> None:
    mount = {"file": tmp_path, "directory": tmp_path / "a", "parents": tmp_path / "a" / "b" / "c"}[missing]
    volume = ProjectedVolume(mount)
    tokens = TokenFile(volume.path)
    async with watching(tokens):
        await asyncio.sleep(0.1)
        assert tokens.current.value is None
        volume.write("at last")
        assert await sight_of(tokens, "at last")
        volume.write("and again")
        assert await sight_of(tokens, "and again")


async def test_sees_the_file_go_and_come_back(volume: ProjectedVolume) -> None:
    tokens = TokenFile(volume.path)
    volume.write("before")
    async with watching(tokens):
        await sight_of(tokens, "before")
        volume.remove()
        assert await sight_of(tokens, None) is None
        volume.write("after")
        assert await sight_of(tokens, "after")


@pytest.mark.parametrize("rubbish", [b"", b"\xff\x00" * 100, b"x" * 100_000])
async def test_rubbish_is_no_token_and_the_next_rotation_is_seen(volume: ProjectedVolume, rubbish: bytes) -> None:
    tokens = TokenFile(volume.path)
    volume.write("before")
    async with watching(tokens):
        await sight_of(tokens, "before")
        volume.write(rubbish)
        assert await sight_of(tokens, None) is None
        volume.write("after")
        assert await sight_of(tokens, "after")


async def test_sees_a_plain_file_being_rewritten(tmp_path: Path) -> None:
    path = tmp_path / "token"
    tokens = TokenFile(path)
    path.write_text("first")
    async with watching(tokens):
        await sight_of(tokens, "first")
        path.write_text("second")
        assert await sight_of(tokens, "second")


async def test_the_poll_sees_what_the_watcher_cannot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_watch, "POLL_INTERVAL", 0.2)
    elsewhere, path = tmp_path / "elsewhere", tmp_path / "watched" / "token"
    path.parent.mkdir()
    elsewhere.write_text("first")
    path.symlink_to(elsewhere)
    tokens = TokenFile(path)
    async with watching(tokens):
        await sight_of(tokens, "first")
        elsewhere.write_text("second")
        assert await sight_of(tokens, "second")


async def test_a_busy_directory_keeps_the_poll_from_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_watch, "POLL_INTERVAL", 0.2)
    elsewhere, path, busy = tmp_path / "elsewhere", tmp_path / "watched" / "token", tmp_path / "busy"
    path.parent.mkdir()
    busy.mkdir()
    elsewhere.write_text("first")
    path.symlink_to(elsewhere)
    tokens = TokenFile(path)

    async def write() -> None:
        while True:
            (busy / "log").write_text("more")
            await asyncio.sleep(0.01)

    writing = asyncio.create_task(write())
    async with watching(tokens, TokenFile(busy / "token")):
        await sight_of(tokens, "first")
        await asyncio.sleep(0.2)  # after the second look of the beginning
        elsewhere.write_text("second")
        assert await sight_of(tokens, "second")
    writing.cancel()


async def test_a_directory_that_is_replaced_is_found_again_by_the_poll(
    volume: ProjectedVolume, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_watch, "POLL_INTERVAL", 0.2)
    tokens = TokenFile(volume.path)
    volume.write("before")
    async with watching(tokens):
        await sight_of(tokens, "before")
        shutil.rmtree(volume.mount)
        await sight_of(tokens, None)
        volume.write("after")
        assert await sight_of(tokens, "after")


@pytest.mark.parametrize("refusal", [OSError(28, "inotify watch limit"), RuntimeError("no watch left")])
async def test_polls_when_the_kernel_has_no_watch_left(
    volume: ProjectedVolume, monkeypatch: pytest.MonkeyPatch, refusal: Exception
) -> None:
    def refuse(*_args: object, **_kwargs: object) -> None:
        raise refusal

    monkeypatch.setattr(watchfiles.main, "RustNotify", refuse)
    tokens = TokenFile(volume.path)
    async with watching(tokens):
        volume.write("first")
        assert await sight_of(tokens, "first")
        volume.write("second")
        assert await sight_of(tokens, "second")


async def test_a_token_that_stays_is_not_announced_again(volume: ProjectedVolume) -> None:
    tokens = TokenFile(volume.path)
    volume.write("same")
    async with watching(tokens):
        seen = await sight_of(tokens, "same")
        volume.write("same")
        volume.write("same")
        await asyncio.sleep(0.3)
        assert tokens.current.value == seen


async def test_watching_ends_when_it_is_asked_to_and_not_with_the_next_poll(
    volume: ProjectedVolume, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_watch, "POLL_INTERVAL", 3600)
    volume.write("token")
    tokens = TokenFile(volume.path)
    async with asyncio.timeout(HANGS_AFTER), watching(tokens):
        await sight_of(tokens, "token")


async def test_one_watch_serves_many_files_in_many_directories(tmp_path: Path) -> None:
    volumes = [ProjectedVolume(tmp_path / str(number)) for number in range(3)]
    files = [TokenFile(volume.path) for volume in volumes]
    for volume in volumes:
        volume.write("before")
    async with watching(*files):
        for number, (volume, tokens) in enumerate(zip(volumes, files, strict=True)):
            await sight_of(tokens, "before")
            volume.write(f"after {number}")
            assert await sight_of(tokens, f"after {number}")


async def test_a_directory_that_is_missing_does_not_blind_it_for_the_others(tmp_path: Path) -> None:
    there, missing = ProjectedVolume(tmp_path / "there"), ProjectedVolume(tmp_path / "not-yet")
    seen, unseen = TokenFile(there.path), TokenFile(missing.path)
    there.write("before")
    async with watching(seen, unseen):
        await sight_of(seen, "before")
        there.write("after")
        assert await sight_of(seen, "after")
        missing.write("at last")
        assert await sight_of(unseen, "at last")


async def test_files_come_and_go_while_it_watches(tmp_path: Path) -> None:
    first, second = ProjectedVolume(tmp_path / "1"), ProjectedVolume(tmp_path / "2")
    gone, new = TokenFile(first.path), TokenFile(second.path)
    first.write("first")
    second.write("second")
    watch = FileWatch([gone])
    task = asyncio.create_task(watch.run())
    await sight_of(gone, "first")
    watch.set_files([new])
    await sight_of(new, "second")
    first.write("unseen")
    second.write("third")
    await sight_of(new, "third")
    task.cancel()
    assert gone.current.value is not None
    assert gone.current.value.raw == "first"
