"""The doctor walks a chain link by link, and names the link that breaks."""

from pathlib import Path

import pytest

from sidecar.core.findings import Finding, Level
from sidecar.doctor.examination import examine
from sidecar.doctor.pod import inspect_pod
from tests.doctor.labs import environ
from tests.lab.test_chains import ABROAD, ALL, BASE, add_role, let_base, may
from tests.lab.worlds import FREE, World, a_lab

AUDIT = "arn:aws:iam::444455556666:role/audit"
CONFIG = f"""
[profile partner]
role_arn = {ABROAD}
source_profile = default
external_id = 42
sidecar_tags = namespace={{namespace}}

[profile audit]
role_arn = {AUDIT}
source_profile = partner

[profile other]
role_arn = {BASE}
"""


def sound(world: World) -> None:
    """Both links as their owners wanted them."""
    let_base(world, may(ABROAD, ALL))
    condition = {"StringEquals": {"sts:ExternalId": "42"}}
    add_role(world, ABROAD, policies=(may(AUDIT),), Action=ALL, Condition=condition)
    add_role(world, AUDIT, base=ABROAD)


async def examined(world: World, tmp_path: Path, **more: str) -> list[Finding]:
    config = tmp_path / "config"
    config.write_text(CONFIG)
    variables = {"AWS_CONFIG_FILE": str(config), "SIDECAR_PROFILES": "partner,audit,other"} | more
    pod = await inspect_pod(environ(world, **variables), app=None, now=world.clock())
    found = [finding async for finding in examine(pod, offline=False)]
    return [finding for finding in found if finding.code in {"chain", "role", "exchange"}]


def shown(findings: list[Finding]) -> list[tuple[str, Level, str]]:
    return [(finding.code, finding.level, finding.saw.partition(":")[0]) for finding in findings]


async def test_each_link_is_told_with_the_session_that_it_gave(tmp_path: Path) -> None:
    async with a_lab(tmp_path) as world:
        sound(world)
        found = await examined(world, tmp_path)
        assert shown(found)[1:] == [
            ("chain", Level.PASSED, "partner"),
            ("chain", Level.PASSED, "audit"),
            ("role", Level.PASSED, "other"),
        ]
        assert found[1].saw.startswith(
            "partner: default → arn:aws:sts::444455556666:assumed-role/partner/default.app-0"
        )
        assert "partner → arn:aws:sts::444455556666:assumed-role/audit/" in found[2].saw


async def test_the_link_that_breaks_is_named_and_what_stands_on_it_is_not_asked(tmp_path: Path) -> None:
    async with a_lab(tmp_path) as world:
        add_role(world, ABROAD)
        found = await examined(world, tmp_path)
        assert shown(found)[1:] == [
            ("chain", Level.ERROR, "partner"),
            ("chain", Level.SKIPPED, "audit"),
            ("role", Level.PASSED, "other"),
        ]
        assert (
            "403 AccessDenied, “User: arn:aws:sts::111122223333:assumed-role/demo/default.app-0 is not" in found[1].saw
        )
        assert f"look at the trust policy of {ABROAD} (account 444455556666)" in found[1].fix
        assert "irsa-sidecar explain --profile partner" in found[1].fix


async def test_a_default_role_that_is_itself_a_chain_is_walked_too(tmp_path: Path) -> None:
    async with a_lab(tmp_path) as world:
        sound(world)
        found = await examined(world, tmp_path, SIDECAR_DEFAULT_PROFILE="audit", SIDECAR_PROFILES="")
        assert ("chain", Level.PASSED, "audit") in shown(found)
        assert all(finding.level is Level.PASSED for finding in found)


@pytest.mark.parametrize("fault", ["throttle", "region-disabled"])
async def test_without_a_default_role_no_link_is_asked_for(tmp_path: Path, fault: str) -> None:
    async with a_lab(tmp_path) as world:
        sound(world)
        world.lab.faults.start(fault)
        found = await examined(world, tmp_path)
        assert shown(found)[1:3] == [("chain", Level.SKIPPED, "partner"), ("chain", Level.SKIPPED, "audit")]


ON_POD_IDENTITY = f"""
[profile partner]
role_arn = {ABROAD}
credential_source = EcsContainer
region = us-east-1
"""


async def test_a_chain_on_pod_identity_passes_its_tags_on_which_the_target_must_allow(tmp_path: Path) -> None:
    """EKS makes all its tags transitive, so each role behind it needs sts:TagSession though no profile names a tag."""
    base = "arn:aws:iam::111122223333:role/pod-identity"
    condition = {"StringEquals": {"aws:PrincipalTag/kubernetes-service-account": "old-app"}}
    config = tmp_path / "config"
    config.write_text(ON_POD_IDENTITY)
    async with a_lab(tmp_path, agent=FREE) as world:
        add_role(world, ABROAD, base=base, Action="sts:AssumeRole")
        path, policy = world.lab.state.iam, may(f"{ABROAD}*", ALL)
        path.write_text(path.read_text().replace(f"- arn: {base}", f"- arn: {base}\n    policies: [{policy}]"))
        environ = {
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": world.lab.agent_url,
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(world.lab.state.volume("default", "old-app") / "token"),
            "AWS_ENDPOINT_URL_STS": world.lab.sts_url,
            "AWS_CONFIG_FILE": str(config),
            "SIDECAR_PROFILES": "partner",
            "SIDECAR_LISTEN": "127.0.0.1:1",
            "SIDECAR_ADMIN_LISTEN": "127.0.0.1:2",
        }

        async def chain() -> Finding:
            pod = await inspect_pod(environ, app=None, now=world.clock())
            found = [finding async for finding in examine(pod, offline=False)]
            return next(finding for finding in found if finding.code == "chain")

        refused = await chain()
        assert refused.level is Level.ERROR
        assert "sts:TagSession is not allowed" in refused.message
        add_role(world, f"{ABROAD}2", base=base, Action=ALL, Condition=condition)
        config.write_text(ON_POD_IDENTITY.replace(ABROAD, f"{ABROAD}2"))
        allowed = await chain()
        assert allowed.level is Level.PASSED, allowed


async def test_a_default_profile_whose_token_is_missing_is_told_to_change_its_own_key(tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text(f"[profile own]\nrole_arn = {BASE}\nweb_identity_token_file = {tmp_path}/missing\n")
    variables = {"AWS_CONFIG_FILE": str(config), "SIDECAR_DEFAULT_PROFILE": "own", "AWS_REGION": "eu-west-1"}
    pod = await inspect_pod(variables, app=None, now=0)
    assert pod.trouble is not None
    assert "point web_identity_token_file at the file" in pod.trouble.fix
