"""Every way to fail, and what it must not cost."""

import asyncio

import pytest

from sidecar.core.errors import StsUnreachable, TokenUnreadable, Unexpected
from sidecar.core.refresh import Failed
from tests.conftest import Canary
from tests.core.broker.trouble import ALL_FAILURES, NOT_TRUSTED, UNREACHABLE, named
from tests.doubles import TOKEN_CANARY, Pod
from tests.virtual_time import in_virtual_time


@pytest.mark.parametrize("error", ALL_FAILURES, ids=named)
@in_virtual_time
async def test_no_failure_opens_a_gap_nor_lets_expired_credentials_out(error: Exception, canary: Canary) -> None:
    pod = Pod(3600, error)
    async with pod.running():
        await pod.until(1621)
        assert pod.broker.state.failures > 0
        while pod.clock.now() < 3594:
            await asyncio.sleep(1)
            assert (await pod.broker.credentials()).issued_at == 0
        await pod.until(3594.999)
        assert pod.served().issued_at == 0
        await pod.until(3595)
        assert pod.broker.usable() is None
        canary.saw(await pod.refusal())
        await pod.until(7200)
        assert pod.broker.usable() is None


@pytest.mark.parametrize("error", ALL_FAILURES, ids=named)
@in_virtual_time
async def test_recovers_from_any_failure_within_a_minute_of_its_end(error: Exception) -> None:
    pod = Pod(error)
    async with pod.running():
        await pod.until(3600)
        pod.exchange.will(3600)
        await pod.until(3661)
        assert pod.served().issued_at > 3600


@in_virtual_time
async def test_an_sts_that_hangs_until_the_time_out_costs_nothing_while_credentials_live() -> None:
    pod = Pod(3600, UNREACHABLE)
    async with pod.running():
        await pod.until(1)
        pod.exchange.takes = 10
        while pod.clock.now() < 3594:
            await asyncio.sleep(1)
            assert pod.served().issued_at == 0


@in_virtual_time
async def test_a_token_that_vanishes_costs_nothing_while_credentials_live() -> None:
    pod = Pod()
    async with pod.running():
        await pod.until(1)
        pod.tokens.remove()
        await pod.until(3594)
        assert pod.served().issued_at == 0
        assert isinstance(pod.broker.state.error, TokenUnreadable)
        pod.tokens.rotate()
        await asyncio.sleep(0.25)
        await asyncio.sleep(0)
        assert pod.served().issued_at == 3594


@in_virtual_time
async def test_failures_that_time_may_heal_double_their_wait_up_to_half_a_minute() -> None:
    pod = Pod(UNREACHABLE, takes=0)
    async with pod.running():
        await pod.until(60)
    waits = [0, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 15, 15]
    assert pod.exchange.called_at == pytest.approx([sum(waits[: n + 1]) for n in range(len(waits))])


@in_virtual_time
async def test_failures_that_a_person_must_heal_double_their_wait_up_to_a_minute() -> None:
    pod = Pod(NOT_TRUSTED, jitter=0)
    async with pod.running():
        await pod.until(100)
    assert pod.exchange.called_at == [0, 2.75, 8, 18.25, 38.5, 68.75, 99]


@pytest.mark.parametrize("error", [ValueError(TOKEN_CANARY), ExceptionGroup("g", [OSError(TOKEN_CANARY)])], ids=named)
@in_virtual_time
async def test_a_defect_in_the_exchange_is_named_by_its_place_and_tried_again(error: Exception) -> None:
    pod = Pod(error, 3600)
    async with pod.running():
        await pod.until(10)
        assert pod.served().issued_at > 0
    failed = pod.seen.events[0]
    assert isinstance(failed, Failed)
    assert isinstance(failed.error, Unexpected)
    assert f"{named(error)} at " in failed.error.cause
    assert "doubles.py:" in failed.error.cause


@in_virtual_time
async def test_an_error_that_is_remembered_keeps_nothing_alive_of_what_led_to_it() -> None:
    """Frames and exceptions behind it hold the token, and would for as long as the failure lasts."""
    error = StsUnreachable("No connection.", fix="Check the network.")
    error.__context__ = error.__cause__ = OSError(TOKEN_CANARY)
    pod = Pod(error)
    async with pod.running():
        await pod.until(1)
    remembered = pod.broker.state.error
    assert remembered is error
    assert (remembered.__context__, remembered.__cause__, remembered.__traceback__) == (None, None, None)


@in_virtual_time
async def test_a_defect_in_reading_the_token_does_not_end_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    pod = Pod()
    async with pod.running():
        await pod.until(1)
        with monkeypatch.context() as broken:
            broken.setattr(pod.tokens, "read", None)
            await pod.until(1700)
            assert isinstance(pod.broker.state.error, Unexpected)
            assert pod.served().issued_at == 0
        await pod.until(1740)
        assert pod.served().issued_at > 1620


@in_virtual_time
async def test_a_source_that_cancels_itself_does_not_end_the_refreshes() -> None:
    pod = Pod(asyncio.CancelledError(), 3600)
    async with pod.running():
        await pod.until(10)
        assert pod.served().issued_at > 0
    failed = pod.seen.events[0]
    assert isinstance(failed, Failed)
    assert "CancelledError" in failed.error.cause


@in_virtual_time
async def test_cancelling_the_loop_ends_it() -> None:
    pod = Pod(takes=5)
    task = asyncio.create_task(pod.broker.keep_fresh())
    await pod.until(1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert pod.seen.events == []
