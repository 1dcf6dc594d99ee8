"""The doctor of a sidecar whose source is EKS Pod Identity: each thing that is wrong shows at its own check."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sidecar.core.findings import Finding, Level
from sidecar.doctor import container_endpoint
from sidecar.doctor.examination import examine
from sidecar.doctor.pod import inspect_pod
from tests.lab.worlds import FREE, World, a_lab

AGENT = "http://169.254.170.23/v1/credentials"


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with a_lab(tmp_path, agent=FREE) as found:
        yield found


def token_file(world: World, account: str = "old-app") -> Path:
    return world.lab.state.volume("default", account) / "token"


async def examined(world: World, file: Path | None = None, url: str = "") -> dict[str, Finding]:
    environ = {
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": url or world.lab.agent_url,
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(file or token_file(world)),
        "SIDECAR_LISTEN": "127.0.0.1:1",
        "SIDECAR_ADMIN_LISTEN": "127.0.0.1:2",
    }
    pod = await inspect_pod(environ, app=None, now=world.clock())
    return {finding.code: finding async for finding in examine(pod, offline=False)}


def wrong(findings: dict[str, Finding]) -> dict[str, str]:
    return {code: finding.message for code, finding in findings.items() if finding.level is Level.ERROR}


async def test_all_is_well_with_an_association(world: World) -> None:
    findings = await examined(world)
    assert wrong(findings) == {}
    assert findings["endpoint"].level is Level.PASSED
    assert "account 111122223333, 216" in findings["endpoint"].saw
    assert not {"exchange", "sts-name", "issuer-keys"} & findings.keys(), "no STS is asked, and EKS checks the token"
    assert "full-uri" not in str(findings.keys()), "the variable is the sidecar's own, not a program's"


async def test_a_missing_association_is_named_with_the_command(world: World) -> None:
    world.lab.state.associations.write_text("associations: []\n")
    finding = (await examined(world))["endpoint"]
    assert "no Pod Identity association for the service account default/old-app" in finding.message
    assert "create-pod-identity-association" in finding.fix


async def test_a_role_that_does_not_trust_eks_is_named(world: World) -> None:
    world.lab.faults.start("role-deleted")
    finding = (await examined(world))["endpoint"]
    assert "sts:TagSession" in finding.fix


async def test_an_agent_that_is_not_there_is_named(world: World) -> None:
    finding = (await examined(world, url="http://127.0.0.1:9/v1/credentials"))["endpoint"]
    assert finding.level is Level.ERROR
    assert "cannot be reached" in finding.message


async def test_a_missing_token_file_is_named(world: World, tmp_path: Path) -> None:
    findings = await examined(world, tmp_path / "missing")
    assert "recreate the pod" in findings["token-file"].fix
    assert "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE" in findings["token-file"].fix
    assert findings["endpoint"].level is Level.ERROR


async def test_the_audience_of_another_service_is_named(world: World) -> None:
    environ = {
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": AGENT,
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(token_file(world, "app")),
    }
    pod = await inspect_pod(environ, app=None, now=world.clock())
    finding = container_endpoint.audience(pod)
    assert finding is not None
    assert (finding.level, finding.saw) == (Level.ERROR, "sts.amazonaws.com")
    good = await inspect_pod(
        environ | {"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(token_file(world))}, app=None, now=world.clock()
    )
    passed = container_endpoint.audience(good)
    assert passed is not None
    assert passed.level is Level.PASSED


async def test_without_a_file_the_endpoint_is_asked_all_the_same(world: World) -> None:
    pod = await inspect_pod({"AWS_CONTAINER_CREDENTIALS_FULL_URI": world.lab.agent_url}, app=None, now=world.clock())
    assert container_endpoint.token_file(pod).level is Level.SKIPPED
    finding = await container_endpoint.answer(pod)
    assert finding is not None
    assert "requires an authorization token" in finding.message


async def test_a_chain_on_such_an_endpoint_is_not_taken_for_an_application(world: World, tmp_path: Path) -> None:
    file = tmp_path / "config"
    file.write_text(
        "[profile reports]\nrole_arn = arn:aws:iam::999988887777:role/reports\n"
        "credential_source = EcsContainer\nregion = us-east-1\n"
    )
    environ = {
        "AWS_CONFIG_FILE": str(file),
        "SIDECAR_DEFAULT_PROFILE": "reports",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": world.lab.agent_url,
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(token_file(world)),
    }
    pod = await inspect_pod(environ, app=None, now=world.clock())
    findings = {finding.code: finding async for finding in examine(pod, offline=True)}
    assert [code for code in findings if code.startswith("app-")] == ["app-environment"], "there is none to look at"
    assert "stands on another role" in findings["token-file"].message
