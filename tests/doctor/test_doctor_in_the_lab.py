"""The doctor in the lab: each fault shows at the link of the chain that it breaks."""

import json

import pytest

from sidecar.core.findings import Finding, Level
from sidecar.doctor.examination import examine
from sidecar.doctor.pod import Pod, inspect_pod
from sidecar.explain import PolicyText
from tests.doctor.labs import environ
from tests.lab.worlds import ROLE, World, soon

ACCOUNT = "111122223333"
SUBJECT = "system:serviceaccount:default:app"


async def examined(world: World, policy: PolicyText | None = None, **more: str) -> list[Finding]:
    pod: Pod = await inspect_pod(environ(world, **more), app=None, now=world.clock(), trust_policy=policy)
    return [finding async for finding in examine(pod, offline=False)]


def wrong(findings: list[Finding]) -> dict[str, str]:
    return {finding.code: finding.saw for finding in findings if finding.level is Level.ERROR}


async def test_all_is_well_in_a_fresh_lab(world: World) -> None:
    findings = await examined(world)

    assert wrong(findings) == {}
    assert {"issuer-keys", "sts-connection", "exchange", "caller-identity"} <= {
        finding.code for finding in findings if finding.level is Level.PASSED
    }


@pytest.mark.parametrize(
    ("fault", "value", "check"),
    [
        ("throttle", None, "exchange"),
        ("http-500", None, "exchange"),
        ("http-503", "html", "exchange"),
        ("truncate", None, "exchange"),
        ("reset", None, "exchange"),
        ("skew", "400", "sts-clock"),
        ("region-disabled", None, "exchange"),
        ("denied-elsewhere", None, "exchange"),
        ("idp-unreachable", None, "exchange"),
        ("thumbprint", None, "exchange"),
        ("jwks-empty", None, "issuer-keys"),
        ("jwks-500", None, "issuer-keys"),
        ("discovery-member", "subject_types_supported", "issuer-discovery"),
        ("discovery-issuer", None, "issuer-discovery"),
        ("drop-old-key", None, "issuer-keys"),
        ("provider-removed", None, "exchange"),
        ("role-deleted", None, "exchange"),
        ("policy-changed", None, "exchange"),
    ],
)
async def test_each_fault_of_the_lab_shows_at_the_link_that_it_breaks(
    world: World, fault: str, value: str | None, check: str
) -> None:
    world.lab.faults.start(fault, value)
    broken = wrong(await examined(world))

    world.lab.faults.end_all()
    assert check in broken
    assert wrong(await examined(world)) == {}


@pytest.mark.parametrize(("fault", "value"), [("hang", None), ("slow", "2")])
async def test_an_sts_that_keeps_us_waiting_is_told(
    world: World, monkeypatch: pytest.MonkeyPatch, fault: str, value: str | None
) -> None:
    monkeypatch.setattr("sidecar.sts.exchange.ANSWER_WITHIN", 0.5)
    world.lab.faults.start(fault, value)

    assert wrong(await examined(world)) == {"exchange": "StsUnreachable"}


async def test_keys_that_come_later_than_sts_waits_are_told(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sidecar.doctor.issuer.ISSUER_TIMEOUT", 2)  # which the document before the keys has, too
    world.lab.faults.start("jwks-slow", "4")

    assert "issuer-keys" in wrong(await examined(world))


@pytest.mark.parametrize(("fault", "check"), [("token-expired", "token-life"), ("sign-before-publish", "issuer-keys")])
async def test_a_fault_in_the_token_itself_is_told_of_the_next_token(world: World, fault: str, check: str) -> None:
    before = world.lab.token_file.read_bytes()
    world.lab.faults.start(fault)
    await soon(lambda: world.lab.token_file.read_bytes() != before)

    assert check in wrong(await examined(world))


async def test_a_refusal_comes_with_the_cause_in_the_policy(world: World) -> None:
    host = world.lab.issuer_url.removeprefix("http://")
    document = world.policy(Condition={"StringEquals": {f"{host}:sub": "system:serviceaccount:default:ap"}})
    provider = {"url": world.lab.issuer_url, "account": ACCOUNT, "clientIds": ["sts.amazonaws.com"]}
    iam = {"providers": [provider], "roles": [{"arn": ROLE, "trustPolicy": document}]}
    world.lab.state.iam.write_text(json.dumps(iam))  # JSON is YAML

    findings = await examined(world, PolicyText(json.dumps(document)))

    told = [finding for finding in findings if finding.code == "explain"]
    assert [finding.saw for finding in told] == ["subject-differs"]
    assert f"`{SUBJECT}` ≠ `system:serviceaccount:default:ap`" in told[0].message
