"""Roles on roles, in one sidecar beside a lab that judges both sides: served without a gap, and every refusal named."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp

from sidecar.lab.events import Answered, LabEvent
from sidecar.lab.faults import OF_CHAINS
from tests.e2e.in_process import Pod, Seen, a_pod
from tests.lab.worlds import ROLE, as_json
from tests.waiting import HANGS_AFTER

PARTNER = "arn:aws:iam::444455556666:role/team/partner"
AUDIT = "arn:aws:iam::444455556666:role/audit"
ALL = ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]
EXTERNAL_ID = "partner:42"
CONFIG = f"""
[profile partner]
role_arn = {PARTNER}
source_profile = default
external_id = {EXTERNAL_ID}
duration_seconds = 3600
sidecar_tags =
  kubernetes-namespace={{namespace}}
  kubernetes-service-account={{service_account}}
  team=shop
sidecar_transitive_tags = kubernetes-namespace
sidecar_source_identity = checkout
sidecar_policy_arns = arn:aws:iam::aws:policy/ReadOnlyAccess

[profile audit]
role_arn = {AUDIT}
source_profile = partner
"""


def allow(target: str, action: Any = "sts:AssumeRole") -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": action, "Resource": target}}


def trusting(principal: str, condition: dict[str, Any], action: Any = ALL) -> dict[str, Any]:
    found = {"Effect": "Allow", "Principal": {"AWS": principal}, "Action": action, "Condition": condition}
    return {"Version": "2012-10-17", "Statement": found}


def own_statement_for(condition: dict[str, Any]) -> dict[str, Any]:
    """A trust policy with conditions on the tags: those hold for the call and for the tags, not for the identity."""
    principal = {"AWS": ROLE}
    return {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": principal, "Action": ALL[:2], "Condition": condition},
            {"Effect": "Allow", "Principal": principal, "Action": ALL[2]},
        ],
    }


GOOD = own_statement_for(
    {
        "StringEquals": {
            "sts:ExternalId": EXTERNAL_ID,
            "aws:RequestTag/kubernetes-namespace": "default",
            "aws:RequestTag/kubernetes-service-account": "app",
        },
        "ArnEquals": {"aws:PrincipalArn": ROLE},
    }
)
GOOD_AUDIT = trusting(PARTNER, {"StringEquals": {"aws:PrincipalTag/kubernetes-namespace": "default"}})


class ChainedPod:
    """The pod, and the IAM behind it as a document that can be changed."""

    def __init__(self, pod: Pod, data: aiohttp.ClientSession) -> None:
        self.pod = pod
        self._data = data
        self._first = pod.lab.state.iam.read_text()
        self.write()

    def write(
        self,
        *,
        partner: dict[str, Any] = GOOD,
        base: tuple[dict[str, Any], ...] = (allow(PARTNER, ALL),),
        audit: dict[str, Any] = GOOD_AUDIT,
    ) -> None:
        """Both accounts, sound but for what is given."""
        first = self._first.replace("maxSessionDuration: 3600", f"policies: {as_json(base)}", 1)
        roles = [
            {"arn": PARTNER, "trustPolicy": partner, "policies": [allow(AUDIT, ALL)]},
            {"arn": AUDIT, "trustPolicy": audit},
        ]
        listed = "".join(f"\n  - {json.dumps(role)}" for role in roles)
        self.pod.lab.state.iam.write_text(f"{first}{listed}\n")

    async def get(self, role: str) -> Seen:
        async with self._data.get(f"http://localhost/v1/credentials/{role}") as answer:
            return Seen(asyncio.get_running_loop().time(), answer.status, json.loads(await answer.read()))

    async def in_short(self, role: str) -> dict[str, Any]:
        """What `/readyz` says of one role: at its top stands the one that fares worst."""
        (found,) = (each for each in (await self.pod.ready())["roles"] if each["name"] == role)
        return dict(found)

    async def until(self, role: str, words: str) -> Seen:
        """What a client gets for the role, once `words` are in it."""
        async with asyncio.timeout(HANGS_AFTER):
            while words not in str((seen := await self.get(role)).document):
                await asyncio.sleep(0.02)
        return seen


@contextlib.asynccontextmanager
async def a_chain(directory: Path, events: list[LabEvent] | None = None) -> AsyncIterator[ChainedPod]:
    config = directory / "config"
    config.write_text(CONFIG)
    environ = {"AWS_CONFIG_FILE": str(config), "SIDECAR_PROFILES": "partner,audit", "AWS_REGION": "us-east-1"}
    told = [] if events is None else events
    async with a_pod(directory, environ=environ, observe=told.append) as pod:
        connector = aiohttp.UnixConnector(str(directory / "data.sock"))
        async with aiohttp.ClientSession(connector=connector) as data:
            yield ChainedPod(pod, data)


def chained_calls(events: list[LabEvent], role: str) -> list[Answered]:
    answers = (event for event in events if isinstance(event, Answered))
    return [each for each in answers if (each.action, each.role_arn) == ("AssumeRole", role)]


async def test_a_chain_on_a_chain_is_served_without_a_gap_across_refreshes(tmp_path: Path) -> None:
    """Two accounts, an ExternalId, tags from the token that go on, a source identity; the lab refuses anything less."""
    events: list[LabEvent] = []
    async with a_chain(tmp_path, events) as chain:
        await chain.until("audit", "SecretAccessKey")
        begun = len(chained_calls(events, AUDIT))
        async with asyncio.timeout(HANGS_AFTER):
            while len(chained_calls(events, AUDIT)) < begun + 5:
                for name, role in (("partner", PARTNER), ("audit", AUDIT)):
                    seen = await chain.get(name)
                    assert (seen.status, seen.document["RoleArn"]) == (200, role)
        assert {call.status for call in chained_calls(events, AUDIT)[begun:]} == {200}
        keys = [call.access_key_id for call in chained_calls(events, PARTNER) if call.status == 200]
        assert len(set(keys)) == len(keys)


WITHOUT_TAGS, WITHOUT_IDENTITY = [ALL[0], ALL[2]], ALL[:2]
REFUSALS: list[tuple[dict[str, Any], str, list[str]]] = [
    ({"base": ()}, "the base role's policies: No statement allows sts:AssumeRole", [ROLE, "account 111122223333"]),
    (
        {"partner": trusting(f"{ROLE}2", {})},
        "the target's trust policy: Statement 0",
        [PARTNER, "account 444455556666"],
    ),
    (
        {"partner": trusting(ROLE, {"StringEquals": {"sts:ExternalId": "x"}})},
        "sts:ExternalId expects 'x'",
        ["sts:ExternalId, compare it with the profile's external_id"],
    ),
    ({"partner": trusting(ROLE, {}, WITHOUT_TAGS)}, "not sts:TagSession", ["sts:TagSession is not allowed"]),
    (
        {"base": (allow(PARTNER, WITHOUT_TAGS),)},
        "No statement allows sts:TagSession",
        [f"Allow sts:TagSession beside sts:AssumeRole in the policy of {ROLE} and the trust policy of {PARTNER}"],
    ),
    ({"partner": trusting(ROLE, {}, WITHOUT_IDENTITY)}, "not sts:SetSourceIdentity", ["sidecar_source_identity"]),
]


async def test_each_refusal_says_which_role_to_look_at_and_a_mended_policy_is_enough(tmp_path: Path) -> None:
    events: list[LabEvent] = []
    async with a_chain(tmp_path, events) as chain:
        for broken, why, words in REFUSALS:
            chain.write(**broken)
            async with asyncio.timeout(HANGS_AFTER):
                while why not in "".join(call.why for call in chained_calls(events, PARTNER)[-1:]):
                    await asyncio.sleep(0.02)
            seen = await chain.until("partner", words[0])
            assert (seen.status, seen.document["code"]) == (503, "ChainRefused")
            assert all(word in seen.document["message"] for word in words)
            on_it = await chain.until("audit", words[-1])
            assert on_it.document["message"].startswith("The base role partner has no valid credentials. ")
        assert chained_calls(events, AUDIT) == []
        chain.write()
        assert (await chain.until("audit", "SecretAccessKey")).status == 200


async def test_the_faults_of_chains_are_named_and_leave_the_base_role_alone(tmp_path: Path) -> None:
    expected = {"base-expired": "BaseRefused", "chain-denied": "ChainRefused"}
    assert set(expected) == OF_CHAINS
    async with a_chain(tmp_path) as chain:
        for fault, code in expected.items():
            chain.pod.lab.faults.end_all()
            chain.pod.lab.faults.start(fault)
            assert (await chain.until("partner", code)).status == 503
            base = await chain.in_short("default")
            assert (base["state"], base["ready"], base["last_error"]) == ("healthy", True, None)
        chain.pod.lab.faults.end_all()
        assert (await chain.until("audit", "SecretAccessKey")).status == 200


async def test_no_fault_reaches_a_client_while_a_chain_holds_credentials(tmp_path: Path) -> None:
    async with a_chain(tmp_path) as chain:
        await chain.until("audit", "SecretAccessKey")
        for fault in ("base-expired", "chain-denied", "throttle", "reset", "truncate", "http-503"):
            chain.pod.lab.faults.start(fault)
            for _ in range(40):
                assert (await chain.get("audit")).status == 200
                await asyncio.sleep(0.02)
            chain.pod.lab.faults.end(fault)
