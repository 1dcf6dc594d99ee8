"""An event of CloudTrail names an access key and a session: together they lead to the pod, and to one refresh of it."""

import base64
import json
import logging
from pathlib import Path

import pytest

from sidecar.core.claims import unverified_claims
from sidecar.core.model import DEFAULT_ROLE, Token
from sidecar.core.refresh import Issued, RefreshPolicy, RoleState, step
from sidecar.lab.aws.sessions import RoleSession
from sidecar.observe.logs import LogEvents
from sidecar.sts.exchange import StsCall, StsExchange, sts_session
from sidecar.sts.tls import tls_context
from tests.doubles import VirtualClock
from tests.lab.worlds import ROLE, World, a_lab

REFRESHES = 1000
TOKENS_LAST = 25
"""Refreshes with one token: it rotates now and then, as the kubelet's does."""


async def test_each_of_a_thousand_refreshes_is_found_by_its_key(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with a_lab(tmp_path) as world:
        events = await _refreshed(world)
    issued = [vars(record) for record in caplog.records if record.getMessage() == "credentials issued"]
    found = {line["access_key_id"]: line for line in issued}
    assert len(found) == len(issued) == len(events) == REFRESHES
    for event in events:
        line = found[event.access_key_id]
        assert event.arn == line["assumed_role_arn"]
        assert event.arn.endswith(":assumed-role/demo/default.app-0")
        assert line["request_id"]


async def _refreshed(world: World) -> list[RoleSession]:
    """What the STS of the lab has on record of each session, as CloudTrail would."""
    clock, state, log, on_record = VirtualClock(), RoleState(), LogEvents(RefreshPolicy()), []
    call = StsCall(endpoint=world.lab.sts_url, role_arn=ROLE, duration=3600)
    async with sts_session(tls_context(None)) as http:
        exchange = StsExchange(http, call, clock)
        for number in range(REFRESHES):
            if number % TOKENS_LAST == 0:
                raw = world.token()
                token = Token(raw, unverified_claims(raw))
            issued = Issued(clock.now(), await exchange(token), took=0.1)
            state = step(state, issued, RefreshPolicy(), 0.5)
            log(DEFAULT_ROLE, issued, state)
            on_record.append(_on_record(issued.credentials.session_token))
    return on_record


def _on_record(session_token: str) -> RoleSession:
    """The lab's STS keeps no table: its session tokens are the record, behind a MAC of 32 bytes."""
    return RoleSession(**json.loads(base64.b64decode(session_token)[32:]))
