"""Authorization tokens: from a variable, from a file that may rotate, from both, or none at all."""

import asyncio
import logging
import threading
from pathlib import Path

import pytest

from sidecar.core.errors import NotAuthorized
from sidecar.faces.authorization import (
    READ_TIMEOUT,
    RECHECK_INTERVAL,
    REPLACED_TOKEN_LIFETIME,
    Authorization,
    AuthorizationTokens,
    NoAuthorization,
    authorization,
)
from sidecar.faces.guards import Guard
from sidecar.http.messages import Request
from tests.conftest import Canary
from tests.doubles import KEY_CANARY, SESSION_CANARY, VirtualClock
from tests.waiting import HANGS_AFTER

FIXED, OLD, NEW = "the-fixed-token", "the-old-token", "the-new-token"


class File:
    """The mounted file, and what is asked of it."""

    def __init__(self, path: Path, content: str) -> None:
        self.path = path
        self.write(content)

    def write(self, content: str) -> None:
        self.path.write_text(content)


@pytest.fixture
def file(tmp_path: Path) -> File:
    return File(tmp_path / "auth", OLD)


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


async def admits(tokens: Authorization, presented: str) -> bool:
    request = Request("GET", "/", {"authorization": presented} if presented else {})
    try:
        await Guard(None, tokens).check_authorization(request)
    except NotAuthorized:
        return False
    return True


async def test_without_a_token_everybody_on_loopback_is_admitted() -> None:
    assert await admits(NoAuthorization(), "")
    assert await admits(NoAuthorization(), "whatever")
    assert not NoAuthorization().required
    assert await NoAuthorization().accepted() == await NoAuthorization().renewed() == NoAuthorization().known() == ()


async def test_a_variable_or_a_file_is_enough_to_demand_a_token(clock: VirtualClock, file: File) -> None:
    assert authorization(FIXED, None, clock).required
    assert authorization(None, file.path, clock).required
    assert not authorization(None, None, clock).required


async def test_a_fixed_token_admits_itself_and_nothing_else(clock: VirtualClock) -> None:
    tokens = AuthorizationTokens(fixed=FIXED, file=None, clock=clock)
    assert tokens.required
    assert await admits(tokens, FIXED)
    for wrong in ("", FIXED + "x", FIXED[:-1], FIXED.upper(), f"Bearer {FIXED}", f"{FIXED}\n", "ä"):
        assert not await admits(tokens, wrong), wrong


async def test_a_token_in_a_file_admits_itself_and_nothing_else(clock: VirtualClock, file: File) -> None:
    tokens = AuthorizationTokens(fixed=None, file=file.path, clock=clock)
    assert await admits(tokens, OLD)
    assert not await admits(tokens, NEW)
    assert not await admits(tokens, "")


async def test_with_variable_and_file_either_is_right(clock: VirtualClock, file: File) -> None:
    tokens = AuthorizationTokens(fixed=FIXED, file=file.path, clock=clock)
    assert await admits(tokens, FIXED)
    assert await admits(tokens, OLD)
    assert not await admits(tokens, NEW)


async def test_a_client_that_read_the_new_token_first_is_admitted_at_once(clock: VirtualClock, file: File) -> None:
    tokens = AuthorizationTokens(fixed=None, file=file.path, clock=clock)
    assert await admits(tokens, OLD)
    file.write(NEW)
    assert await admits(tokens, NEW)


async def test_a_replaced_token_is_good_for_an_hour_and_not_longer(clock: VirtualClock, file: File) -> None:
    tokens = AuthorizationTokens(fixed=FIXED, file=file.path, clock=clock)
    assert await admits(tokens, OLD)
    file.write(NEW)
    assert await admits(tokens, NEW)
    clock.suspend(REPLACED_TOKEN_LIFETIME - 5)
    assert await admits(tokens, OLD)
    clock.suspend(5)
    assert not await admits(tokens, OLD)
    assert await admits(tokens, NEW)
    assert await admits(tokens, FIXED)


async def test_a_rotation_is_noticed_by_time_too_so_that_the_old_tokens_hour_begins(
    clock: VirtualClock, file: File
) -> None:
    tokens = AuthorizationTokens(fixed=None, file=file.path, clock=clock)
    assert await tokens.accepted() == (OLD,)
    file.write(NEW)
    assert await tokens.accepted() == (OLD,)
    clock.suspend(RECHECK_INTERVAL)
    assert await tokens.accepted() == (NEW, OLD)


async def test_known_is_what_needs_no_look_and_nothing_while_one_is_due(clock: VirtualClock, file: File) -> None:
    tokens = AuthorizationTokens(fixed=FIXED, file=file.path, clock=clock)
    assert tokens.known() == ()
    await tokens.accepted()
    assert tokens.known() == (FIXED, OLD)
    clock.suspend(RECHECK_INTERVAL)
    assert tokens.known() == ()


async def test_only_the_last_replaced_token_is_still_good(clock: VirtualClock, file: File) -> None:
    tokens = AuthorizationTokens(fixed=None, file=file.path, clock=clock)
    for content in ("first-token", OLD, NEW):
        file.write(content)
        assert await admits(tokens, content)
    assert await admits(tokens, OLD)
    assert not await admits(tokens, "first-token")


@pytest.mark.parametrize("damage", ["missing", "empty", "two lines"])
async def test_a_file_that_cannot_be_read_later_leaves_the_known_token_good(
    clock: VirtualClock, file: File, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    tokens = AuthorizationTokens(fixed=None, file=file.path, clock=clock)
    assert await admits(tokens, OLD)
    if damage == "missing":
        file.path.unlink()
    else:
        file.write({"empty": "", "two lines": f"{NEW}\n{NEW}"}[damage])
    clock.suspend(REPLACED_TOKEN_LIFETIME * 2)
    assert await admits(tokens, OLD)
    assert not await admits(tokens, NEW)
    warning = caplog.records[0]
    assert warning.message == "authorization token file not readable"
    assert vars(warning)["file"] == str(file.path)


async def test_an_unreadable_file_is_said_once_and_again_after_it_was_good(
    clock: VirtualClock, file: File, caplog: pytest.LogCaptureFixture
) -> None:
    tokens = AuthorizationTokens(fixed=FIXED, file=file.path, clock=clock)
    for content in ("", "", OLD, ""):
        file.write(content)
        clock.suspend(RECHECK_INTERVAL)
        await tokens.accepted()
    assert [record.message for record in caplog.records] == ["authorization token file not readable"] * 2


async def test_a_file_that_hangs_delays_a_request_by_less_than_its_client_grants(
    clock: VirtualClock, file: File
) -> None:
    released = threading.Event()
    tokens = AuthorizationTokens(fixed=FIXED, file=file.path, clock=clock, read=lambda _: str(released.wait()))
    try:
        assert READ_TIMEOUT < 0.8
        async with asyncio.timeout(HANGS_AFTER):
            assert await tokens.accepted() == (FIXED,)
    finally:
        released.set()


async def test_a_rotation_is_logged_without_either_token(
    clock: VirtualClock, file: File, caplog: pytest.LogCaptureFixture, canary: Canary
) -> None:
    caplog.set_level(logging.INFO)
    file.write(KEY_CANARY)
    tokens = AuthorizationTokens(fixed=None, file=file.path, clock=clock)
    await tokens.accepted()
    file.write(SESSION_CANARY)
    await tokens.renewed()
    assert [record.message for record in caplog.records] == ["authorization token rotated"]
