"""Fifty roles in one process: days of virtual time, in which their refreshes spread and no outage of STS is seen."""

import asyncio
import random
from collections import Counter

from sidecar.core.errors import StsUnreachable
from sidecar.core.model import Instant
from tests.roles.kit import Work, put_together, role, role_set, running
from tests.virtual_time import in_virtual_time

FIFTY = role_set(role(), *(role(f"role-{number}") for number in range(49)))
DOWN = StsUnreachable("No way.", fix="Check.")


def calls(work: Work) -> list[Instant]:
    return [at for exchanges in work.sources.exchanges.values() for each in exchanges for at in each.called_at]


@in_virtual_time
async def test_their_refreshes_spread_from_the_first_on() -> None:
    async with running(put_together(FIFTY, jitter=random.Random(7).random)) as work:
        await asyncio.sleep(6 * 3600)
        later = [at for at in calls(work) if at > 60]
        assert 11 * 50 < len(later) < 15 * 50
        busiest = Counter(int(at // 10) for at in later).most_common(1)[0][1]
        assert busiest <= 12, "fifty that moved together would make fifty calls in ten seconds"
        assert all(work.held(each.name) for each in FIFTY)


@in_virtual_time
async def test_an_outage_of_half_a_session_is_seen_by_none_of_them() -> None:
    async with running(put_together(FIFTY, jitter=random.Random(7).random)) as work:
        await asyncio.sleep(3 * 3600)
        for (exchange,) in work.sources.exchanges.values():
            exchange.will(DOWN)
        for _ in range(29):
            await asyncio.sleep(60)
            assert all(work.held(each.name) for each in FIFTY)
        for (exchange,) in work.sources.exchanges.values():
            exchange.will(3600)
        await asyncio.sleep(120)
        assert not [each for each in work.roles if each.broker.state.error]


@in_virtual_time
async def test_one_that_fails_disturbs_no_other() -> None:
    async with running(put_together(FIFTY, outcomes={"role-7": (DOWN,)})) as work:
        await asyncio.sleep(6 * 3600)
        without = [each.name for each in FIFTY if work.held(each.name) is None]
        assert without == ["role-7"]
        assert all(len(each.called_at) < 15 for name, (each,) in work.sources.exchanges.items() if name != "role-7")
