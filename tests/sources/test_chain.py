"""A role that is assumed with another role's credentials: which ones, when, and what is said when there are none."""

import asyncio
from itertools import pairwise

import pytest

from sidecar.core.errors import BaseRefused, BaseUnavailable, ChainRefused, NoCredentials, StsThrottled, TrustRefused
from sidecar.core.refresh import Issued, Phase, SourceChanged
from sidecar.sources.chain import BASE_WITHIN
from tests.chains import ChainedPod
from tests.doubles import DAY, Outcome, Pod, a_token
from tests.virtual_time import in_virtual_time

HOUR = 3600
DENIED = ChainRefused("The role does not let us in.", fix="Let us in.")
BASE_EXPIRED = BaseRefused("The base's credentials have expired.", fix="Wait.", aws_code="ExpiredToken")


@in_virtual_time
async def test_it_asks_with_what_the_base_role_holds_and_with_the_claims_behind_it() -> None:
    pod = ChainedPod()
    async with pod.running():
        await pod.broker.credentials()
        (base,) = pod.exchange.bases
        assert base.credentials == pod.base.served()
        assert base.claims.namespace == "shop"


@in_virtual_time
async def test_it_waits_for_the_first_credentials_of_its_base_and_needs_no_second_try() -> None:
    pod = ChainedPod(base=Pod(takes=0.5))
    async with pod.running():
        await asyncio.sleep(0.8)
        assert pod.broker.usable() is not None
        assert pod.exchange.called_at == [0.5]
        assert [type(event) for event in pod.seen[0].events] == [Issued]


@in_virtual_time
async def test_a_refresh_of_the_base_disturbs_no_chain() -> None:
    """The base is refreshed each half an hour; a chain of an hour asks by its own expiry, with the newest each time."""
    pod = ChainedPod(base=Pod(900))
    async with pod.running():
        await asyncio.sleep(5 * HOUR)
        calls, bases = pod.exchange.called_at, pod.exchange.bases
        assert len(pod.base.exchange.called_at) > 3 * len(calls)
        assert {round(after - before) for before, after in pairwise(calls)} == {1620}
        assert len({base.credentials.access_key_id for base in bases}) == len(bases)
        assert all(base.credentials.expires_at > at for base, at in zip(bases, calls, strict=True))
        assert pod.broker.phase is Phase.FRESH
        changes = [event for event in pod.seen[0].events if isinstance(event, SourceChanged)]
        assert {event.what for event in changes} == {"base credentials"}
        assert all(event.same_identity for event in changes)


@in_virtual_time
async def test_a_base_that_fails_for_half_an_hour_is_not_seen_behind_the_chain() -> None:
    pod = ChainedPod()
    async with pod.running():
        await asyncio.sleep(10)
        pod.base.exchange.will(StsThrottled("Too many.", fix="Wait."))
        pod.exchange.will(StsThrottled("Too many.", fix="Wait."))
        for _ in range(29):
            await asyncio.sleep(60)
            assert pod.broker.usable() is not None


@in_virtual_time
async def test_a_chain_on_a_chain_works_and_refreshes_each_link_by_itself() -> None:
    pod = ChainedPod(links=3)
    async with pod.running():
        await asyncio.sleep(1)
        assert [exchange.called_at for exchange in pod.exchanges] == [[0.25], [0.5], [0.75]]
        await asyncio.sleep(DAY)
        for before, exchange in zip(pod.brokers, pod.exchanges, strict=False):
            assert exchange.bases[-1].claims.namespace == "shop"
            held = before.usable()
            assert held is not None
            assert held.role_arn == exchange.bases[-1].credentials.role_arn


@in_virtual_time
async def test_while_the_base_is_refused_its_cause_is_told_at_every_link_once() -> None:
    pod = ChainedPod(links=2, base=Pod(TrustRefused("IAM says no.", fix="Ask IAM.")))
    async with pod.running():
        await asyncio.sleep(2)
        with pytest.raises(
            NoCredentials, match=r"The base role default has no valid credentials\. IAM says no\."
        ) as told:
            await pod.broker.credentials()
        assert isinstance(told.value.reason, BaseUnavailable)
        assert told.value.fix == "Ask IAM."
        assert str(told.value).count("base role") == 1
        assert pod.exchange.called_at == []


@in_virtual_time
async def test_a_base_that_recovers_brings_its_chain_back_at_once() -> None:
    pod = ChainedPod(base=Pod(TrustRefused("IAM says no.", fix="Ask IAM.")))
    async with pod.running():
        await asyncio.sleep(1800)
        pod.base.exchange.will(HOUR)
        while pod.base.broker.usable() is None:
            await asyncio.sleep(0.1)
        await asyncio.sleep(0.4)
        assert pod.broker.usable() is not None


@pytest.mark.parametrize(
    ("base_takes", "outcomes"),
    [(15, (HOUR,)), (0.25, (DENIED, DENIED, DENIED, DENIED, HOUR))],
    ids=["the chain waits for it", "the chain waits for its next attempt"],
)
@in_virtual_time
async def test_a_base_in_whose_place_a_reload_puts_another_is_noticed_at_once(
    base_takes: float, outcomes: tuple[Outcome, ...]
) -> None:
    pod, another = ChainedPod(*outcomes, base=Pod(takes=base_takes)), Pod()
    async with asyncio.TaskGroup() as group:
        of_the_base, of_the_chain = (group.create_task(broker.keep_fresh()) for broker in pod.brokers)
        await asyncio.sleep(1)
        while outcomes[1:] and len(pod.exchange.called_at) < 4:  # the next one is most of a minute away
            await asyncio.sleep(1)
        assert pod.broker.usable() is None
        pod.brokers[0] = another.broker
        of_the_base.cancel()
        of_the_new_base = group.create_task(another.broker.keep_fresh())
        await asyncio.sleep(0.25 + 0.25 + 0.1)
        assert pod.broker.usable() is not None
        of_the_new_base.cancel()
        of_the_chain.cancel()


@in_virtual_time
async def test_where_sts_refuses_the_bases_credentials_new_ones_are_asked_for_and_tried_at_once() -> None:
    """A role that was made anew, or whose sessions were revoked: its own refresh may be hours away."""
    pod = ChainedPod(base=Pod(12 * HOUR))
    async with pod.running():
        await asyncio.sleep(HOUR)
        held = pod.broker.usable()
        pod.exchange.will(BASE_EXPIRED, HOUR)
        await asyncio.sleep(1400)
        assert len(pod.base.exchange.called_at) == 2
        assert 0 < pod.exchange.called_at[-1] - pod.base.exchange.called_at[-1] < 1
        assert pod.broker.usable() not in (None, held)


@in_virtual_time
async def test_a_base_whose_credentials_are_always_refused_is_asked_once_a_minute_at_most_and_serves_what_it_has() -> (
    None
):
    pod = ChainedPod(BASE_EXPIRED)
    async with pod.running():
        for _ in range(60):
            await asyncio.sleep(60)
            assert pod.base.broker.usable() is not None
        renewals, attempts = len(pod.base.exchange.called_at), len(pod.exchange.called_at)
        assert 50 <= renewals <= 61
        assert attempts <= 2 * renewals + 10  # at once with each renewal, and once a minute besides


@in_virtual_time
async def test_in_the_place_of_refused_credentials_a_shorter_session_is_taken_too() -> None:
    pod = ChainedPod(base=Pod(12 * HOUR))
    async with pod.running():
        await asyncio.sleep(HOUR)
        pod.base.exchange.will(HOUR)
        pod.exchange.will(BASE_EXPIRED, HOUR)
        await asyncio.sleep(1400)
        assert pod.base.served().lifetime == HOUR
        assert pod.base.broker.state.error is None


@in_virtual_time
async def test_a_refused_signature_is_no_reason_to_ask_for_the_base_again() -> None:
    wrong_clock = BaseRefused("The time of the signature.", fix="Set the clock.", aws_code="SignatureDoesNotMatch")
    pod = ChainedPod(wrong_clock)
    async with pod.running():
        await asyncio.sleep(1500)
        assert len(pod.base.exchange.called_at) == 1
        assert len(pod.exchange.called_at) > 20


@in_virtual_time
async def test_a_refusal_that_a_person_must_end_is_asked_about_slowly_whatever_the_base_does() -> None:
    pod = ChainedPod(DENIED, base=Pod(900))
    async with pod.running():
        await asyncio.sleep(HOUR)
    assert 60 < len(pod.exchange.called_at) < 120


@in_virtual_time
async def test_a_base_that_never_answers_does_not_hold_its_chain_without_a_word() -> None:
    pod = ChainedPod(base=Pod(takes=10_000))
    async with pod.running():
        await asyncio.sleep(BASE_WITHIN + 1)
        with pytest.raises(NoCredentials, match="The base role default has no credentials yet"):
            await pod.broker.credentials()


@in_virtual_time
async def test_another_broker_in_the_place_of_the_base_is_found() -> None:
    """A reload of the settings replaces a role's broker; the chain on it stays."""
    pod = ChainedPod()
    async with pod.running():
        await asyncio.sleep(10)
        new = Pod(a := HOUR, token=a_token(sub="system:serviceaccount:shop:other"))
        new.clock = pod.clock
        pod.brokers[0] = new.broker
        held = pod.broker.usable()
        async with new.running():
            await asyncio.sleep(a)
            assert pod.exchange.bases[-1].credentials.access_key_id != pod.exchange.bases[0].credentials.access_key_id
            assert pod.broker.usable() not in (None, held)


@in_virtual_time
async def test_it_shows_the_token_at_its_root() -> None:
    pod = ChainedPod(links=2)
    async with pod.running():
        await pod.broker.credentials()
        assert pod.broker.token == pod.base.tokens.current.value
        assert pod.broker.token is not None
