"""What the probes tell, in each phase of a role that really runs."""

import asyncio
import json
from typing import Any

import pytest

from sidecar.admin import documents
from sidecar.admin.status import STUCK_AFTER, Status
from sidecar.core.errors import Retry, TokenRefused, TrustRefused
from sidecar.observe.history import History
from sidecar.observe.refusals import Refusals
from sidecar.observe.usage import Usage
from sidecar.settings.config import load
from tests.admin.kit import ENVIRONMENT, ShownRole
from tests.conftest import Canary
from tests.doubles import DAY, ISSUER, ROLE_ARN, SUBJECT, Pod, a_token
from tests.observe.kit import eternal
from tests.virtual_time import in_virtual_time

REFUSED = TrustRefused("Not trusted.", fix="Trust it.", aws_code="AccessDenied", status=403, request_id="request-7")


def status(pod: Pod, *, stopping: bool = False) -> Status:
    usage, config = Usage(pod.clock), load(ENVIRONMENT, [])
    role = ShownRole(config.roles.default_role, pod.broker, pod.source, History())
    return Status(lambda: [role], pod.clock, lambda: stopping, usage, Refusals(pod.clock), config)


def readiness(pod: Pod, *, stopping: bool = False) -> dict[str, Any]:
    """What `/readyz` says."""
    return documents.readiness(status(pod, stopping=stopping).readiness())


def parts(told: dict[str, Any], *names: str) -> tuple[Any, ...]:
    return tuple(told[name] for name in names)


@in_virtual_time
async def test_before_the_first_attempt_nothing_is_known() -> None:
    pod = Pod()
    assert not status(pod).readiness().ready
    assert status(pod).alive
    assert readiness(pod) == {
        "ready": False,
        "role": ROLE_ARN,
        "assumed_role": None,
        "phase": "empty",
        "expiration": None,
        "seconds_left": None,
        "next_attempt_in": None,
        "failures": 0,
        "last_error": None,
        "refused": [],
        "token": None,
    }


@in_virtual_time
async def test_fresh_tells_role_expiration_time_left_and_the_next_refresh() -> None:
    pod = Pod(3600, token=a_token(life=DAY))
    async with pod.running():
        await asyncio.sleep(100)
        assert status(pod).readiness().ready
        assert readiness(pod) == {
            "ready": True,
            "role": ROLE_ARN,
            "assumed_role": "arn:aws:sts::111122223333:assumed-role/checkout/shop.checkout-7c5d8-x2x8q",
            "phase": "fresh",
            "expiration": "2027-01-15T09:00:00Z",
            "seconds_left": 3500,
            "next_attempt_in": 1520,
            "failures": 0,
            "last_error": None,
            "refused": [],
            "token": {
                "issuer": ISSUER,
                "subject": SUBJECT,
                "audiences": ["sts.amazonaws.com"],
                "expiration": "2027-01-16T08:00:00Z",
                "seconds_left": DAY - 100,
            },
        }


@in_virtual_time
async def test_a_failed_refresh_is_due_still_ready_and_says_what_to_mend() -> None:
    pod = Pod(3600, REFUSED)
    async with pod.running():
        await asyncio.sleep(1621)
        told = readiness(pod)
    assert parts(told, "ready", "phase", "failures", "seconds_left") == (True, "due", 1, 1979)
    assert told["next_attempt_in"] in range(1, 5)
    assert told["last_error"] == {
        "code": "TrustRefused",
        "cause": "Not trusted.",
        "fix": "Trust it.",
        "retry": Retry.SLOWLY.value,
        "aws_code": "AccessDenied",
        "request_id": "request-7",
    }


@in_virtual_time
async def test_expired_is_not_ready_and_shows_no_credential() -> None:
    pod = Pod(3600, REFUSED)
    async with pod.running():
        await asyncio.sleep(3594.9)
        assert status(pod).readiness().ready
        await asyncio.sleep(0.1)
        told = readiness(pod)
    assert parts(told, "ready", "phase", "expiration", "assumed_role") == (False, "expired", None, None)


@in_virtual_time
async def test_a_refused_token_is_tried_again_in_seconds() -> None:
    pod = Pod(TokenRefused("Unknown key.", fix="Rotate it."))
    async with pod.running():
        await asyncio.sleep(1)
        assert parts(readiness(pod), "phase", "next_attempt_in") == ("empty", 3)


@in_virtual_time
async def test_stopping_is_not_ready_though_credentials_are_still_served() -> None:
    pod = Pod(3600)
    async with pod.running():
        await asyncio.sleep(1)
        assert not status(pod, stopping=True).readiness().ready
        told = readiness(pod, stopping=True)
        assert parts(told, "ready", "phase", "seconds_left") == (False, "stopping", 3599)
        assert (await pod.broker.credentials()).access_key_id


@in_virtual_time
async def test_a_token_that_never_expires_has_no_time_left_to_tell() -> None:
    pod = Pod(3600, token=eternal())
    async with pod.running():
        await asyncio.sleep(1)
        assert parts(readiness(pod)["token"], "expiration", "seconds_left") == (None, None)


@in_virtual_time
async def test_a_wall_clock_that_jumps_back_changes_what_the_token_has_left_and_nothing_of_the_credential() -> None:
    pod = Pod(3600, token=a_token(life=DAY))
    async with pod.running():
        await asyncio.sleep(100)
        pod.clock.jump(-3600)
        told = readiness(pod)
    assert (told["seconds_left"], told["token"]["seconds_left"]) == (3500, DAY + 3500)


@in_virtual_time
async def test_what_died_in_a_pause_is_not_ready() -> None:
    pod = Pod(3600, REFUSED, takes=1)
    async with pod.running():
        await asyncio.sleep(100)
        pod.clock.pause(3600)
        assert parts(readiness(pod), "ready", "phase", "seconds_left") == (False, "expired", None)


@in_virtual_time
async def test_what_a_pause_left_alive_shows_what_is_left() -> None:
    pod = Pod(3600, REFUSED, takes=1)
    async with pod.running():
        await asyncio.sleep(100)
        pod.clock.pause(600)
        assert parts(readiness(pod), "ready", "seconds_left") == (True, 2900)


@in_virtual_time
async def test_a_loop_that_sleeps_is_alive_for_days() -> None:
    pod = Pod(3600)
    async with pod.running():
        for _ in range(300):
            await asyncio.sleep(517.7)
            assert status(pod).alive


@pytest.mark.parametrize("outcome", [REFUSED, TokenRefused("Unknown key.", fix="Rotate it.")])
@in_virtual_time
async def test_failing_is_not_being_stuck(outcome: Exception) -> None:
    pod = Pod(outcome)
    async with pod.running():
        await asyncio.sleep(DAY)
        assert status(pod).alive


@in_virtual_time
async def test_a_loop_that_no_longer_comes_round_is_not_alive() -> None:
    pod = Pod(3600)
    async with pod.running():
        await asyncio.sleep(1)
    await asyncio.sleep(STUCK_AFTER - 1 - 0.001)
    assert status(pod).alive
    await asyncio.sleep(1)
    assert not status(pod).alive


@in_virtual_time
async def test_a_source_that_never_answers_is_given_up_before_it_looks_stuck() -> None:
    pod = Pod(3600, takes=DAY)
    async with pod.running():
        for _ in range(720):
            await asyncio.sleep(5)
            assert status(pod).alive


@in_virtual_time
async def test_every_answer_is_json_and_holds_no_secret(canary: Canary) -> None:
    pod = Pod(3600, REFUSED)
    async with pod.running():
        for _ in range(5):
            canary.saw(json.dumps(readiness(pod)))
            await asyncio.sleep(900)
