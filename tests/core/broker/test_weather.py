"""Three days of everything at once."""

import asyncio
import random

import pytest

from sidecar.core.model import Instant, Seconds
from tests.core.broker.trouble import ALL_FAILURES
from tests.doubles import DAY, Pod, a_token
from tests.virtual_time import in_virtual_time

KINDS: list[Seconds | Exception] = [3600, 900, 43_200, *ALL_FAILURES]


def weather(rng: random.Random) -> list[Seconds | Exception]:
    """What STS does next: well or badly for some calls, then well."""
    return [rng.choice(KINDS)] * rng.randrange(1, 20) + [3600]


class Sky:
    """What a pod's clocks go through, and what may be served under it."""

    def __init__(self, pod: Pod) -> None:
        self._pod = pod
        self._ahead: list[tuple[Instant, Seconds]] = []

    def changes(self, rng: random.Random) -> None:
        """One thing at a time: what is set back while the machine stands still hides that it stood."""
        clock, seconds = self._pod.clock, rng.uniform(100, 4000)
        match rng.randrange(6):
            case 0:
                clock.jump(-seconds)
            case 1:
                clock.jump(seconds)
                self._ahead.append((clock.now(), seconds))
            case 2:
                clock.pause(seconds)
                self._ahead.append((clock.now(), seconds))

    def is_kept_to(self) -> None:
        """What lives by all clocks is served, and nothing that is dead by the right one."""
        last, now, served = self._pod.seen.last_issued, self._pod.clock.now(), self._pod.broker.usable()
        if last is None:
            assert served is None
            return
        ahead = sum(by for at, by in self._ahead if at >= last.issued_at)
        if now < last.expires_at - ahead - 5:
            assert served is not None
        if self._pod.clock.true() >= last.expiration:
            assert served is None
        if served is not None:
            assert served.access_key_id == last.access_key_id


@pytest.mark.parametrize("seed", range(8))
@in_virtual_time
async def test_in_any_weather_exactly_what_lives_is_served(seed: int) -> None:
    rng = random.Random(seed)
    pod = Pod(jitter_source=rng.random)
    sky = Sky(pod)
    async with pod.running():
        while pod.clock.now() < 3 * DAY:
            pod.exchange.will(*weather(rng))
            pod.exchange.takes = rng.choice([0.01, 1, 10])
            if rng.random() < 0.3:
                pod.tokens.remove()
            for _ in range(30):
                await asyncio.sleep(rng.uniform(0, 300))
                sky.is_kept_to()
                if rng.random() < 0.1:
                    sky.changes(rng)
                    sky.is_kept_to()
            pod.tokens.rotate(a_token(issued_at=pod.clock.true()))
    assert len(pod.exchange.called_at) > 30
    assert len({type(state.error) for state in pod.seen.states}) > 5
