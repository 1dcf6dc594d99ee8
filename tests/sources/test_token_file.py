"""The token file on a real directory: what is read, what is refused and with which words."""

import asyncio
import os
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sidecar.core.errors import TokenUnreadable
from sidecar.core.model import Token
from sidecar.sources import token_file
from sidecar.sources.token_file import MAXIMUM_LENGTH, TokenFile
from tests.conftest import Canary
from tests.doubles import TOKEN_CANARY, a_token
from tests.kubelet import ProjectedVolume
from tests.needs import on_linux
from tests.waiting import HANGS_AFTER, until

pytestmark = pytest.mark.usefixtures("canary")


@pytest.fixture
def volume(tmp_path: Path) -> ProjectedVolume:
    return ProjectedVolume(tmp_path / "serviceaccount")


async def trouble_with(path: Path) -> TokenUnreadable:
    tokens = TokenFile(path)
    with pytest.raises(TokenUnreadable) as caught:
        await tokens.read()
    assert tokens.current.value is None
    assert str(path) in caught.value.cause
    return caught.value


# --- what is read -----------------------------------------------------------------------------------------------


async def test_reads_the_token_and_what_it_says_of_itself(volume: ProjectedVolume) -> None:
    written = a_token()
    volume.write(written.raw)
    tokens = TokenFile(volume.path)
    assert tokens.current.value is None
    read = await tokens.read()
    assert (read, read.claims) == (written, written.claims)
    assert tokens.current.value is read


async def test_reads_what_is_there_now_not_what_was(volume: ProjectedVolume) -> None:
    tokens = TokenFile(volume.path)
    for text in ("first", "second"):
        volume.write(text)
        assert (await tokens.read()).raw == text


@pytest.mark.parametrize("around", ["\n", "\r\n", " \t\n\n"])
async def test_white_space_around_the_token_is_not_part_of_it(volume: ProjectedVolume, around: str) -> None:
    volume.write(around + "a.b.c" + around)
    assert (await TokenFile(volume.path).read()).raw == "a.b.c"


async def test_what_looks_odd_but_is_text_is_for_sts_to_judge(volume: ProjectedVolume) -> None:
    volume.write("not a token, perhaps: ü")
    assert (await TokenFile(volume.path).read()).raw == "not a token, perhaps: ü"


@pytest.mark.parametrize("length", [4, 20_000])
async def test_the_shortest_and_the_longest_token_that_sts_takes_are_read(volume: ProjectedVolume, length: int) -> None:
    volume.write("x" * length + "\n")
    assert len((await TokenFile(volume.path).read()).raw) == length


async def test_length_is_counted_in_characters(volume: ProjectedVolume) -> None:
    volume.write("🔑" * MAXIMUM_LENGTH)
    assert len((await TokenFile(volume.path).read()).raw) == MAXIMUM_LENGTH


# --- what is refused --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("length", [1, 3, 20_001])
async def test_a_length_that_sts_would_refuse_is_named(volume: ProjectedVolume, length: int) -> None:
    volume.write("x" * length)
    assert f"holds {length} characters" in (await trouble_with(volume.path)).cause


@pytest.mark.parametrize("content", ["", "\n", " \n\t "])
async def test_an_empty_file_is_named(volume: ProjectedVolume, content: str) -> None:
    volume.write(content)
    assert "is empty" in (await trouble_with(volume.path)).cause


@pytest.mark.parametrize(
    "content",
    [b"\xff\xfe" * 500, b"abc\x00def", bytes(1000), b"two\nlines", b"\x1b[31mred", b"\xff", os.urandom(100_000)],
    ids=["not utf-8", "nul inside", "nuls", "two lines", "escape", "one byte", "random"],
)
async def test_what_is_not_one_line_of_text_is_named(volume: ProjectedVolume, content: bytes) -> None:
    volume.write(content)
    assert "is not text" in (await trouble_with(volume.path)).cause


async def test_ten_megabytes_are_refused_and_never_held(volume: ProjectedVolume) -> None:
    volume.write("x" * 10_000_000)
    tracemalloc.start()
    try:
        error = await trouble_with(volume.path)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()
    assert "80001 characters or more" in error.cause


async def test_a_missing_file_is_named_with_the_setting_behind_it(volume: ProjectedVolume) -> None:
    error = await trouble_with(volume.path)
    assert "no token file" in error.cause
    assert "AWS_WEB_IDENTITY_TOKEN_FILE" in error.fix


async def test_a_deleted_file_is_named(volume: ProjectedVolume) -> None:
    volume.write("first")
    tokens = TokenFile(volume.path)
    await tokens.read()
    volume.remove()
    with pytest.raises(TokenUnreadable, match="no token file"):
        await tokens.read()
    assert tokens.current.value is None


async def test_a_link_into_nowhere_is_a_missing_file(tmp_path: Path) -> None:
    (tmp_path / "token").symlink_to("..data/token")
    assert "no token file" in (await trouble_with(tmp_path / "token")).cause


async def test_a_directory_in_its_place_is_named(tmp_path: Path) -> None:
    assert "not a regular file" in (await trouble_with(tmp_path)).cause


async def test_a_file_where_the_directory_should_be_is_named(volume: ProjectedVolume) -> None:
    volume.write("token")
    assert "Not a directory" in (await trouble_with(volume.path / "token")).cause


async def test_links_in_a_circle_are_named(tmp_path: Path) -> None:
    (tmp_path / "token").symlink_to("token")
    assert "symbolic links" in (await trouble_with(tmp_path / "token")).cause


async def test_a_pipe_that_nobody_fills_keeps_nobody_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "token")
    async with asyncio.timeout(HANGS_AFTER):
        assert "not a regular file" in (await trouble_with(tmp_path / "token")).cause


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.parametrize("kind", ["directory", "pipe", "good", "empty"])
@on_linux
async def test_no_outcome_leaves_a_file_open(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "token"
    make: dict[str, Callable[[], object]] = {
        "directory": path.mkdir,
        "pipe": lambda: os.mkfifo(path),
        "good": lambda: path.write_text("a.b.c"),
        "empty": path.touch,
    }
    make[kind]()
    tokens = TokenFile(path)
    await asyncio.gather(*(tokens.read() for _ in range(10)), return_exceptions=True)  # the threads' own files
    before = open_files()
    await asyncio.gather(*(tokens.read() for _ in range(50)), return_exceptions=True)
    assert open_files() <= before  # what an earlier test left may go meanwhile


@contextmanager
def as_another_user(uid: int) -> Iterator[None]:
    """Give up root for a while; where tests do not run as root, there is nothing to give up."""
    if os.getuid() != 0:
        yield
        return
    os.setresuid(uid, uid, 0)
    try:
        yield
    finally:
        os.setresuid(0, 0, 0)


@on_linux
async def test_a_file_that_may_not_be_read_is_named_with_who_tried_and_the_pods_setting(
    volume: ProjectedVolume,
) -> None:
    volume.write("secret")
    volume.path.resolve().chmod(0)
    with as_another_user(65_534):
        error = await trouble_with(volume.path)
        assert f"uid {os.getuid()}" in error.cause
    assert "fsGroup" in error.fix


async def test_no_complaint_shows_the_content(volume: ProjectedVolume, canary: Canary) -> None:
    for content in (TOKEN_CANARY * 2000, f"{TOKEN_CANARY}\0", TOKEN_CANARY.encode() + b"\xff"):
        volume.write(content)
        canary.saw(await trouble_with(volume.path))


# --- rotation under a reader's feet -----------------------------------------------------------------------------


async def test_no_read_is_torn_or_fails_while_the_file_rotates_all_the_time(volume: ProjectedVolume) -> None:
    volume.write("0" * 5000)
    tokens, enough = TokenFile(volume.path), threading.Event()

    def rotate() -> None:
        rounds = 0
        while not enough.is_set():
            rounds += 1
            volume.write(str(rounds % 10) * 5000)

    writer = threading.Thread(target=rotate)
    writer.start()
    try:
        texts = [(await tokens.read()).raw for _ in range(2000)]
    finally:
        enough.set()
        writer.join()
    assert all(text == text[0] * 5000 for text in texts)
    assert len(set(texts)) == 10


async def test_a_directory_that_vanishes_between_link_and_file_is_looked_up_again(
    volume: ProjectedVolume, monkeypatch: pytest.MonkeyPatch
) -> None:
    volume.write("token")
    really, misses = os.open, iter([True, True])

    def late(path: Path, flags: int) -> int:
        if next(misses, False):
            raise FileNotFoundError(2, "No such file or directory")
        return really(path, flags)

    monkeypatch.setattr(os, "open", late)
    assert (await TokenFile(volume.path).read()).raw == "token"


async def test_of_two_readers_the_slow_one_does_not_bring_the_old_token_back(
    volume: ProjectedVolume, monkeypatch: pytest.MonkeyPatch
) -> None:
    volume.write("older")
    really, has_read, may_return = token_file._read, threading.Event(), threading.Event()

    def slow(path: Path, variable: str) -> Token:
        token = really(path, variable)
        if not has_read.is_set():
            has_read.set()
            may_return.wait(HANGS_AFTER)
        return token

    monkeypatch.setattr(token_file, "_read", slow)
    tokens = TokenFile(volume.path)
    async with asyncio.TaskGroup() as group:
        group.create_task(tokens.read())
        await asyncio.to_thread(has_read.wait, HANGS_AFTER)
        volume.write("newer")
        await asyncio.wait([group.create_task(tokens.read())], timeout=0.1)
        may_return.set()
    assert tokens.current.value is not None
    assert tokens.current.value.raw == "newer"


async def test_readers_that_come_together_share_a_read_that_began_after_they_asked(
    volume: ProjectedVolume, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fifty roles begin at the same moment, and each asks for itself."""
    volume.write("older")
    really, has_read, may_return, reads = token_file._read, threading.Event(), threading.Event(), []

    def counted(path: Path, variable: str) -> Token:
        reads.append(token := really(path, variable))
        has_read.set()
        may_return.wait(HANGS_AFTER)
        return token

    monkeypatch.setattr(token_file, "_read", counted)
    tokens = TokenFile(volume.path)
    async with asyncio.TaskGroup() as group:
        first = group.create_task(tokens.read())
        await asyncio.to_thread(has_read.wait, HANGS_AFTER)
        volume.write("newer")
        others = [group.create_task(tokens.read()) for _ in range(50)]
        given_up = group.create_task(tokens.read())
        await asyncio.sleep(0)
        given_up.cancel()
        may_return.set()
    assert first.result().raw == "older"
    assert {other.result().raw for other in others} == {"newer"}
    assert [token.raw for token in reads] == ["older", "newer"]


async def test_who_asked_first_and_gave_up_takes_the_read_from_nobody(volume: ProjectedVolume) -> None:
    volume.write("token")
    tokens = TokenFile(volume.path)
    first, second = asyncio.create_task(tokens.read()), asyncio.create_task(tokens.read())
    await asyncio.sleep(0)
    first.cancel()
    assert (await second).raw == "token"


async def test_a_file_system_that_hangs_is_named_costs_one_thread_and_is_read_anew_when_it_answers(
    volume: ProjectedVolume, monkeypatch: pytest.MonkeyPatch
) -> None:
    volume.write("older")
    really, may_return, began = token_file._read, threading.Event(), []

    def hangs(path: Path, variable: str) -> Token:
        token = really(path, variable)
        began.append(token.raw)
        may_return.wait(HANGS_AFTER)
        return token

    monkeypatch.setattr(token_file, "_read", hangs)
    monkeypatch.setattr(token_file, "READ_WITHIN", 0.05)
    tokens = TokenFile(volume.path)
    for _ in range(3):
        with pytest.raises(TokenUnreadable, match=r"could not be read within .* network file system"):
            await tokens.read()
    await until(lambda: bool(began))
    assert began == ["older"]
    volume.write("newer")
    monkeypatch.setattr(token_file, "READ_WITHIN", HANGS_AFTER)
    may_return.set()
    assert (await tokens.read()).raw == "newer"
