"""AssumeRole in the lab: both sides' policies count, tags and source identity go on, and it says what AWS says."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sidecar.lab.aws.iam import default_text
from sidecar.lab.aws.iam_yaml import parse_iam
from sidecar.lab.faults import OF_CHAINS
from sidecar.lab.yaml_file import BadFile
from tests.lab.worlds import World, a_lab, as_json

BASE = "arn:aws:iam::111122223333:role/demo"
NEXT = "arn:aws:iam::111122223333:role/next"
ABROAD = "arn:aws:iam::444455556666:role/partner"
ALL = ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]
TAGS = [{"Key": "team", "Value": "a"}]
CALLER = "User: arn:aws:sts::111122223333:assumed-role/demo/s1 is not authorized to perform:"


def document(statement: dict[str, Any]) -> str:
    return as_json({"Version": "2012-10-17", "Statement": statement})


def add_role(world: World, arn: str = NEXT, base: str = BASE, policies: tuple[str, ...] = (), **changes: Any) -> None:
    """A role that trusts `base`; `changes` are to its only statement, `policies` what it may do itself."""
    trusting = {"Effect": "Allow", "Principal": {"AWS": base}, "Action": "sts:AssumeRole"} | changes
    path = world.lab.state.iam
    role = {"arn": arn, "maxSessionDuration": "7200", "trustPolicy": document(trusting), "policies": list(policies)}
    path.write_text(f"{path.read_text()}\n  - {as_json(role)}\n")


def may(target: str, action: Any = "sts:AssumeRole", effect: str = "Allow") -> str:
    return document({"Effect": effect, "Action": action, "Resource": target})


def let_base(world: World, *policies: str) -> None:
    """Attach policies to the demo role."""
    path = world.lab.state.iam
    listed = as_json(list(policies))
    path.write_text(path.read_text().replace("maxSessionDuration: 3600", f"policies: {listed}", 1))


async def held(world: World, **asked: Any) -> dict[str, Any]:
    """The demo role's credentials."""
    found: dict[str, Any] = (await world.exchange(**asked))["Credentials"]
    return found


async def assume(world: World, base: dict[str, Any], arn: str = NEXT, **parameters: Any) -> dict[str, Any]:
    asked = {"RoleArn": arn, "RoleSessionName": "s2"} | parameters
    found: dict[str, Any] = await asyncio.to_thread(world.client(base).assume_role, **asked)
    return found


async def refused(world: World, base: dict[str, Any], arn: str = NEXT, **parameters: Any) -> str:
    with pytest.raises(ClientError) as caught:
        await assume(world, base, arn, **parameters)
    error = caught.value.response["Error"]
    return f"{error['Code']}: {error['Message']}"


async def test_a_role_assumes_the_next(tmp_path: Path) -> None:
    async with a_lab(tmp_path) as world:
        add_role(world)
        answer = await assume(world, await held(world))
        assert (await world.identity(answer["Credentials"]))["Arn"].endswith(":assumed-role/next/s2")


async def test_a_chained_session_lives_for_an_hour_at_most(tmp_path: Path) -> None:
    async with a_lab(tmp_path) as world:
        add_role(world)
        base = await held(world)
        await assume(world, base, DurationSeconds=3600)
        words = "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining."
        assert await refused(world, base, DurationSeconds=3601) == f"ValidationError: {words}"


async def test_abroad_the_base_roles_own_policy_must_allow_it_too(tmp_path: Path) -> None:
    async with a_lab(tmp_path) as world:
        add_role(world, ABROAD)
        base = await held(world)
        assert (await refused(world, base, ABROAD)).startswith(
            f"AccessDenied: {CALLER} sts:AssumeRole on resource: {ABROAD}"
        )
        assert world.answers[-1].why == "the base role's policies: No statement allows sts:AssumeRole."
        let_base(world, may(ABROAD))
        await assume(world, base, ABROAD)


async def test_a_role_that_is_not_trusted_is_denied_by_name(tmp_path: Path) -> None:
    async with a_lab(tmp_path) as world:
        add_role(world, base="arn:aws:iam::111122223333:role/other")
        assert (await refused(world, await held(world))).startswith(f"AccessDenied: {CALLER} sts:AssumeRole on")
        assert world.answers[-1].why.startswith(
            "the target's trust policy: Statement 0 does not apply: its principal is"
        )


async def test_an_external_id_is_a_condition_key(tmp_path: Path) -> None:
    async with a_lab(tmp_path) as world:
        add_role(world, Condition={"StringEquals": {"sts:ExternalId": "42"}})
        base = await held(world)
        await assume(world, base, ExternalId="42")
        assert "AccessDenied" in await refused(world, base)
        assert "sts:ExternalId expects '42'" in world.answers[-1].why
        assert "externalId" in await refused(world, base, ExternalId="not this")


async def test_tags_and_a_source_identity_need_actions_of_their_own(tmp_path: Path) -> None:
    async with a_lab(tmp_path) as world:
        add_role(world)
        base = await held(world)
        assert f"{CALLER} sts:TagSession on" in await refused(world, base, Tags=TAGS)
        assert f"{CALLER} sts:SetSourceIdentity on" in await refused(world, base, SourceIdentity="pod")
        add_role(world, f"{NEXT}2", Action=ALL)
        answer = await assume(world, base, f"{NEXT}2", Tags=TAGS, SourceIdentity="pod")
        assert answer["SourceIdentity"] == "pod"


async def test_transitive_tags_and_the_source_identity_go_on_and_cannot_be_changed(tmp_path: Path) -> None:
    async with a_lab(tmp_path) as world:
        add_role(world, Action=ALL)
        condition = {"StringEquals": {"aws:PrincipalTag/team": "a", "sts:SourceIdentity": "pod"}}
        add_role(world, f"{NEXT}2", base=NEXT, Action=ALL, Condition=condition)
        add_role(world, f"{NEXT}3", base=NEXT)
        tagged: dict[str, Any] = {"Tags": TAGS, "TransitiveTagKeys": ["team"], "SourceIdentity": "pod"}
        first = (await assume(world, await held(world), **tagged))["Credentials"]
        answer = await assume(world, first, f"{NEXT}2")
        assert answer["SourceIdentity"] == "pod"
        assert "sts:TagSession" in await refused(world, first, f"{NEXT}3")
        words = "conflicts with a transitive tag key from the calling session."
        assert (await refused(world, first, f"{NEXT}2", Tags=[{"Key": "TEAM", "Value": "b"}])).endswith(words)
        assert "already set" in await refused(world, first, f"{NEXT}2", SourceIdentity="other")


async def test_tags_that_are_not_transitive_end_with_their_session(tmp_path: Path) -> None:
    async with a_lab(tmp_path) as world:
        add_role(world, Action=ALL)
        add_role(world, f"{NEXT}2", base=NEXT)
        add_role(world, f"{NEXT}3", base=f"{NEXT}2", Condition={"Null": {"aws:PrincipalTag/team": "true"}})
        first = (await assume(world, await held(world), Tags=TAGS))["Credentials"]
        second = (await assume(world, first, f"{NEXT}2"))["Credentials"]
        await assume(world, second, f"{NEXT}3")


async def test_a_session_policy_takes_the_next_role_away(tmp_path: Path) -> None:
    async with a_lab(tmp_path) as world:
        add_role(world)
        for policy, why in ((may("*", "s3:*"), "No statement allows"), (may("*", effect="Deny"), "Statement 0 of the")):
            base = await held(world, Policy=policy)
            assert "AccessDenied" in await refused(world, base)
            assert world.answers[-1].why.startswith(f"the base session's policy: {why}")
        await assume(world, await held(world, Policy=may(NEXT)))


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"Tags": TAGS * 2}, "InvalidParameterValue: Duplicate tag keys found"),
        ({"Tags": TAGS, "TransitiveTagKeys": ["x"]}, "InvalidParameterValue: The specified transitive tag key must be"),
        ({"Tags": [{"Key": "a", "Value": "<"}]}, "Value '<' at 'tags.1.member.value' failed to satisfy constraint"),
        ({"Tags": [{"Key": "k" * 129, "Value": ""}]}, "at 'tags.1.member.key'"),
        ({"Tags": [{"Key": str(n), "Value": ""} for n in range(51)]}, "at 'tags' failed to satisfy constraint"),
        ({"SourceIdentity": "a b"}, "at 'sourceIdentity' failed to satisfy constraint"),
        ({"SerialNumber": "123456789"}, "does not support SerialNumber"),
        ({"Policy": '{"Statement":{"Effect":"Allow"}}'}, "MalformedPolicyDocument"),
    ],
)
async def test_what_sts_does_not_take_is_refused_in_its_words(
    tmp_path: Path, asked: dict[str, Any], words: str
) -> None:
    async with a_lab(tmp_path) as world:
        add_role(world, Action=ALL)
        assert words in await refused(world, await held(world), **asked)


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("base-expired", "ExpiredToken: The security token included in the request is expired"),
        ("chain-denied", f"AccessDenied: {CALLER} sts:AssumeRole on resource: {NEXT}"),
        ("denied-elsewhere", "with an explicit deny in a resource control policy"),
        ("throttle", "Throttling: Rate exceeded"),
    ],
)
async def test_a_fault_of_chains_leaves_the_base_role_alone(tmp_path: Path, fault: str, words: str) -> None:
    async with a_lab(tmp_path) as world:
        add_role(world)
        base = await held(world)
        world.lab.faults.start(fault)
        assert words in await refused(world, base)
        if fault in OF_CHAINS:
            await held(world)
        world.lab.faults.end(fault)
        await assume(world, base)


@pytest.mark.parametrize(
    ("policies", "complaint"),
    [
        ('["{}"]', "Statement is missing"),
        ('"{}"', "policies is a list of policies"),
        (
            f"[{as_json({'Statement': [{'Effect': 'Allow', 'Action': 'sts:*'}]})}]",
            "Resource is missing from statement 0",
        ),
    ],
)
def test_a_policy_that_iam_would_not_store_is_complained_of_with_its_line(policies: str, complaint: str) -> None:
    text = default_text("http://127.0.0.1:9921").replace("maxSessionDuration: 3600", f"policies: {policies}", 1)
    with pytest.raises(BadFile, match=rf"iam.yaml:\d+: {complaint}"):
        parse_iam(text)
