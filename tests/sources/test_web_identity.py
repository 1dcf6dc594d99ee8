"""The projected token as a source: what may be sent, whom credentials are for, and what STS taught."""

from typing import Any

import pytest

from sidecar.core.errors import TokenExpired, TokenRefused, TokenUnreadable
from sidecar.core.model import Seconds
from sidecar.sources.web_identity import WebIdentity
from tests.doubles import DAY, FakeTokens, ScriptedExchange, VirtualClock, a_token
from tests.virtual_time import in_virtual_time


class Made:
    """A source between faked edges."""

    def __init__(self, life: Seconds = 3600) -> None:
        self.clock = VirtualClock()
        self.tokens = FakeTokens(a_token(life=life))
        self.exchange = ScriptedExchange(self.clock, (3600,), takes=0.25)
        self.source = WebIdentity(self.tokens, self.exchange, self.clock)


@in_virtual_time
async def test_it_trades_the_token_that_was_checked() -> None:
    made = Made()
    await made.source.check()
    assert made.exchange.called_at == []
    await made.source.obtain()
    assert made.exchange.tokens == [made.source.token]
    assert made.tokens.reads == 1


@in_virtual_time
async def test_without_a_check_it_reads_the_token_itself() -> None:
    made = Made()
    await made.source.obtain()
    assert made.exchange.tokens == [made.source.token]


@in_virtual_time
async def test_what_it_watches_is_the_token_in_the_file() -> None:
    made = Made()
    await made.source.check()
    assert made.source.changed.value == made.source.token
    newer = made.tokens.rotate()
    assert made.source.changed.value == newer
    made.tokens.remove()
    assert made.source.changed.value is None


@in_virtual_time
async def test_a_token_that_cannot_be_read_is_not_traded() -> None:
    made = Made()
    made.tokens.remove()
    with pytest.raises(TokenUnreadable):
        await made.source.check()
    with pytest.raises(TokenUnreadable):
        await made.source.obtain()
    assert made.exchange.called_at == []


@in_virtual_time
async def test_nothing_has_the_identity_of_the_last_success_before_there_was_one() -> None:
    made = Made()
    await made.source.check()
    assert not made.source.same_identity


@pytest.mark.parametrize(
    ("claims", "same"),
    [({}, True), ({"iss": "other"}, False), ({"sub": "other"}, False), ({"aud": "other"}, False)],
    ids=str,
)
@in_virtual_time
async def test_the_identity_is_issuer_subject_and_audience(claims: dict[str, Any], same: bool) -> None:
    made = Made()
    await made.source.obtain()
    made.tokens.rotate(a_token(**claims))
    assert made.source.same_identity is same


@in_virtual_time
async def test_before_sts_has_told_its_time_no_token_is_held_back() -> None:
    made = Made(life=3600)
    made.clock.jump(DAY)
    await made.source.check()
    made.exchange.dated = False
    await made.source.obtain()
    await made.source.check()


@in_virtual_time
async def test_a_refusal_tells_stss_time_too() -> None:
    made = Made(life=3600)
    made.exchange.will(TokenRefused("Expired.", fix="Wait."))
    made.clock.pause(3600)
    await made.source.check()
    with pytest.raises(TokenRefused):
        await made.source.obtain()
    with pytest.raises(TokenExpired):
        await made.source.check()


@in_virtual_time
async def test_a_token_that_sts_has_not_seen_is_sent_whatever_the_clocks_say() -> None:
    made = Made(life=3600)
    made.exchange.sts_ahead = 3600
    await made.source.check()
    await made.source.obtain()
    made.clock.jump(3600)
    made.tokens.rotate(a_token(life=3600))
    await made.source.check()


@pytest.mark.parametrize(("node_ahead", "sts_ahead"), [(3600, 0), (0, 3600)])
@in_virtual_time
async def test_a_token_that_only_one_of_two_clocks_calls_expired_is_sent(
    node_ahead: Seconds, sts_ahead: Seconds
) -> None:
    made = Made(life=3600)
    made.exchange.sts_ahead = sts_ahead
    await made.source.check()
    await made.source.obtain()
    made.clock.jump(node_ahead)
    await made.source.check()


@in_virtual_time
async def test_a_token_that_both_clocks_call_expired_is_not_sent() -> None:
    made = Made(life=3600)
    made.exchange.sts_ahead = 3600
    await made.source.check()
    await made.source.obtain()
    made.clock.jump(3600)
    with pytest.raises(TokenExpired, match="expired 0 s ago"):
        await made.source.check()
