"""The lab's EKS Pod Identity agent: botocore takes its credentials, and it refuses as the real one does."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from botocore.utils import ContainerMetadataFetcher

from sidecar.lab.aws.agent import Allowance
from sidecar.lab.aws.associations import parse_associations
from sidecar.lab.yaml_file import BadFile
from tests.lab.worlds import FREE, World, a_lab

POD = {"aud": ["pods.eks.amazonaws.com"], "sub": "system:serviceaccount:default:old-app"}
ROLE = "arn:aws:iam::111122223333:role/pod-identity"


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with a_lab(tmp_path, agent=FREE) as found:
        yield found


async def asked(world: World, token: str | None = None, **headers: str) -> tuple[int, str]:
    sent = {"Authorization": world.token(**POD) if token is None else token} | headers
    async with aiohttp.ClientSession() as http, http.get(world.lab.agent_url, headers=sent) as answer:
        return answer.status, await answer.text()


async def test_botocore_takes_the_credentials_and_they_are_the_associated_roles(world: World) -> None:
    fetcher = ContainerMetadataFetcher()
    headers = {"Authorization": world.token(**POD)}
    found = await asyncio.to_thread(fetcher.retrieve_full_uri, world.lab.agent_url, headers)
    assert found.keys() == {"AccessKeyId", "SecretAccessKey", "Token", "AccountId", "Expiration"}
    keys = {"AccessKeyId": found["AccessKeyId"], "SecretAccessKey": found["SecretAccessKey"]}
    who = await world.identity(keys | {"SessionToken": found["Token"]})
    assert who["Arn"] == "arn:aws:sts::111122223333:assumed-role/pod-identity/eks-lab-app-0"
    left = datetime.fromisoformat(found["Expiration"]) - datetime.now(UTC)
    assert 5.9 < left.total_seconds() / 3600 <= 6


async def test_the_lab_projects_a_token_for_it(world: World) -> None:
    token = (world.lab.state.volume("default", "old-app") / "token").read_text()
    assert (await asked(world, token))[0] == 200


async def test_a_session_is_given_again_until_half_of_it_is_left(tmp_path: Path) -> None:
    times = Times()
    async with a_lab(tmp_path, clock=times.now, agent=FREE) as world:
        token = world.token(**POD, exp=int(times.at) + 86_400)
        first = json.loads((await asked(world, token))[1])
        times.at += 2.9 * 3600
        assert json.loads((await asked(world, token))[1]) == first
        times.at += 0.2 * 3600
        assert json.loads((await asked(world, token))[1])["AccessKeyId"] != first["AccessKeyId"]


class Times:
    at = 1_800_000_000.0

    def now(self) -> float:
        return self.at


def policy(**changes: Any) -> dict[str, Any]:
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "pods.eks.amazonaws.com"},
        "Action": ["sts:AssumeRole", "sts:TagSession"],
    }
    return {"Version": "2012-10-17", "Statement": statement | changes}


def trusts(world: World, document: dict[str, Any]) -> None:
    providers = [
        {"url": world.lab.issuer_url, "account": "111122223333", "clientIds": ["sts.amazonaws.com"]},
    ]
    world.lab.state.iam.write_text(
        json.dumps({"providers": providers, "roles": [{"arn": ROLE, "trustPolicy": document}]})
    )


async def test_a_condition_on_the_pods_namespace_is_met(world: World) -> None:
    trusts(world, policy(Condition={"StringEquals": {"aws:RequestTag/kubernetes-namespace": "default"}}))
    assert (await asked(world))[0] == 200


Spoil = Callable[[World], str]
REFUSALS: dict[str, tuple[Spoil, int, str]] = {
    "no token": (lambda _: "", 400, "Service account token"),
    "no JWT": (lambda _: "token", 400, "Service account token"),
    "an expired token": (lambda world: world.token(**POD, exp=1), 400, "Service account token"),
    "another audience": (lambda world: world.token(sub=POD["sub"]), 400, "(InvalidTokenException)"),
    "another signer": (lambda world: world.token(**POD)[:-8] + "AAAAAAAA", 400, "(InvalidTokenException)"),
    "no association": (
        lambda world: world.token(**POD | {"sub": "system:serviceaccount:default:app"}),
        404,
        "(ResourceNotFoundException)",
    ),
}


@pytest.mark.parametrize(("spoilt", "status", "says"), REFUSALS.values(), ids=REFUSALS.keys())
async def test_it_refuses_as_the_real_one_does(world: World, spoilt: Spoil, status: int, says: str) -> None:
    answered, text = await asked(world, spoilt(world))
    assert (answered, says in text) == (status, True), text


@pytest.mark.parametrize(
    "document",
    [
        policy(Action="sts:AssumeRole"),
        policy(Principal={"Service": "ec2.amazonaws.com"}),
        policy(Condition={"StringEquals": {"aws:RequestTag/kubernetes-namespace": "payments"}}),
    ],
    ids=["no TagSession", "another service", "another namespace"],
)
async def test_a_role_that_does_not_trust_eks_is_denied_with_the_reason_on_the_terminal(
    world: World, document: dict[str, Any]
) -> None:
    trusts(world, document)
    status, text = await asked(world)
    assert (status, "(AccessDeniedException)" in text) == (400, True)
    assert "Statement" in world.answers[-1].why


async def test_it_answers_only_to_its_own_address(world: World) -> None:
    status, text = await asked(world, Host="rebound.example")
    assert (status, "invalid address" in text) == (403, True)


async def test_faults_affect_it_too(world: World) -> None:
    world.lab.faults.start("throttle")
    assert (await asked(world))[0] == 429
    world.lab.faults.start("http-503")
    assert (await asked(world))[0] == 503


def test_it_answers_a_thousand_requests_a_second_and_five_hundred_at_once() -> None:
    allowance = Allowance()
    assert sum(allowance.take(100.0) for _ in range(2000)) == 500
    assert sum(allowance.take(100.0 + step / 4000) for step in range(1, 4001)) == 1000


ONE = "  - {namespace: default, serviceAccount: app, roleArn: arn:aws:iam::111122223333:role/x}\n"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("associations:\n  - {namespace: default}\n", "pod-identity.yaml:2: an association has exactly"),
        (f"associations:\n{ONE.replace(':role/x', ':user/x')}", "roleArn"),
        (f"associations:\n{ONE}{ONE}", "one has two"),
    ],
)
def test_a_bad_file_of_associations_names_the_line(text: str, says: str) -> None:
    with pytest.raises(BadFile, match=says):
        parse_associations(text)
