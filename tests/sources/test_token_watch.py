"""Watching the token file: every rotation is noticed, whatever happens to file and directory."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import watchfiles

from sidecar.core.model import Token
from sidecar.sources import token_file
from sidecar.sources.token_file import TokenFile
from tests.kubelet import ProjectedVolume

pytestmark = pytest.mark.usefixtures("canary", "brisk")


@pytest.fixture
def brisk(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same watcher, noticing sooner; polls stay half a minute apart, so what is seen in time was noticed."""
    monkeypatch.setattr(token_file, "WATCH_STEP_MS", 50)
    monkeypatch.setattr(token_file, "WATCH_RETRY_INTERVAL", 0.02)


@pytest.fixture
def volume(tmp_path: Path) -> ProjectedVolume:
    return ProjectedVolume(tmp_path / "serviceaccount")


@asynccontextmanager
async def watching(tokens: TokenFile) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as group:
        task = group.create_task(tokens.watch())
        yield
        task.cancel()


async def sight_of(tokens: TokenFile, text: str | None) -> Token | None:
    """Wait until the watcher has seen `text`."""
    async with asyncio.timeout(5):
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
    monkeypatch.setattr(token_file, "TOKEN_POLL_INTERVAL", 0.2)
    elsewhere, path = tmp_path / "elsewhere", tmp_path / "watched" / "token"
    path.parent.mkdir()
    elsewhere.write_text("first")
    path.symlink_to(elsewhere)
    tokens = TokenFile(path)
    async with watching(tokens):
        await sight_of(tokens, "first")
        elsewhere.write_text("second")
        assert await sight_of(tokens, "second")


async def test_a_directory_that_is_replaced_is_found_again_by_the_poll(
    volume: ProjectedVolume, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(token_file, "TOKEN_POLL_INTERVAL", 0.2)
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


async def test_watching_ends_soon_after_it_is_asked_to(volume: ProjectedVolume) -> None:
    volume.write("token")
    tokens = TokenFile(volume.path)
    async with asyncio.timeout(2), watching(tokens):
        await sight_of(tokens, "token")
