"""The kubelet's part: files that are exchanged at one stroke, and the hour at which they are."""

import asyncio
import os
import stat
import threading
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.lab.cluster import projector
from sidecar.lab.cluster.accounts import ServiceAccount
from sidecar.lab.cluster.atomic_writer import Access, replace_files
from sidecar.lab.cluster.projector import MintedToken, Projection, due, refresh_at
from tests.virtual_time import in_virtual_time

NOW = 1_795_413_660.0  # 2026-11-23T06:01:00Z
DAY = 86400


def listing(volume: Path) -> set[str]:
    return {path.name for path in volume.iterdir()}


def payload(volume: Path) -> Path:
    return volume / (volume / "..data").readlink()


def test_the_layout_is_that_of_a_projected_volume(tmp_path: Path) -> None:
    assert replace_files(tmp_path / "v", {"token": b"one"}, NOW)
    volume = tmp_path / "v"
    assert (volume / "token").readlink() == Path("..data/token")
    assert str((volume / "..data").readlink()).startswith("..2026_11_23_06_01_00.")
    assert listing(volume) == {"token", "..data", payload(volume).name}
    assert (volume / "token").read_bytes() == b"one"
    assert stat.S_IMODE(payload(volume).stat().st_mode) == 0o755


def test_a_replacement_leaves_nothing_of_the_old_but_the_same_visible_link(tmp_path: Path) -> None:
    replace_files(tmp_path, {"token": b"one"}, NOW)
    old, link = payload(tmp_path), (tmp_path / "token").lstat().st_ino
    assert replace_files(tmp_path, {"token": b"two"}, NOW + 1)
    assert (tmp_path / "token").read_bytes() == b"two"
    assert (tmp_path / "token").lstat().st_ino == link
    assert not old.exists()
    assert listing(tmp_path) == {"token", "..data", payload(tmp_path).name}


def test_the_same_content_is_not_written_again(tmp_path: Path) -> None:
    replace_files(tmp_path, {"token": b"one"}, NOW)
    before = (payload(tmp_path), (tmp_path / "token").stat().st_mtime_ns)
    assert not replace_files(tmp_path, {"token": b"one"}, NOW + 60)
    assert (payload(tmp_path), (tmp_path / "token").stat().st_mtime_ns) == before


def test_a_name_that_vanished_is_removed_and_a_new_one_linked(tmp_path: Path) -> None:
    replace_files(tmp_path, {"token": b"one", "ca.crt": b"ca"}, NOW)
    replace_files(tmp_path, {"token": b"one", "namespace": b"ns"}, NOW)
    assert listing(tmp_path) == {"token", "namespace", "..data", payload(tmp_path).name}


def test_a_draft_left_by_a_crash_is_no_obstacle(tmp_path: Path) -> None:
    replace_files(tmp_path, {"token": b"one"}, NOW)
    (tmp_path / "..data_tmp").symlink_to("nowhere")
    replace_files(tmp_path, {"token": b"two"}, NOW)
    assert (tmp_path / "token").read_bytes() == b"two"


@pytest.mark.parametrize("name", ["..token", "a/b", "", "..", "x" * 256])
def test_a_name_that_kubelet_refuses_is_refused_before_anything_is_written(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="cannot be projected"):
        replace_files(tmp_path / "v", {"token": b"one", name: b"x"}, NOW)
    assert not (tmp_path / "v").exists()


def test_a_reader_never_sees_half_a_token_nor_a_missing_link(tmp_path: Path) -> None:
    replace_files(tmp_path, {"token": b"a" * 4000}, NOW)
    seen: set[bytes] = set()
    links: set[bool] = set()
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            links.add((tmp_path / "..data").is_symlink())
            try:
                seen.add((tmp_path / "token").read_bytes())
            except FileNotFoundError:  # between readlink and open the old directory may go: kubelet's own race
                continue

    reader = threading.Thread(target=read)
    reader.start()
    for index in range(200):
        replace_files(tmp_path, {"token": (b"b" if index % 2 == 0 else b"a") * 4000}, NOW + index)
    done.set()
    reader.join()
    assert seen <= {b"a" * 4000, b"b" * 4000}
    assert seen
    assert links == {True}


@pytest.mark.parametrize("umask", [0o022, 0o077, 0o000])
def test_modes_are_kubelets_whatever_the_umask_is(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        replace_files(tmp_path / "v", {"token": b"one"}, NOW, Access(0o640))
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "v" / "token").stat().st_mode) == 0o640
    assert stat.S_IMODE(payload(tmp_path / "v").stat().st_mode) == 0o755


@pytest.mark.parametrize(
    ("account", "access"),
    [
        (ServiceAccount(), Access(0o644, -1, -1)),
        (ServiceAccount(run_as_user=1000), Access(0o600, 1000, -1)),
        (ServiceAccount(fs_group=2000), Access(0o640, -1, 2000)),
        (ServiceAccount(fs_group=2000, run_as_user=1000), Access(0o640, -1, 2000)),
    ],
)
def test_fs_group_wins_over_run_as_user_wins_over_the_default(account: ServiceAccount, access: Access) -> None:
    assert projector.access_for(account) == access


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_token_is_given_to_the_pods_user(tmp_path: Path) -> None:
    replace_files(tmp_path, {"token": b"one"}, NOW, Access(0o600, owner=1000))
    found = (tmp_path / "token").stat()
    assert (found.st_uid, stat.S_IMODE(found.st_mode)) == (1000, 0o600)


# --- when ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lifetime", "age"),
    [(600, 480), (3600, 2880), (7200, 5760), (86400, 69120), (172800, 86400), (601, 481), (604, 484), (605, 484)],
)
def test_a_token_is_due_at_eighty_percent_or_a_day(lifetime: int, age: int) -> None:
    minted = MintedToken("t", "k", NOW, NOW + lifetime, refresh_at(NOW, NOW + lifetime))
    assert not due(minted, NOW + age, jitter=0)
    assert due(minted, NOW + age + 1, jitter=0)
    assert not due(minted, NOW + age - 10, jitter=10)
    assert due(minted, NOW + age - 9, jitter=10)


def test_a_token_from_the_future_is_due() -> None:
    minted = MintedToken("t", "k", NOW, NOW + 3600, NOW + 2880)
    assert due(minted, NOW - 1, jitter=0)
    assert not due(minted, NOW, jitter=0)


@given(st.floats(10, 200_000))
def test_jitter_and_sync_leave_every_token_some_life(lifetime: float) -> None:
    latest = refresh_at(0, lifetime) + projector.sync_period(lifetime)
    assert latest < lifetime
    assert projector.largest_jitter(lifetime) == pytest.approx(min(10, lifetime / 60))


@in_virtual_time
async def test_a_projection_replaces_its_token_in_time_for_days(tmp_path: Path) -> None:
    rotations = await rotations_over(tmp_path, hours=49, lifetime=DAY)
    ages = [later - earlier for earlier, later in pairwise(rotations)]
    assert len(rotations) == 3
    assert all(69110 <= age <= 69180 for age in ages)


@in_virtual_time
async def test_a_rehearsals_short_token_keeps_the_proportions(tmp_path: Path) -> None:
    rotations = await rotations_over(tmp_path, hours=0.1, lifetime=30)
    ages = [later - earlier for earlier, later in pairwise(rotations)]
    assert all(23.5 <= age <= 27 for age in ages)
    assert len(ages) >= 13


async def rotations_over(directory: Path, hours: float, lifetime: float) -> list[float]:
    """The times at which a projection replaced its token."""
    loop = asyncio.get_running_loop()
    written: list[float] = []
    projection = a_projection(
        directory, lifetime, lambda: NOW + loop.time(), lambda minted: written.append(loop.time())
    )
    running = asyncio.create_task(projection.keep_fresh())
    await asyncio.sleep(hours * 3600)
    running.cancel()
    return written


def a_projection(
    directory: Path, lifetime: float, clock: Callable[[], float], on_rotate: Callable[[MintedToken], None]
) -> Projection:
    def mint(now: float) -> MintedToken:
        return MintedToken(f"token of {now}", "k", now, now + lifetime, refresh_at(now, now + lifetime))

    return Projection(ServiceAccount(), directory, mint, clock=clock, on_rotate=on_rotate)


@in_virtual_time
async def test_a_clock_set_back_makes_a_new_token(tmp_path: Path) -> None:
    offset = 0.0
    written: list[str] = []
    projection = a_projection(tmp_path, 3600, lambda: NOW + offset, lambda minted: written.append(minted.token))
    running = asyncio.create_task(projection.keep_fresh())
    await asyncio.sleep(1)
    offset = -7200.0
    await asyncio.sleep(61)
    running.cancel()
    assert written == [f"token of {NOW}", f"token of {NOW - 7200}"]


@in_virtual_time
async def test_a_woken_projection_replaces_its_token_at_once_and_once(tmp_path: Path) -> None:
    loop = asyncio.get_running_loop()
    written: list[float] = []
    projection = a_projection(tmp_path, 3600, lambda: NOW + loop.time(), lambda minted: written.append(loop.time()))
    running = asyncio.create_task(projection.keep_fresh())
    await asyncio.sleep(100)
    projection.wake()
    await asyncio.sleep(100)
    running.cancel()
    assert written == [0, 100]
