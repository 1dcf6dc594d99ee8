"""Wall clocks that jump and machines that sleep."""

import asyncio

import pytest

from sidecar.core.broker import MAXIMUM_SLEEP
from sidecar.core.errors import (
    TokenExpired,
)
from sidecar.core.model import Seconds
from sidecar.core.refresh import Phase
from tests.core.broker.trouble import UNREACHABLE
from tests.doubles import EPOCH, Pod, a_token
from tests.virtual_time import in_virtual_time


@pytest.mark.parametrize("jump", [-3600, 3600])
@in_virtual_time
async def test_a_jump_of_the_wall_clock_moves_no_refresh(jump: Seconds) -> None:
    pod = Pod()
    async with pod.running():
        await pod.until(1000)
        pod.clock.jump(jump)
        await pod.until(4000)
    assert pod.exchange.called_at == [0, 1920, 3840]


@pytest.mark.parametrize("jump", [-3600, 3600])
@in_virtual_time
async def test_a_jump_of_the_wall_clock_neither_prolongs_nor_shortens_a_life(jump: Seconds) -> None:
    pod = Pod(3600, UNREACHABLE)
    async with pod.running():
        await pod.until(1000)
        pod.clock.jump(jump)
        await pod.until(3594)
        assert pod.served().issued_at == 0
        await pod.until(3595)
        assert pod.broker.usable() is None


@pytest.mark.parametrize("jump", [-3600, 3600])
@in_virtual_time
async def test_a_jump_of_the_wall_clock_does_not_make_a_good_token_look_expired(jump: Seconds) -> None:
    pod = Pod(token=a_token(life=3600))
    async with pod.running():
        await pod.until(1000)
        pod.clock.jump(jump)
        for rotation in range(1, 8):
            await pod.until(rotation * 2880)
            pod.tokens.rotate(a_token(life=3600, issued_at=EPOCH + pod.clock.now()))
            assert pod.served().expires_at > pod.clock.now() + 1500
    assert pod.exchange.called_at == [1920 * n for n in range(11)]


@in_virtual_time
async def test_a_token_that_both_clocks_call_expired_is_not_sent() -> None:
    pod = Pod(token=a_token(life=1000))
    async with pod.running():
        await pod.until(3000)
        assert isinstance(pod.broker.state.error, TokenExpired)
    assert pod.exchange.called_at == [0]


@in_virtual_time
async def test_an_sts_whose_clock_was_once_wrong_does_not_make_every_later_token_look_expired() -> None:
    pod = Pod(token=a_token(life=3600))
    pod.exchange.sts_ahead = 7200
    async with pod.running():
        await pod.until(1000)
        pod.exchange.sts_ahead = 0
        await pod.until(2000)
        assert pod.served().issued_at == 1920
    assert pod.exchange.called_at == [0, 1920]


@pytest.mark.parametrize("asleep", [3600, 10 * 86_400])
@in_virtual_time
async def test_nothing_expired_is_served_after_a_suspend_and_a_nap_later_all_is_well(asleep: Seconds) -> None:
    pod = Pod(token=a_token(life=30 * 86_400))
    async with pod.running():
        await asyncio.sleep(1000)
        pod.clock.suspend(asleep)
        assert pod.broker.usable() is None
        assert pod.broker.phase is Phase.EXPIRED
        await asyncio.sleep(MAXIMUM_SLEEP + 0.25)
        assert pod.served().issued_at >= 1000 + asleep
    assert len(pod.exchange.called_at) == 2


@in_virtual_time
async def test_a_refresh_that_a_suspend_slept_through_is_made_within_a_nap() -> None:
    pod = Pod()
    async with pod.running():
        await asyncio.sleep(1000)
        pod.clock.suspend(1800)
        assert pod.served().issued_at == 0
        await asyncio.sleep(MAXIMUM_SLEEP + 0.25)
        assert pod.served().issued_at > 2800


@in_virtual_time
async def test_a_suspend_in_the_middle_of_an_exchange_counts_against_its_credentials() -> None:
    pod = Pod(3600, UNREACHABLE)
    async with pod.running():
        await asyncio.sleep(0.125)
        pod.clock.suspend(3600)
        await asyncio.sleep(1)
        assert pod.broker.usable() is None
