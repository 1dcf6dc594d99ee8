"""Those who ask for credentials: a hundred at once, impatient ones, ones that hang up."""

import asyncio

from sidecar.core.broker import ANSWER_TIMEOUT
from sidecar.core.refresh import Issued
from tests.conftest import Canary
from tests.core.broker.trouble import EXPIRED, NOT_TRUSTED
from tests.doubles import Pod, credentials
from tests.virtual_time import in_virtual_time


@in_virtual_time
async def test_a_hundred_concurrent_first_requests_cost_one_exchange() -> None:
    pod = Pod()
    async with pod.running():
        held = await asyncio.gather(*(pod.broker.credentials() for _ in range(100)))
    assert len(set(map(id, held))) == 1
    assert pod.exchange.called_at == [0]


@in_virtual_time
async def test_a_hundred_waiters_learn_of_a_failure_in_the_same_instant(canary: Canary) -> None:
    pod = Pod(NOT_TRUSTED)
    async with pod.running():
        refusals = await asyncio.gather(*(pod.refusal() for _ in range(100)))
        assert pod.clock.now() == 0.25
    assert {refused.reason for refused in refusals} == {NOT_TRUSTED}
    assert pod.exchange.called_at == [0]
    canary.saw(*refusals)


@in_virtual_time
async def test_a_client_that_disconnects_cancels_nothing() -> None:
    pod = Pod(takes=0.5)
    async with pod.running():
        clients = [asyncio.create_task(pod.broker.credentials()) for _ in range(3)]
        await pod.until(0.25)
        clients[0].cancel()
        clients[1].cancel()
        assert await clients[2] is pod.served()
    assert [client.cancelled() for client in clients] == [True, True, False]
    assert pod.exchange.called_at == [0]


@in_virtual_time
async def test_the_exchange_ends_well_though_every_client_has_gone() -> None:
    pod = Pod(takes=0.5)
    async with pod.running():
        client = asyncio.create_task(pod.broker.credentials())
        await pod.until(0.25)
        client.cancel()
        await pod.until(1)
        assert pod.served().issued_at == 0


@in_virtual_time
async def test_a_request_waits_for_an_attempt_under_way() -> None:
    pod = Pod(takes=0.75)
    async with pod.running():
        assert (await pod.broker.credentials()).issued_at == 0
        assert pod.clock.now() == 0.75


@in_virtual_time
async def test_a_request_waits_eight_hundred_milliseconds_and_no_longer(canary: Canary) -> None:
    pod = Pod(takes=5)
    async with pod.running():
        refused = await pod.refusal()
        assert pod.clock.now() == ANSWER_TIMEOUT == 0.8
    assert (refused.reason, refused.retry_after) == (None, 1)
    canary.saw(refused)


@in_virtual_time
async def test_a_request_during_a_later_attempt_waits_too_and_then_gets_the_last_reason() -> None:
    pod = Pod(NOT_TRUSTED, takes=5, jitter=0)
    async with pod.running():
        await pod.until(8)  # the second attempt began at 7.5
        refused = await pod.refusal()
        assert pod.clock.now() == 8.8
    assert refused.reason is NOT_TRUSTED
    assert refused.retry_after == 0


@in_virtual_time
async def test_a_request_during_back_off_gets_the_reason_at_once() -> None:
    pod = Pod(NOT_TRUSTED, jitter=0)
    async with pod.running():
        await pod.until(1)
        refused = await pod.refusal()
        assert pod.clock.now() == 1
    assert refused.reason is NOT_TRUSTED
    assert (refused.cause, refused.fix) == (NOT_TRUSTED.cause, NOT_TRUSTED.fix)
    assert refused.retry_after == 1.75


@in_virtual_time
async def test_a_request_while_a_token_is_refused_gets_the_reason_at_once() -> None:
    pod = Pod(EXPIRED)
    async with pod.running():
        await pod.until(500)
        assert (await pod.refusal()).reason is EXPIRED
        assert pod.clock.now() == 500


@in_virtual_time
async def test_a_waiter_is_served_by_the_attempt_that_a_rotation_starts() -> None:
    pod = Pod(EXPIRED)
    async with pod.running():
        await pod.until(500)
        pod.exchange.will(3600)
        pod.tokens.rotate()
        await asyncio.sleep(0.125)
        assert (await pod.broker.credentials()).issued_at == 500
        assert pod.clock.now() == 500.25


@in_virtual_time
async def test_credentials_that_come_in_the_turn_in_which_patience_ends_are_served() -> None:
    pod = Pod()
    came = credentials()
    client = asyncio.create_task(pod.broker.credentials(within=0))
    asyncio.get_running_loop().call_soon(pod.broker._apply, Issued(0, came, took=0.1))
    assert await client is came
