"""Three days of everything at once."""

import asyncio
import random

import pytest

from sidecar.core.model import Credentials, Seconds
from tests.core.broker.trouble import ALL_FAILURES
from tests.doubles import DAY, EPOCH, Pod, a_token
from tests.virtual_time import in_virtual_time

KINDS: list[Seconds | Exception] = [3600, 900, 43_200, *ALL_FAILURES]


def weather(rng: random.Random) -> list[Seconds | Exception]:
    """What STS does next: well or badly for some calls, then well."""
    return [rng.choice(KINDS)] * rng.randrange(1, 20) + [3600]


def ought_to_be_served(pod: Pod) -> Credentials | None:
    last = pod.seen.last_issued
    return last if last and pod.clock.now() < last.expires_at - 5 else None


@pytest.mark.parametrize("seed", range(8))
@in_virtual_time
async def test_in_any_weather_exactly_what_lives_is_served(seed: int) -> None:
    rng = random.Random(seed)
    pod = Pod(jitter_source=rng.random)
    async with pod.running():
        while pod.clock.now() < 3 * DAY:
            pod.exchange.will(*weather(rng))
            pod.exchange.takes = rng.choice([0.01, 1, 10])
            pod.clock.jump(rng.choice([-3600, 0, 0, 0, 3600]))
            if rng.random() < 0.3:
                pod.tokens.remove()
            for _ in range(30):
                await asyncio.sleep(rng.uniform(0, 300))
                assert pod.broker.usable() is ought_to_be_served(pod)
            pod.tokens.rotate(a_token(issued_at=EPOCH + pod.clock.now()))
    assert len(pod.exchange.called_at) > 30
    assert len({type(state.error) for state in pod.seen.states}) > 5
