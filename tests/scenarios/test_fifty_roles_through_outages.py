"""A day of fifty roles beside each other in virtual time, four of five on a chain: STS fails for some by turns."""

import asyncio
import random

from tests.chains import ChainedPod
from tests.doubles import DAY, Pod, a_token
from tests.scenarios.test_chains_through_outages import HOUR, MINUTE, Weather
from tests.virtual_time import in_virtual_time

PODS = 10
LINKS = 4
"""A base and four links in each: fifty roles."""


@in_virtual_time
async def test_each_of_fifty_roles_serves_what_lives_of_its_own_and_is_back_minutes_after_sts() -> None:
    rng = random.Random(0)
    pods = [ChainedPod(links=LINKS, base=_base(rng), jitter=rng.random()) for _ in range(PODS)]
    weathers = [Weather(pod, rng) for pod in pods]
    async with asyncio.TaskGroup() as group:
        lives = [group.create_task(_live(pod)) for pod in pods]
        await asyncio.sleep(10)
        for _ in range(int(DAY / HOUR)):
            for weather in weathers:
                weather.clears()
            for weather in rng.sample(weathers, 2):
                weather.changes()
            await asyncio.sleep(rng.uniform(HOUR / 2, HOUR))
            for pod in pods:
                _judge(pod)
        for weather in weathers:
            weather.clears()
        await asyncio.sleep(5 * MINUTE)
        assert all(broker.usable() and broker.state.error is None for pod in pods for broker in pod.brokers)
        for life in lives:
            life.cancel()


def _base(rng: random.Random) -> Pod:
    return Pod(jitter=rng.random(), token=a_token(life=30 * DAY))


async def _live(pod: ChainedPod) -> None:
    async with pod.running():
        await asyncio.Event().wait()


def _judge(pod: ChainedPod) -> None:
    """A link holds what was issued to itself last, as long as that lives, and nothing else."""
    for broker, seen in zip(pod.brokers[1:], pod.seen, strict=True):
        last, held = seen.last_issued, broker.usable()
        lives = last is not None and pod.clock.now() < last.expires_at - 5
        assert held == (last if lives else None)
