"""The lab's strict STS and the doctor, face to face: what the one refuses, the other names, with the same code."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from sidecar.core.findings import Finding, Level
from sidecar.doctor.examination import examine
from sidecar.doctor.pod import Pod, look_around
from sidecar.explain import PolicyText, Question, explain
from sidecar.explain.question import provider
from sidecar.sts.answer import Answer, refusal_in
from tests.doctor.labs import environ
from tests.explain.asking import causes
from tests.lab.worlds import ROLE, World, soon, web_identity

ACCOUNT, OTHER_ACCOUNT = "111122223333", "999999999999"
SUBJECT = "system:serviceaccount:default:app"


async def examined(world: World, policy: PolicyText | None = None, **more: str) -> list[Finding]:
    pod: Pod = await look_around(environ(world, **more), app=None, now=world.clock(), trust_policy=policy)
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
    monkeypatch.setattr("sidecar.doctor.issuer.ISSUER_TIMEOUT", 0.2)
    world.lab.faults.start("jwks-slow", "1")

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
    write(world, roles=[{"arn": ROLE, "trustPolicy": document}])

    findings = await examined(world, PolicyText(json.dumps(document)))

    told = [finding for finding in findings if finding.code == "explain"]
    assert [finding.saw for finding in told] == ["subject-differs"]
    assert f"`{SUBJECT}` ≠ `system:serviceaccount:default:ap`" in told[0].message


# --- the lab refuses as explain says that it would --------------------------------------------------------------


@dataclass(frozen=True)
class Mistake:
    """`code` is explain's name; the rest is what is done wrong. `HOST` stands for the issuer's name."""

    name: str
    code: str
    statement: Mapping[str, Any] = field(default_factory=dict)
    provider: Mapping[str, Any] = field(default_factory=dict)
    claims: Mapping[str, Any] = field(default_factory=dict)
    role_arn: str = ROLE
    fault: str = ""


def equals(key: str, value: str) -> dict[str, Any]:
    return {"Condition": {"StringEquals": {key: value}}}


def federated(arn: str) -> dict[str, Any]:
    return {"Principal": {"Federated": arn}}


MISTAKES = (
    Mistake("01 subject", "subject-differs", equals("HOST:sub", "system:serviceaccount:default:ap")),
    Mistake("02 wildcard", "wildcard-under-equals", equals("HOST:sub", "system:serviceaccount:default:*")),
    Mistake("03 aud for sub", "subject-under-aud", equals("HOST:aud", SUBJECT)),
    Mistake("04 audience", "audience-differs", equals("HOST:aud", "sts.amazonaws.com.cn")),
    Mistake("05 client id", "client-id-missing", provider={"clientIds": ["sigstore"]}),
    Mistake("06 scheme in key", "scheme-in-condition-key", equals("https://HOST:sub", SUBJECT)),
    Mistake(
        "07 scheme in ARN", "scheme-in-provider-arn", federated(f"arn:aws:iam::{ACCOUNT}:oidc-provider/https://HOST")
    ),
    Mistake("08 old cluster", "other-issuer", equals("oidc.eks.eu-west-1.amazonaws.com/id/0000:sub", SUBJECT)),
    Mistake("09 account", "role-in-other-account", role_arn=ROLE.replace(ACCOUNT, OTHER_ACCOUNT)),
    Mistake("10 no role's ARN", "not-a-role-arn", role_arn=f"arn:aws:iam::{ACCOUNT}:instance-profile/demo"),
    Mistake("11 partition", "partition-differs", role_arn=ROLE.replace("arn:aws:", "arn:aws-cn:")),
    Mistake("12 principal", "principal-not-federated", {"Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}}),
    Mistake("13 action", "action-not-web-identity", {"Action": "sts:AssumeRole"}),
    Mistake("14 no provider", "no-provider", provider={"url": "https://elsewhere.example"}),
    Mistake("15 API token", "api-token", claims={"aud": ["https://kubernetes.default.svc"]}),
    Mistake(
        "15 Secret's token",
        "legacy-secret-token",
        claims={"aud": None, "exp": None, "iss": "kubernetes/serviceaccount"},
    ),
    Mistake("16 thumbprint", "stale-thumbprint", fault="thumbprint"),
    Mistake("17 deny", "explicit-deny", {"Effect": "Deny"}),
    Mistake("17 out of sight", "denied-out-of-sight", fault="denied-elsewhere"),
    Mistake("18 slash", "trailing-slash", provider={"url": "ISSUER/"}),
    Mistake("18 slash in key", "trailing-slash", equals("HOST/:sub", SUBJECT)),
    Mistake("19 custom claim", "claim-is-no-key", equals("HOST:kubernetes.io/namespace", "default")),
    Mistake("20 region", "region-not-activated", fault="region-disabled"),
    Mistake("expired", "token-expired", claims={"exp": 1_700_003_600, "iat": 1_700_000_000, "nbf": 1_700_000_000}),
    Mistake("audiences", "several-audiences", claims={"aud": ["sts.amazonaws.com", "vault"]}),
    Mistake("nothing wrong", ""),
)


def write(world: World, *, roles: list[dict[str, Any]], **changed: Any) -> dict[str, Any]:
    """IAM as it shall be from now on; gives the provider."""
    found = {"url": world.lab.issuer_url, "account": ACCOUNT, "clientIds": ["sts.amazonaws.com"]} | changed
    world.lab.state.iam.write_text(json.dumps({"providers": [found], "roles": roles}))  # JSON is YAML
    return found


def spelt(thing: Any, world: World) -> Any:
    """The thing with HOST and ISSUER replaced."""
    host = world.lab.issuer_url.removeprefix("http://")
    return json.loads(json.dumps(thing).replace("HOST", host).replace("ISSUER", world.lab.issuer_url))


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name)
async def test_explain_names_what_the_lab_refuses_with_the_same_code(world: World, mistake: Mistake) -> None:
    document = world.policy(**spelt(mistake.statement, world))
    found = write(world, roles=[{"arn": ROLE, "trustPolicy": document}], **spelt(mistake.provider, world))
    if mistake.fault:
        world.lab.faults.start(mistake.fault)
    token = world.token(**mistake.claims)

    reply = await web_identity(world, token, RoleArn=mistake.role_arn)

    refusal = refusal_in(Answer(reply.status, reply.body.encode())) if reply.status != 200 else None
    prefix = found["url"].removeprefix("http://").removeprefix("https://")
    told = explain(
        Question(
            token=token,
            policy=json.dumps(document),
            now=world.clock(),
            role_arn=mistake.role_arn,
            providers=(provider(f"arn:aws:iam::{ACCOUNT}:oidc-provider/{prefix}"),),
            client_ids=tuple(found["clientIds"]),
            sts_message=refusal.message if refusal and mistake.fault else "",
        )
    )
    assert told.aws_code == (refusal.code if refusal else "")
    assert mistake.code in (causes(told) or [""])


async def test_a_fixed_policy_is_let_in_by_the_lab(world: World) -> None:
    from sidecar.explain import narrowed

    for mistake in MISTAKES:
        if not mistake.statement:
            continue
        document = world.policy(**spelt(mistake.statement, world))
        token = world.token()
        fixed = narrowed(Question(token=token, policy=json.dumps(document), now=world.clock(), role_arn=ROLE))
        write(world, roles=[{"arn": ROLE, "trustPolicy": fixed}])
        reply = await web_identity(world, token)
        assert (mistake.name, reply.status) == (mistake.name, 200)
