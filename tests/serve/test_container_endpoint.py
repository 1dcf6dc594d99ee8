"""`serve` with another container endpoint as its source: the lab's EKS Pod Identity agent, by what EKS injects."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.lab.worlds import FREE, World, a_lab
from tests.serve.kit import Sidecar, Start

NO_ROLE = {"AWS_ROLE_ARN": "", "AWS_WEB_IDENTITY_TOKEN_FILE": "", "AWS_ENDPOINT_URL_STS": ""}


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with a_lab(tmp_path / "lab", agent=FREE) as found:
        yield found


def injected(world: World) -> dict[str, str]:
    return NO_ROLE | {
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": world.lab.agent_url,
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(world.lab.state.volume("default", "old-app") / "token"),
    }


async def served(sidecar: Sidecar) -> dict[str, str]:
    await sidecar.listening()
    await sidecar.becomes(sidecar.credentials, 200)
    _, text = await sidecar.get(sidecar.credentials)
    found: dict[str, str] = json.loads(text)
    return found


async def test_the_associated_roles_credentials_are_served(world: World, start: Start) -> None:
    sidecar = await start(**injected(world))
    found = await served(sidecar)
    assert found["AccountId"] == "111122223333"
    assert "RoleArn" not in found, "the agent does not tell it"
    who = await world.identity(
        {name: found[name] for name in ("AccessKeyId", "SecretAccessKey")} | {"SessionToken": found["Token"]}
    )
    assert who["Arn"] == "arn:aws:sts::111122223333:assumed-role/pod-identity/eks-lab-old-app-0"


async def test_page_and_probe_say_whence_they_come(world: World, start: Start) -> None:
    sidecar = await start(**injected(world))
    await served(sidecar)
    status, ready = await sidecar.readyz()
    assert (status, ready["token"]["audiences"]) == (200, ["pods.eks.amazonaws.com"])
    _, text = await sidecar.get(f"{sidecar.admin}/status.json")
    document = json.loads(text)
    origin = world.lab.agent_url.removesuffix("/v1/credentials")
    assert (document["container_endpoint"], document["sts"]) == (origin, "")
    _, page = await sidecar.get(f"{sidecar.admin}/status")
    assert origin in page
    assert "111122223333" in page


async def test_a_missing_association_is_what_the_application_is_told_until_there_is_one(
    world: World, start: Start
) -> None:
    with_one = world.lab.state.associations.read_text()
    world.lab.state.associations.write_text("associations: []\n")
    sidecar = await start(**injected(world))
    await sidecar.listening()
    assert (await sidecar.told("refresh failed"))["code"] == "AssociationMissing"
    status, text = await sidecar.get(sidecar.credentials)
    assert (status, "create-pod-identity-association" in text) == (503, True)
    world.lab.state.associations.write_text(with_one)
    next(each for each in world.lab.projections if each.account.name == "old-app").rotate()
    assert (await sidecar.told("token rotated"))["next_attempt"] == "at once"
    await sidecar.becomes(sidecar.credentials, 200)


async def test_its_own_address_as_the_source_is_refused_at_the_start(start: Start) -> None:
    own = NO_ROLE | {
        "SIDECAR_LISTEN": "127.0.0.1:9911",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://localhost:9911/v1/credentials",
    }
    sidecar = await start(**own)
    assert await sidecar.ended() == 2
    assert "it would ask itself" in "".join(sidecar.written)
