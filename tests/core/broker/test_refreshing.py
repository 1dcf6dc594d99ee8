"""When the broker asks, and what its observers see."""

import pytest

from sidecar.core.broker import ATTEMPT_WITHIN, MAXIMUM_SLEEP
from sidecar.core.model import Seconds
from sidecar.core.refresh import Failed, Issued, Phase
from tests.core.broker.trouble import UNREACHABLE
from tests.doubles import Pod
from tests.virtual_time import in_virtual_time


@in_virtual_time
async def test_asks_at_once_and_hands_out_what_was_issued() -> None:
    pod = Pod()
    async with pod.running():
        held = await pod.broker.credentials()
        assert pod.clock.now() == 0.25
        assert held is pod.broker.usable()
    assert pod.exchange.called_at == [0]


@pytest.mark.parametrize(
    ("jitter", "times"), [(0.5, [0, 1620, 3240, 4860, 6480, 8100, 9720]), (0, [0, 1800, 3600, 5400, 7200, 9000])]
)
@in_virtual_time
async def test_refreshes_at_the_policys_instants(jitter: float, times: list[Seconds]) -> None:
    pod = Pod(jitter=jitter)
    async with pod.running():
        await pod.until(3 * 3600)
    assert pod.exchange.called_at == times


@in_virtual_time
async def test_a_day_of_health_costs_one_call_per_refresh_and_leaves_no_gap() -> None:
    pod = Pod(jitter=0)
    async with pod.running():
        await pod.broker.credentials()
        for second in range(1, 86_400, 60):
            await pod.until(second)
            assert pod.served().expires_at - pod.clock.now() >= 1800 - 0.25
    assert len(pod.exchange.called_at) == 48


@in_virtual_time
async def test_old_credentials_are_served_while_a_refresh_is_under_way() -> None:
    pod = Pod(takes=9)
    async with pod.running():
        await pod.until(1625)
        assert pod.served().issued_at == 0
        assert pod.broker.phase is Phase.DUE
        await pod.until(1629.5)
        assert pod.served().issued_at == 1620


@in_virtual_time
async def test_the_phase_follows_the_facts() -> None:
    pod = Pod(3600, UNREACHABLE)
    async with pod.running():
        for second, phase in ((0, Phase.EMPTY), (1619, Phase.FRESH), (1621, Phase.DUE), (3595, Phase.EXPIRED)):
            await pod.until(second)
            assert pod.broker.phase is phase


@in_virtual_time
async def test_observers_see_each_event_with_its_role_and_the_state_it_led_to() -> None:
    pod = Pod(UNREACHABLE, 3600, UNREACHABLE)
    async with pod.running():
        await pod.until(1625)
        assert pod.broker.state is pod.seen.states[-1]
    failed, issued, later = pod.seen.events[:3]
    assert isinstance(failed, Failed)
    assert (failed.at, failed.error, failed.took) == (0.25, UNREACHABLE, 0.25)
    assert isinstance(issued, Issued)
    assert issued.took == pytest.approx(0.25)
    assert isinstance(later, Failed)
    assert later.took == pytest.approx(0.25)
    assert [state.failures for state in pod.seen.states[:3]] == [1, 0, 1]
    assert set(pod.seen.roles) == {"default"}


@in_virtual_time
async def test_the_loop_shows_that_it_is_alive_at_every_sleep() -> None:
    pod = Pod()
    async with pod.running():
        for second in range(1, 4000):
            await pod.until(second)
            assert pod.broker.idle_for <= MAXIMUM_SLEEP


@in_virtual_time
async def test_the_loop_shows_that_it_is_alive_though_it_never_sleeps() -> None:
    pod = Pod(UNREACHABLE, jitter=0)  # each retry is due at once
    async with pod.running():
        for second in range(1, 200):
            await pod.until(second)
            assert pod.broker.idle_for <= 0.25


@in_virtual_time
async def test_a_source_that_never_ends_shows_as_idleness_and_is_given_up() -> None:
    pod = Pod(takes=1000)
    async with pod.running():
        await pod.until(59)
        assert pod.broker.idle_for == 59
        pod.exchange.takes = 0
        await pod.until(61)
        assert pod.served().issued_at >= ATTEMPT_WITHIN
