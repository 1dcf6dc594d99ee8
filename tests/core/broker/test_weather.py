"""Three days of everything at once."""

import asyncio
import random

import pytest

from sidecar.core.model import Seconds
from tests.core.broker.trouble import ALL_FAILURES
from tests.doubles import DAY, Pod, a_token
from tests.sky import Sky
from tests.virtual_time import in_virtual_time

KINDS: list[Seconds | Exception] = [3600, 900, 43_200, *ALL_FAILURES]


def weather(rng: random.Random) -> list[Seconds | Exception]:
    """What STS does next: well or badly for some calls, then well."""
    return [rng.choice(KINDS)] * rng.randrange(1, 20) + [3600]


def is_kept_to(sky: Sky, pod: Pod) -> None:
    served = pod.broker.usable()
    if sky.lives_by_all_clocks():
        assert served is not None
    if served is not None:
        assert pod.seen.last_issued is not None
        assert served.access_key_id == pod.seen.last_issued.access_key_id
        assert pod.clock.true() < served.expiration


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
                is_kept_to(sky, pod)
                if rng.random() < 0.1:
                    sky.changes(rng)
                    is_kept_to(sky, pod)
            pod.tokens.rotate(a_token(issued_at=pod.clock.true()))
    assert len(pod.exchange.called_at) > 30
    assert len({type(state.error) for state in pod.seen.states}) > 5
