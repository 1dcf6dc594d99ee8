"""Wall clocks that jump and machines that sleep."""

import asyncio
from itertools import pairwise

import pytest

from sidecar.core.broker import MAXIMUM_SLEEP
from sidecar.core.errors import StsThrottled, TokenExpired
from sidecar.core.model import Seconds
from sidecar.core.refresh import Phase
from tests.core.broker.trouble import EXPIRED, NOT_TRUSTED, UNREACHABLE, named
from tests.doubles import DAY, EPOCH, Pod, a_token
from tests.virtual_time import in_virtual_time

THROTTLED = StsThrottled("Rate.", fix="Wait.")


@in_virtual_time
async def test_a_wall_clock_that_jumps_back_changes_nothing() -> None:
    pod = Pod(3600, 3600, UNREACHABLE)
    async with pod.running():
        await pod.until(1000)
        pod.clock.jump(-3600)
        await pod.until(3240)
        assert pod.exchange.called_at == [0, 1620]
        await pod.until(1620 + 3594)
        assert pod.served().issued_at == 1620
        await pod.until(1620 + 3595)
        assert pod.broker.usable() is None


@pytest.mark.parametrize("seconds", [61, 600, 3600, 10 * DAY])
@in_virtual_time
async def test_a_pause_is_noticed_by_the_first_request_after_it_and_sts_is_asked_at_once(seconds: Seconds) -> None:
    pod = Pod(token=a_token(life=30 * DAY))
    async with pod.running():
        await pod.until(1000)
        before = pod.served()
        pod.clock.pause(seconds)
        served = await pod.broker.credentials()
        assert (served.access_key_id == before.access_key_id) == (seconds < 3595 - 1000)
        await pod.until(1000.5)
        assert pod.served().issued_at == 1000
    assert pod.exchange.called_at == [0, 1000]


@in_virtual_time
async def test_a_pause_is_noticed_without_any_request() -> None:
    pod = Pod(token=a_token(life=30 * DAY))
    async with pod.running():
        await pod.until(1001)
        pod.clock.pause(3600)
        await pod.until(1001 + MAXIMUM_SLEEP)
    assert pod.exchange.called_at[1] <= 1001 + MAXIMUM_SLEEP


@in_virtual_time
async def test_what_died_in_a_pause_is_not_served_while_sts_is_silent() -> None:
    pod = Pod(3600, UNREACHABLE)
    async with pod.running():
        await pod.until(1000)
        pod.clock.pause(3600)
        while pod.clock.now() < 5000:
            assert pod.broker.usable() is None
            assert pod.broker.phase is Phase.EXPIRED
            await asyncio.sleep(7)


@in_virtual_time
async def test_what_a_pause_left_alive_is_served_for_what_is_left_of_its_life() -> None:
    pod = Pod(3600, UNREACHABLE)
    async with pod.running():
        await pod.until(1000)
        pod.clock.pause(600)
        await pod.until(2994)
        assert pod.broker.usable() is not None
        await pod.until(2995)
        assert pod.broker.usable() is None


@pytest.mark.parametrize("refusal", [NOT_TRUSTED, EXPIRED, THROTTLED], ids=named)
@in_virtual_time
async def test_an_answer_of_any_kind_tells_that_the_wall_clock_was_wrong(refusal: Exception) -> None:
    pod = Pod(3600, refusal)
    async with pod.running():
        await pod.until(1000)
        pod.clock.jump(3600)
        assert pod.broker.usable() is None
        await pod.until(1000.5)
        assert pod.served().issued_at == 0
        await pod.until(3593)
        assert pod.served().issued_at == 0
        await pod.until(3595)
        assert pod.broker.usable() is None


@in_virtual_time
async def test_a_refusal_without_a_date_decides_nothing() -> None:
    pod = Pod(3600, NOT_TRUSTED)
    pod.exchange.dated = False
    async with pod.running():
        await pod.until(1000)
        pod.clock.jump(3600)
        await pod.until(1500)
        assert pod.broker.usable() is None


@in_virtual_time
async def test_a_pause_in_the_middle_of_an_exchange_counts_against_its_credentials() -> None:
    pod = Pod(3600, UNREACHABLE, token=a_token(life=DAY), takes=1)
    async with pod.running():
        await pod.until(0.5)
        pod.clock.pause(3600)
        await pod.until(5)
        assert pod.broker.usable() is None
        assert len(pod.exchange.called_at) > 1


@in_virtual_time
async def test_a_refusal_that_a_pause_interrupted_says_nothing_of_the_time_after_it() -> None:
    pod = Pod(3600, NOT_TRUSTED, UNREACHABLE, takes=1)
    async with pod.running():
        await pod.until(1620.5)
        pod.clock.pause(3600)  # STS has stamped its answer
        await pod.until(1660)
        assert pod.broker.usable() is None


@in_virtual_time
async def test_short_pauses_add_up() -> None:
    pod = Pod(3600, UNREACHABLE)
    async with pod.running():
        for second in range(10, 1500, 10):
            await pod.until(second)
            pod.clock.pause(20)
        assert pod.broker.usable() is None


@in_virtual_time
async def test_a_short_pause_is_not_held_against_what_was_issued_after_it() -> None:
    pod = Pod()
    async with pod.running():
        await pod.until(10)
        pod.clock.pause(40)
        await pod.until(1700)
        asked = len(pod.exchange.called_at)
        pod.clock.pause(40)
        await pod.until(1800)
        assert asked == len(pod.exchange.called_at) == 2


@in_virtual_time
async def test_a_clock_that_flaps_costs_few_calls_and_no_credentials() -> None:
    pod = Pod()
    async with pod.running():
        await pod.until(1)
        for second in range(2, 1000):
            await pod.until(second)
            pod.clock.jump(600 if second % 2 else -600)
            assert pod.broker.usable() is not None
    assert len(pod.exchange.called_at) <= 1000 / 5 + 1


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
    first = [0] if jump < 0 else [0, pod.exchange.called_at[1]]
    assert pod.exchange.called_at == [
        *first,
        *(first[-1] + 1620 * n for n in range(1, len(pod.exchange.called_at) - len(first) + 1)),
    ]


@pytest.mark.parametrize("ahead", [3700, DAY])
@in_virtual_time
async def test_a_node_whose_clock_is_ahead_from_the_start_gets_credentials(ahead: Seconds) -> None:
    pod = Pod(token=a_token(life=3600))
    pod.clock.jump(ahead)
    async with pod.running():
        assert (await pod.broker.credentials()).issued_at == 0


@in_virtual_time
async def test_an_expired_token_is_shown_once_to_an_sts_that_tells_its_time() -> None:
    pod = Pod(EXPIRED, token=a_token(life=-100))
    async with pod.running():
        await pod.until(3600)
        assert isinstance(pod.broker.state.error, TokenExpired)
        pod.tokens.rotate(a_token(life=-100))
        await pod.until(7200)
    assert pod.exchange.called_at == [0, 3600]


@in_virtual_time
async def test_an_expired_token_is_shown_slowly_to_an_sts_that_does_not_tell_its_time() -> None:
    pod = Pod(EXPIRED, token=a_token(life=-100), jitter=0.75)
    pod.exchange.dated = False
    async with pod.running():
        await pod.until(3600)
    gaps = [later - earlier for earlier, later in pairwise(pod.exchange.called_at)]
    assert gaps[0] > 4
    assert 50 < min(gaps[5:]) <= max(gaps[5:]) <= 61


@in_virtual_time
async def test_clocks_that_are_both_wrong_hold_back_no_second_token() -> None:
    pod = Pod(token=a_token(life=3600))
    pod.exchange.sts_ahead = 7200
    async with pod.running():
        await pod.until(1)
        pod.exchange.sts_ahead = 0
        pod.clock.jump(7200)
        await pod.until(2880)
        pod.tokens.rotate(a_token(life=3600, issued_at=EPOCH + 2880))
        await pod.until(2881)
        assert pod.served().expires_at > 2880 + 1800


@in_virtual_time
async def test_an_sts_that_was_wrong_for_four_seconds_costs_a_minute_at_most() -> None:
    """One wrong `ExpiredTokenException` used to stop all attempts until the token rotated."""
    pod = Pod(token=a_token(life=DAY))
    async with pod.running():
        await pod.until(1619)
        pod.exchange.will(EXPIRED)
        pod.exchange.sts_ahead = 2 * DAY
        await pod.until(1623)
        pod.exchange.will(3600)
        pod.exchange.sts_ahead = 0
        assert pod.served().issued_at == 0
        await pod.until(1683)
        assert pod.served().issued_at >= 1623


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
        assert pod.served().issued_at == 1620
    assert pod.exchange.called_at == [0, 1620]


@pytest.mark.parametrize("asleep", [3600, 10 * DAY])
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
        assert pod.served().issued_at >= 2800


@in_virtual_time
async def test_a_suspend_in_the_middle_of_an_exchange_counts_against_its_credentials() -> None:
    pod = Pod(3600, UNREACHABLE)
    async with pod.running():
        await asyncio.sleep(0.125)
        pod.clock.suspend(3600)
        await asyncio.sleep(1)
        assert pod.broker.usable() is None


@in_virtual_time
async def test_a_request_in_the_very_turn_in_which_the_sleep_ends_notices_a_pause_too() -> None:
    pod = Pod(token=a_token(life=DAY))
    async with pod.running():
        await pod.until(1)
        asked: list[bool] = []

        def resumes() -> None:
            pod.clock.pause(3600)
            asked.append(pod.broker.usable() is None)

        # The timer that ends the sleep comes first, the task that slept comes after this.
        asyncio.get_running_loop().call_at(0.25 + MAXIMUM_SLEEP, lambda: asyncio.get_running_loop().call_soon(resumes))
        asyncio.get_running_loop().call_at(0.25 + MAXIMUM_SLEEP, resumes)
        await pod.until(16)  # a second pause so soon waits for 5 s
        assert asked == [True, True]
        assert pod.served().issued_at >= MAXIMUM_SLEEP
