"""What a new token changes, and what it leaves alone."""

import asyncio
from typing import Any

import pytest

from sidecar.core.errors import (
    TokenExpired,
    TokenUnreadable,
)
from sidecar.core.model import Seconds
from sidecar.core.refresh import Failed, SourceChanged
from tests.core.broker.trouble import EXPIRED, NOT_TRUSTED, UNREACHABLE, named
from tests.doubles import EPOCH, Pod, a_token
from tests.virtual_time import in_virtual_time


@in_virtual_time
async def test_rotation_alone_calls_nobody_when_healthy() -> None:
    pod = Pod()
    async with pod.running():
        for second in range(1, 1600):
            await pod.until(second)
            pod.tokens.rotate()
    assert pod.exchange.called_at == [0]
    assert sum(isinstance(event, SourceChanged) for event in pod.seen.events) > 1500


@in_virtual_time
async def test_the_newest_token_is_the_one_that_is_traded() -> None:
    pod = Pod()
    async with pod.running():
        await pod.until(1000)
        newest = pod.tokens.rotate()
        await pod.until(2000)
    assert pod.exchange.tokens[1] == newest


@pytest.mark.parametrize("error", [UNREACHABLE, EXPIRED, NOT_TRUSTED], ids=named)
@in_virtual_time
async def test_rotation_ends_a_failure_at_once(error: Exception) -> None:
    pod = Pod(error)
    async with pod.running():
        await pod.until(86_300.125)
        pod.exchange.will(3600)
        pod.tokens.rotate()
        await asyncio.sleep(0.25)
        assert (await pod.broker.credentials()).issued_at == 86_300.125


@in_virtual_time
async def test_a_refused_token_is_tried_at_once_for_each_new_content_and_once_a_minute_without() -> None:
    pod = Pod(EXPIRED, jitter=0.75)
    async with pod.running():
        await pod.until(1000)
        assert len(pod.exchange.called_at) == 22  # in doubling waits up to 52.5 s, each with a quarter of a second
        second = pod.tokens.rotate()
        await pod.until(1010)
        assert pod.exchange.called_at[22:] == [1000]
        pod.tokens.remove()
        pod.tokens.rotate(second)  # the same content again is not new
        await pod.until(1020)
        assert pod.exchange.called_at[22:] == [1000]
        pod.tokens.rotate()
        await pod.until(1030)
        assert pod.exchange.called_at[22:] == [1000, 1020]


@in_virtual_time
async def test_a_rotation_during_an_attempt_is_not_missed() -> None:
    pod = Pod(EXPIRED, 3600, takes=5)
    async with pod.running():
        await pod.until(2)
        newer = pod.tokens.rotate()
        await pod.until(11)
        assert pod.served().issued_at == 5
    assert pod.exchange.called_at == [0, 5]
    assert pod.exchange.tokens[1] == newer


@pytest.mark.parametrize(
    "changed",
    [{"iss": "https://oidc.example/other"}, {"sub": "system:serviceaccount:shop:other"}, {"aud": ["other"]}],
    ids=lambda changed: next(iter(changed)),
)
@in_virtual_time
async def test_another_identity_is_traded_at_once_and_only_once(changed: dict[str, Any]) -> None:
    pod = Pod()
    async with pod.running():
        await pod.until(100)
        pod.tokens.rotate(a_token(**changed))
        assert pod.served().issued_at == 0
        await pod.until(101)
        assert pod.served().issued_at == 100
        pod.tokens.rotate(a_token(**changed))
        await pod.until(1700)
    assert pod.exchange.called_at == [0, 100]


@in_virtual_time
async def test_another_identity_that_came_during_an_attempt_is_traded_right_after_it() -> None:
    pod = Pod(takes=5)
    async with pod.running():
        await pod.until(2)
        pod.tokens.rotate(a_token(sub="system:serviceaccount:shop:other"))
        await pod.until(100)
    assert pod.exchange.called_at == [0, 5]


@in_virtual_time
async def test_a_refused_new_identity_does_not_cost_the_old_ones_credentials() -> None:
    pod = Pod(3600, NOT_TRUSTED)
    async with pod.running():
        await pod.until(100)
        pod.tokens.rotate(a_token(sub="system:serviceaccount:shop:other"))
        await pod.until(3000)
        assert pod.served().issued_at == 0


@in_virtual_time
async def test_another_identitys_session_is_served_even_if_it_is_the_shorter() -> None:
    pod = Pod(3600, 900)
    async with pod.running():
        await pod.until(100)
        pod.tokens.rotate(a_token(sub="system:serviceaccount:shop:other"))
        await pod.until(101)
        assert pod.served().lifetime == 900


@in_virtual_time
async def test_a_token_that_comes_late_is_traded_the_moment_it_is_there() -> None:
    pod = Pod()
    pod.tokens.remove()
    async with pod.running():
        await pod.until(7)
        assert isinstance((await pod.refusal()).reason, TokenUnreadable)
        pod.tokens.rotate()
        await asyncio.sleep(0.25)
        assert (await pod.broker.credentials()).issued_at == 7
    assert pod.exchange.called_at == [7]


@in_virtual_time
async def test_sts_did_not_take_time_over_a_token_that_could_not_be_read() -> None:
    pod = Pod()
    pod.tokens.remove()
    async with pod.running():
        await pod.until(1)
    assert {event.took for event in pod.seen.events if isinstance(event, Failed)} == {None}


@pytest.mark.parametrize(("left", "sent"), [(0, False), (-3600, False), (0.5, True)])
@in_virtual_time
async def test_a_token_that_sts_has_seen_is_not_sent_from_the_instant_it_expires(left: Seconds, sent: bool) -> None:
    pod = Pod(token=a_token(life=1620 + left))
    async with pod.running():
        await pod.until(1620.25)
    assert pod.exchange.called_at == ([0, 1620] if sent else [0])


@in_virtual_time
async def test_an_expired_token_is_never_sent_however_long_it_lies_there() -> None:
    pod = Pod(token=a_token(life=1000))
    async with pod.running():
        await pod.until(7200)
        assert isinstance(pod.broker.state.error, TokenExpired)
        assert pod.exchange.called_at == [0]
        pod.tokens.rotate(a_token(issued_at=EPOCH + 7200))
        await pod.until(7201)
    assert pod.exchange.called_at == [0, 7200]


@in_virtual_time
async def test_a_token_that_does_not_say_when_it_expires_is_sent() -> None:
    pod = Pod(token=a_token(exp=None))
    async with pod.running():
        await pod.until(1)
    assert pod.exchange.called_at == [0]
