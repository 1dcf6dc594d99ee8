"""Few roles ask at a time, in the order in which they came, and nobody waits for ever."""

import asyncio

from sidecar.core.broker import Broker
from sidecar.core.call_limit import APART, CallLimit
from sidecar.core.ports import CredentialSource
from sidecar.core.refresh import RefreshPolicy
from sidecar.sources.chain import Chain
from tests.chains import ScriptedAssumeRole
from tests.doubles import Pod, Recorder
from tests.virtual_time import in_virtual_time


class Calls:
    """Each takes `seconds`; counts how many are under way."""

    def __init__(self, limit: CallLimit, seconds: float) -> None:
        self._limit = limit
        self._seconds = seconds
        self.now = self.most = 0
        self.began: list[tuple[int, float]] = []

    async def __call__(self, number: int) -> None:
        async with self._limit.place():
            self.began.append((number, asyncio.get_running_loop().time()))
            self.now += 1
            self.most = max(self.most, self.now)
            await asyncio.sleep(self._seconds)
            self.now -= 1


@in_virtual_time
async def test_so_many_are_under_way_at_a_time_first_come_first_served() -> None:
    calls = Calls(CallLimit(most=2), 0.1)
    await asyncio.gather(*map(calls, range(50)))
    assert calls.most == 2
    assert [number for number, _ in calls.began] == list(range(50))


@in_virtual_time
async def test_calls_that_hang_hold_nobody_up_for_longer_than_the_wait() -> None:
    calls = Calls(CallLimit(most=2, waits=5), 60)
    await asyncio.gather(*map(calls, range(50)))
    assert max(began for _, began in calls.began) <= 5 + 50 * APART + 0.001


@in_virtual_time
async def test_who_has_waited_long_enough_finds_the_place_that_is_free_in_a_moment() -> None:
    """After a pause of the machine all have; together they would take 300 KiB each."""
    calls = Calls(CallLimit(most=2, waits=1), 0.09)
    await asyncio.gather(*map(calls, range(50)))
    assert calls.most == 2


@in_virtual_time
async def test_who_is_cancelled_while_it_waits_or_asks_takes_no_place() -> None:
    limit = CallLimit(most=1)
    calls = Calls(limit, 1)
    tasks = [asyncio.create_task(calls(number)) for number in range(3)]
    await asyncio.sleep(0.1)
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    async with asyncio.timeout(0.5), limit.place():
        pass


@in_virtual_time
async def test_a_chain_that_waits_for_its_base_takes_no_place_from_who_could_ask() -> None:
    """The base itself would wait behind its chains, and every other role with it."""
    limit, base, pod = CallLimit(most=1), Pod().broker, Pod()

    def limited(source: CredentialSource) -> Broker:
        return Broker(
            role="role",
            source=source,
            clock=pod.clock,
            jitter=lambda: 0.5,
            observe=Recorder(),
            policy=RefreshPolicy(),
            place=limit.place,
        )

    exchange = ScriptedAssumeRole(pod.clock, (3600,))
    chain = limited(Chain("base", lambda: base, exchange, pod.clock))  # nobody asks for the base: that lasts
    other = limited(pod.source)
    tasks = [asyncio.create_task(broker.keep_fresh()) for broker in (chain, other)]
    await asyncio.sleep(1)
    assert other.usable() is not None
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
