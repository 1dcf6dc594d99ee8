"""An outage of the home region's STS, in virtual time: who is asked when, who issued, and what clients notice."""

import asyncio
import logging
import random
from dataclasses import dataclass, field
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sidecar.core.errors import (
    ExchangeFailed,
    NoCredentials,
    RequestRefused,
    StsThrottled,
    StsUnavailable,
    StsUnreachable,
    TrustRefused,
)
from sidecar.core.model import Credentials, Instant, Seconds, Token
from sidecar.core.refresh import Failed, Issued
from sidecar.sources.regional_exchange import RegionalCall, RegionalExchange
from tests.doubles import Pod, VirtualClock, credentials
from tests.virtual_time import VirtualTimeLoop, in_virtual_time

HOUR: Seconds = 3600
HOME, FRANKFURT, LONDON = "eu-west-1", "eu-central-1", "eu-west-2"
UNREACHABLE = StsUnreachable("No connection.", fix="Check the network.")
ERROR_500 = StsUnavailable("STS reports an internal error.", fix="Wait.", status=500)
THROTTLED = StsThrottled("Rate.", fix="Wait.", status=400)
ERROR_429 = StsThrottled("Too many here.", fix="Wait.", status=429)
NOT_TRUSTED = TrustRefused("The role does not trust.", fix="Change the policy.", status=403)
NOT_ACTIVATED = RequestRefused("Not activated.", fix="Activate it.", status=403, aws_code="RegionDisabledException")


@dataclass
class Region:
    """One region's STS. While it is down each call ends after `takes` with one of `failures`."""

    name: str
    down_until: Instant = 0
    failures: tuple[ExchangeFailed, ...] = (UNREACHABLE,)
    takes: Seconds = 10
    asked_at: list[Instant] = field(default_factory=list)

    def ask(self, clock: VirtualClock, rng: random.Random) -> RegionalCall[Token]:
        async def ask(_: Token) -> Credentials:
            asked_at = clock.now()
            self.asked_at.append(asked_at)
            if asked_at < self.down_until:
                await asyncio.sleep(self.takes)
                raise rng.choice(self.failures).with_traceback(None)
            await asyncio.sleep(0.1)
            return credentials(issued_at=asked_at, sts_time=clock.true())

        return RegionalCall(self.name, ask)


class Outage:
    """A pod whose STS is in several regions."""

    def __init__(self, *regions: Region, seed: int = 1) -> None:
        self.rng = random.Random(seed)
        self.regions = regions
        self.pod = Pod(jitter_source=self.rng.random, made_of=self._exchange)

    def _exchange(self, clock: VirtualClock) -> RegionalExchange[Token]:
        return RegionalExchange([region.ask(clock, self.rng) for region in self.regions], clock)

    @property
    def issued(self) -> list[Issued]:
        return [event for event in self.pod.seen.events if isinstance(event, Issued)]

    @property
    def issued_by(self) -> list[str]:
        return [event.credentials.region for event in self.issued]

    async def lives(self, seconds: Seconds, every: Seconds = 5) -> list[Instant]:
        """When clients were refused, one of whom asks `every` so many seconds."""
        refused = []
        async with self.pod.running():
            while self.pod.clock.now() < seconds:
                try:
                    await self.pod.broker.credentials()
                except NoCredentials:
                    refused.append(self.pod.clock.now())
                await asyncio.sleep(every)
        return refused


def lived(seconds: Seconds, seed: int, *regions: Region) -> tuple[Outage, list[Instant]]:
    """An outage, and when clients were refused."""

    async def live() -> tuple[Outage, list[Instant]]:
        outage = Outage(*regions, seed=seed)
        return outage, await outage.lives(seconds)

    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(live())


@settings(deadline=None)
@given(
    st.integers(0, 2**32),
    st.lists(st.sampled_from([UNREACHABLE, ERROR_500]), min_size=1).map(tuple),
    st.floats(0, 10),
    st.sampled_from([(), (UNREACHABLE,), (NOT_ACTIVATED,)]),
)
def test_home_down_for_three_hours_from_the_first_second(
    seed: int, failures: tuple[ExchangeFailed, ...], takes: Seconds, of_the_first: tuple[ExchangeFailed, ...]
) -> None:
    """Whatever way it is down in, and though the first fallback may be of no use: a credential within a minute."""
    home = Region(HOME, 3 * HOUR, failures, takes)
    first = Region(FRANKFURT, 4 * HOUR if of_the_first else 0, of_the_first, takes)
    outage, refused = lived(4 * HOUR, seed, home, first, Region(LONDON))
    first_issued = outage.issued[0].at
    assert first_issued <= 60
    assert [at for at in refused if at > first_issued] == []
    assert outage.issued_by[-1] == HOME


@given(st.integers(0, 2**32), st.floats(0, 10))
@settings(deadline=None, max_examples=20)
def test_a_home_that_throttles_for_hours_is_left_as_well(seed: int, takes: Seconds) -> None:
    outage, refused = lived(HOUR, seed, Region(HOME, 3 * HOUR, (THROTTLED,), takes), Region(FRANKFURT))
    first_issued = outage.issued[0].at
    assert first_issued <= 75
    assert [at for at in refused if at > first_issued] == []


@in_virtual_time
async def test_home_is_tried_every_five_minutes_and_taken_back() -> None:
    home = Region(HOME, down_until=HOUR)
    outage = Outage(home, Region(FRANKFURT))
    await outage.lives(2 * HOUR)
    tries = [at for at in home.asked_at if 60 < at < HOUR + 300]
    gaps = [later - earlier for earlier, later in pairwise(tries)]
    assert len(tries) >= 11
    assert all(300 <= gap <= 345 for gap in gaps), gaps
    assert outage.issued_by.index(HOME) == len(outage.issued_by) - outage.issued_by.count(HOME)
    back_at = outage.issued[outage.issued_by.index(HOME)].at
    assert HOUR <= back_at <= HOUR + 345


@in_virtual_time
async def test_a_failed_try_of_home_is_no_failed_refresh() -> None:
    outage = Outage(Region(HOME, down_until=HOUR), Region(FRANKFURT))
    await outage.lives(HOUR)
    failed = [event.at for event in outage.pod.seen.events if isinstance(event, Failed)]
    assert len(failed) == 2
    assert max(failed) < 60


@in_virtual_time
async def test_a_refusal_does_not_fail_over() -> None:
    elsewhere = Region(FRANKFURT)
    outage = Outage(Region(HOME, HOUR, (NOT_TRUSTED,), 0.1), elsewhere)
    refused = await outage.lives(HOUR)
    assert len(refused) > 100
    assert elsewhere.asked_at == []


@in_virtual_time
async def test_a_refusal_by_a_home_that_is_back_is_what_clients_and_log_see() -> None:
    home = Region(HOME, down_until=HOUR)
    outage = Outage(home, Region(FRANKFURT))
    async with outage.pod.running():
        await outage.pod.until(100)
        home.failures, home.takes = (NOT_TRUSTED,), 0.1
        await outage.pod.until(500)
        assert outage.pod.broker.state.error == NOT_TRUSTED
        assert outage.pod.served().region == FRANKFURT


@in_virtual_time
async def test_the_log_says_when_another_region_is_asked_and_why(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    outage = Outage(Region(HOME, down_until=100), Region(FRANKFURT))
    await outage.lives(400)
    told = [vars(record) for record in caplog.records if record.name == "sidecar"]
    assert [(line["msg"], line["region_before"], line["region"]) for line in told] == [
        ("another region's STS asked", HOME, FRANKFURT),
        ("home region's STS answers again", FRANKFURT, HOME),
    ]
    assert told[0]["cause"] == UNREACHABLE.cause


@in_virtual_time
async def test_the_log_says_why_a_home_was_left_that_throttles(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    outage = Outage(Region(HOME, 100, (THROTTLED,), takes=0.1), Region(FRANKFURT, 50, (ERROR_429,), takes=0.1))
    await outage.lives(400)
    told = [vars(record) for record in caplog.records if record.name == "sidecar"]
    assert [(line["msg"], line["region_before"], line["region"], line.get("cause")) for line in told] == [
        ("another region's STS asked", HOME, FRANKFURT, THROTTLED.cause),
        ("home region's STS answers again", FRANKFURT, HOME, None),
    ]
