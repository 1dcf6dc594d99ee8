"""A container endpoint as a source, in virtual time: when it is asked, and what its own cache and outages do."""

import asyncio
from dataclasses import replace

import pytest

from sidecar.core.broker import Broker
from sidecar.core.errors import AssociationMissing, EndpointUnreachable, NoCredentials, TokenExpired, TokenUnreadable
from sidecar.core.model import DEFAULT_ROLE, Credentials, Instant, Seconds, Token
from sidecar.core.refresh import RefreshPolicy
from sidecar.sources.container import ContainerCredentials
from sidecar.sources.container_call import FixedToken
from tests.doubles import DAY, FakeTokens, Recorder, VirtualClock, a_token, credentials
from tests.virtual_time import in_virtual_time

HOUR: Seconds = 3600
DOWN = EndpointUnreachable("No connection.", fix="Run the agent.")
NO_ASSOCIATION = AssociationMissing("None.", fix="Create one.")


class CachingAgent:
    """Sessions of six hours, each given until half of it is left, as the EKS Pod Identity agent does."""

    def __init__(self, clock: VirtualClock) -> None:
        self.clock = clock
        self.asked_at: list[Instant] = []
        self.tokens: list[Token | None] = []
        self.fails: Exception | None = None
        self._held: Credentials | None = None
        self.issued = 0

    async def __call__(self, token: Token | None, /) -> Credentials:
        now = self.clock.now()
        self.asked_at.append(now)
        self.tokens.append(token)
        await asyncio.sleep(0.01)
        if self.fails is not None:
            raise self.fails.with_traceback(None)
        if self._held is None or self._held.expires_at - now < 3 * HOUR:
            self.issued += 1
            self._held = credentials(issued_at=now, life=6 * HOUR)
        return replace(self._held, issued_at=now, sts_time=self.clock.true())


class Served:
    """A pod whose source is the agent."""

    def __init__(self, token: Token | None = None) -> None:
        self.clock = VirtualClock()
        self.tokens = FakeTokens(token or a_token(life=DAY))
        self.agent = CachingAgent(self.clock)
        self.seen = Recorder()
        self.source = ContainerCredentials(self.tokens, self.agent, self.clock)
        self.broker = Broker(
            role=DEFAULT_ROLE,
            source=self.source,
            clock=self.clock,
            jitter=lambda: 0.5,
            observe=self.seen,
            policy=RefreshPolicy(),
        )


@in_virtual_time
async def test_it_is_asked_again_at_half_of_what_is_left() -> None:
    served = Served()
    task = asyncio.create_task(served.broker.keep_fresh())
    await asyncio.sleep(3 * HOUR)
    assert served.agent.asked_at == [0, pytest.approx((3 - 0.3) * HOUR)], "less half of the jitter"
    task.cancel()


@in_virtual_time
async def test_an_agents_cache_is_followed_for_days_without_a_gap_or_a_storm() -> None:
    served = Served(a_token(life=5 * DAY))
    task = asyncio.create_task(served.broker.keep_fresh())
    await asyncio.sleep(1)
    for _ in range(4 * 24 * 12):
        held = await served.broker.credentials()
        assert held.expires_at - served.clock.now() > HOUR
        await asyncio.sleep(300)
    assert len(served.agent.asked_at) < 4 * 24
    assert served.agent.issued >= 20
    task.cancel()


@in_virtual_time
async def test_the_same_session_again_with_little_left_is_not_asked_for_without_end() -> None:
    """As when the agent itself cannot reach EKS: each answer has half of the life of the one before."""
    served = Served()
    task = asyncio.create_task(served.broker.keep_fresh())
    await asyncio.sleep(1)
    served.agent._held = credentials(issued_at=-HOUR, life=HOUR + 600)
    served.agent._held = replace(served.agent._held, expires_at=10 * HOUR)
    before = len(served.agent.asked_at)
    await asyncio.sleep(5 * HOUR)
    assert len(served.agent.asked_at) - before < 20
    task.cancel()


@in_virtual_time
async def test_an_outage_of_the_agent_of_two_hours_is_not_noticed() -> None:
    served = Served()
    task = asyncio.create_task(served.broker.keep_fresh())
    await asyncio.sleep(2.5 * HOUR)
    served.agent.fails = DOWN
    for _ in range(120):
        await served.broker.credentials()
        await asyncio.sleep(60)
    served.agent.fails = None
    await asyncio.sleep(60)
    assert served.broker.state.error is None
    task.cancel()


@in_virtual_time
async def test_a_missing_association_is_what_clients_are_told() -> None:
    served = Served()
    served.agent.fails = NO_ASSOCIATION
    task = asyncio.create_task(served.broker.keep_fresh())
    await asyncio.sleep(1)
    with pytest.raises(NoCredentials) as refused:
        await served.broker.credentials()
    assert refused.value.reason == NO_ASSOCIATION
    task.cancel()


@in_virtual_time
async def test_each_call_presents_the_token_that_the_file_holds_then() -> None:
    served = Served()
    await served.source.check()
    await served.source.obtain()
    rotated = served.tokens.rotate()
    await served.source.check()
    await served.source.obtain()
    assert served.agent.tokens[1] == rotated
    assert served.source.same_identity


@in_virtual_time
async def test_another_service_accounts_token_is_another_identity() -> None:
    served = Served()
    await served.source.obtain()
    served.tokens.rotate(a_token(sub="system:serviceaccount:shop:other"))
    assert not served.source.same_identity


@in_virtual_time
async def test_a_token_that_both_clocks_call_expired_is_not_sent_again() -> None:
    served = Served(a_token(life=HOUR))
    await served.source.check()
    await served.source.obtain()
    await asyncio.sleep(HOUR + 1)
    with pytest.raises(TokenExpired):
        await served.source.check()


@in_virtual_time
async def test_a_token_that_no_header_can_carry_is_named() -> None:
    served = Served(Token("tökén", a_token().claims))
    with pytest.raises(TokenUnreadable, match="HTTP headers do not allow") as refused:
        await served.source.check()
    assert "tök" not in str(refused.value)


@in_virtual_time
async def test_an_endpoint_that_wants_no_token_is_asked_without_one() -> None:
    clock = VirtualClock()
    agent = CachingAgent(clock)
    source = ContainerCredentials(FixedToken(None), agent, clock)
    assert not source.same_identity
    await source.check()
    await source.obtain()
    assert (agent.tokens, source.token, source.same_identity) == ([None], None, True)
