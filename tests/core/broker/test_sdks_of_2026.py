"""SDKs with the refresh behaviour of 2026: one failed refresh keeps them away for five to ten minutes.

They ask when five minutes are left. A 503 at that moment costs them nothing yet, but the next chance may come after
their credentials have died. So no 503 may be given that could be avoided.
"""

import asyncio
import random
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from sidecar.core.errors import NoCredentials
from sidecar.core.model import Credentials, Instant, Seconds
from tests.core.broker.trouble import EXPIRED, NOT_TRUSTED, UNREACHABLE
from tests.doubles import DAY, Pod, a_token
from tests.virtual_time import in_virtual_time

ADVISORY: Seconds = 300
STAYS_AWAY = (300, 600)
SIGNS_EVERY: Seconds = 20
RECOVERS_WITHIN: Seconds = 62
"""The longest wait after a failure, and an exchange."""


@dataclass
class Sdk:
    """One application's SDK: signs often, asks seldom."""

    pod: Pod
    rng: random.Random
    holds: Credentials | None = None
    away_until: Instant = 0
    refused_at: list[Instant] = field(default_factory=list)
    signed_well_at: list[Instant] = field(default_factory=list)
    signed_badly_at: list[Instant] = field(default_factory=list)

    async def works(self, until: Instant) -> None:
        await asyncio.sleep(self.rng.uniform(1, SIGNS_EVERY))
        while self.pod.clock.now() < until:
            await self._look_for_newer()
            self._sign()
            await asyncio.sleep(SIGNS_EVERY)

    async def _look_for_newer(self) -> None:
        now = self.pod.clock.now()
        left = 0 if self.holds is None else self.holds.expiration - self.pod.clock.true()
        if left >= ADVISORY or now < self.away_until:
            return
        try:
            self.holds = await self.pod.broker.credentials()
        except NoCredentials:
            self.refused_at.append(self.pod.clock.now())
            self.away_until = self.pod.clock.now() + self.rng.uniform(*STAYS_AWAY)

    def _sign(self) -> None:
        good = self.holds is not None and self.pod.clock.true() < self.holds.expiration
        (self.signed_well_at if good else self.signed_badly_at).append(self.pod.clock.now())


@dataclass(frozen=True, slots=True)
class Outage:
    begins: Instant
    ends: Instant
    error: Exception


def outages(rng: random.Random, longest: Seconds, days: int = 2) -> Iterator[Outage]:
    """One after the other, with good times between that let everything recover."""
    begins = rng.uniform(3600, 7200)
    while begins < days * DAY - longest - 7200:
        ends = begins + rng.uniform(longest / 4, longest)
        yield Outage(begins, ends, rng.choice([UNREACHABLE, EXPIRED, NOT_TRUSTED]))
        begins = ends + rng.uniform(3600, 4 * 3600)


async def live_through(pod: Pod, all_of_them: list[Outage], seed: int) -> list[Sdk]:
    sdks = [Sdk(pod, random.Random(f"{seed}-{number}")) for number in range(8)]
    async with pod.running(), asyncio.TaskGroup() as group:
        for sdk in sdks:
            group.create_task(sdk.works(2 * DAY))
        for outage in all_of_them:
            await pod.until(outage.begins)
            pod.exchange.will(outage.error)
            await pod.until(outage.ends)
            pod.exchange.will(3600)
    return sdks


@pytest.mark.parametrize("seed", range(2))
@in_virtual_time
async def test_an_outage_of_almost_half_a_session_is_seen_by_nobody(seed: int) -> None:
    rng = random.Random(seed)
    pod = Pod(jitter_source=rng.random, token=a_token(life=30 * DAY))
    hidden = list(outages(rng, longest=1800 - 5 - RECOVERS_WITHIN))
    sdks = await live_through(pod, hidden, seed)
    assert len(hidden) > 8
    assert [sdk.refused_at for sdk in sdks] == [[]] * len(sdks)
    assert [sdk.signed_badly_at for sdk in sdks] == [[]] * len(sdks)


@pytest.mark.parametrize("seed", range(2))
@in_virtual_time
async def test_no_503_is_given_that_could_be_avoided_and_signing_goes_on_ten_minutes_after_any_outage(
    seed: int,
) -> None:
    rng = random.Random(seed)
    pod = Pod(jitter_source=rng.random, token=a_token(life=30 * DAY))
    long = list(outages(rng, longest=4 * 3600))
    sdks = await live_through(pod, long, seed)
    assert any(sdk.refused_at for sdk in sdks)  # else these outages were too short to show anything
    for sdk in sdks:
        assert [at for at in sdk.refused_at if not _was_unavoidable(at, long)] == []
        for outage in long:
            back_at = outage.ends + RECOVERS_WITHIN
            first_good = next(at for at in sdk.signed_well_at if at >= outage.ends)
            assert first_good <= back_at + STAYS_AWAY[1] + SIGNS_EVERY


def _was_unavoidable(at: Instant, all_of_them: list[Outage]) -> bool:
    """STS was away, for longer than what was issued before lives; or it had just come back."""
    return any(outage.begins + 1800 - 5 <= at <= outage.ends + RECOVERS_WITHIN for outage in all_of_them)
