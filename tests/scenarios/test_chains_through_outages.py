"""Days of a chain of three, in virtual time: STS fails for each link by turns, and sessions are revoked."""

import asyncio
import random

import pytest

from sidecar.core.errors import BaseRefused, ChainRefused, StsThrottled, StsUnavailable, TrustRefused
from sidecar.core.model import Seconds
from tests.chains import ChainedPod
from tests.doubles import DAY, Outcome, Pod, a_token
from tests.scale import cases
from tests.virtual_time import in_virtual_time

HOUR: Seconds = 3600
MINUTE: Seconds = 60
OF_LINKS: tuple[BaseException, ...] = (
    StsThrottled("Too many.", fix="Wait."),
    StsUnavailable("An internal error.", fix="Wait."),
    ChainRefused("The role does not let us in.", fix="Let us in."),
    BaseRefused("The base's credentials are not known.", fix="Wait.", aws_code="InvalidClientTokenId"),
)
OF_THE_BASE: tuple[BaseException, ...] = (*OF_LINKS[:2], TrustRefused("IAM says no.", fix="Ask IAM."))


class Weather:
    """What STS does to each link: mostly good, then bad for a while."""

    def __init__(self, pod: ChainedPod, rng: random.Random) -> None:
        self._pod = pod
        self._rng = rng
        self._life = rng.choice((900, HOUR, 12 * HOUR))
        """Of the base's sessions."""

    def changes(self) -> None:
        for exchange in self._pod.exchanges:
            exchange.will(self._outcome(OF_LINKS, HOUR))
        self._pod.base.exchange.will(self._outcome(OF_THE_BASE, self._life))

    def clears(self) -> None:
        for exchange in self._pod.exchanges:
            exchange.will(HOUR)
        self._pod.base.exchange.will(self._life)

    def _outcome(self, failures: tuple[BaseException, ...], life: Seconds) -> Outcome:
        return self._rng.choice(failures) if self._rng.random() < 0.4 else life


@pytest.mark.parametrize("seed", range(cases(6, 2)))
@in_virtual_time
async def test_what_lives_is_served_nothing_else_is_and_all_links_are_back_minutes_after_sts_is(seed: int) -> None:
    rng = random.Random(seed)
    pod = ChainedPod(links=3, base=Pod(jitter=rng.random(), token=a_token(life=30 * DAY)), jitter=rng.random())
    weather = Weather(pod, rng)
    async with pod.running():
        await asyncio.sleep(10)
        for _ in range(int(DAY / HOUR)):
            weather.changes()
            for _ in range(6):
                await asyncio.sleep(rng.uniform(MINUTE, 10 * MINUTE))
                for broker, seen in zip(pod.brokers[1:], pod.seen, strict=True):
                    last, held = seen.last_issued, broker.usable()
                    lives = last is not None and pod.clock.now() < last.expires_at - 5
                    assert (held is not None) is lives
                    assert held is None or held == last
        weather.clears()
        await asyncio.sleep(4 * MINUTE)
        assert [broker.state.error for broker in pod.brokers] == [None] * 4
        assert all(broker.usable() for broker in pod.brokers)


@in_virtual_time
async def test_no_link_asks_more_often_than_its_own_session_calls_for() -> None:
    pod = ChainedPod(links=3, base=Pod(900, token=a_token(life=30 * DAY)))
    async with pod.running():
        await asyncio.sleep(DAY)
        for exchange in pod.exchanges:
            assert DAY / 1800 < len(exchange.called_at) < DAY / 1600 + 2
