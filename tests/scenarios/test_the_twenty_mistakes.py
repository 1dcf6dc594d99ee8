"""Each mistake that people make with IRSA, rehearsed whole: the lab answers as AWS, the sidecar says what it means and
when it will try again, and `explain` names it. The numbers are those of the table in docs/explain.md."""

import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from sidecar.core.claims import unverified_claims
from sidecar.core.clock import SystemClock
from sidecar.core.errors import ExchangeFailed, RequestRefused, Retry, TokenRefused, TrustRefused
from sidecar.core.model import Token
from sidecar.explain import Question, explain
from sidecar.explain.question import provider
from sidecar.sts.exchange import StsCall, StsExchange, sts_session
from tests.lab.worlds import World, a_lab

ACCOUNT, ELSEWHERE = "111122223333", "999999999999"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/payments/api"
SUBJECT, AUDIENCE = "system:serviceaccount:payments:api", "sts.amazonaws.com"
OLD_CLUSTER = "127.0.0.1:1/id/OLD"

Json = dict[str, Any]
DENIED, INVALID = (403, "AccessDenied"), (400, "InvalidIdentityToken")


@dataclass(frozen=True)
class Scenario:
    """What is wrong; what AWS answers; what that is to the sidecar; how `explain` calls it.

    `{P}` stands for the issuer as ARNs and keys spell it, `{U}` for its URL.
    """

    name: str
    aws: tuple[int, str]
    ours: type[ExchangeFailed]
    finding: str
    statement: Json = field(default_factory=dict)
    more: tuple[Json, ...] = ()
    provider: Json = field(default_factory=dict)
    claims: Json = field(default_factory=dict)
    role_arn: str = ROLE
    fault: str = ""


def equals(subject: str = SUBJECT, audience: str = AUDIENCE, issuer: str = "{P}") -> Json:
    return {"Condition": {"StringEquals": {f"{issuer}:aud": audience, f"{issuer}:sub": subject}}}


def federated(arn: str) -> Json:
    return {"Principal": {"Federated": arn}}


def provider_arn(issuer: str, partition: str = "aws") -> str:
    return f"arn:{partition}:iam::{ACCOUNT}:oidc-provider/{issuer}"


RIGHT = {
    "Effect": "Allow",
    "Action": "sts:AssumeRoleWithWebIdentity",
    **federated(provider_arn("{P}")),
    **equals(),
}
NO_CONDITION: Json = {"Condition": {}}

SCENARIOS = (
    Scenario("01 namespace", DENIED, TrustRefused, "subject-differs", equals("system:serviceaccount:payment:api")),
    Scenario("02 wildcard", DENIED, TrustRefused, "wildcard-under-equals", equals("system:serviceaccount:payments:*")),
    Scenario(
        "03 sub under aud",
        DENIED,
        TrustRefused,
        "subject-under-aud",
        {"Condition": {"StringEquals": {"{P}:aud": SUBJECT}}},
    ),
    Scenario("04 aud in policy", DENIED, TrustRefused, "audience-differs", equals(audience="sts.amazonaws.com.cn")),
    Scenario("05 client id", INVALID, TrustRefused, "client-id-missing", provider={"clientIds": ["sigstore"]}),
    Scenario("06 https in key", DENIED, TrustRefused, "scheme-in-condition-key", equals(issuer="https://{P}")),
    Scenario("07 https in ARN", DENIED, TrustRefused, "scheme-in-provider-arn", federated(provider_arn("https://{P}"))),
    Scenario(
        "08 other cluster",
        DENIED,
        TrustRefused,
        "other-issuer",
        federated(provider_arn(OLD_CLUSTER)) | equals(issuer=OLD_CLUSTER),
    ),
    Scenario(
        "09 other account",
        INVALID,
        TrustRefused,
        "role-in-other-account",
        role_arn=ROLE.replace(ACCOUNT, ELSEWHERE),
    ),
    Scenario(
        "10 path left out", DENIED, TrustRefused, "role-path-differs", role_arn=f"arn:aws:iam::{ACCOUNT}:role/api"
    ),
    Scenario(
        "10 instance profile",
        (400, "ValidationError"),
        RequestRefused,
        "not-a-role-arn",
        role_arn=f"arn:aws:iam::{ACCOUNT}:instance-profile/api",
    ),
    Scenario(
        "11 partition", INVALID, TrustRefused, "partition-differs", role_arn=ROLE.replace("arn:aws:", "arn:aws-cn:")
    ),
    Scenario(
        "12 a service",
        DENIED,
        TrustRefused,
        "principal-not-federated",
        {"Principal": {"Service": "ec2.amazonaws.com"}, **NO_CONDITION},
    ),
    Scenario(
        "12 Pod Identity",
        DENIED,
        TrustRefused,
        "pod-identity-principal",
        {"Principal": {"Service": "pods.eks.amazonaws.com"}, **NO_CONDITION},
    ),
    Scenario("13 action", DENIED, TrustRefused, "action-not-web-identity", {"Action": "sts:AssumeRole"}),
    Scenario("14 no provider", INVALID, TrustRefused, "no-provider", provider={"url": f"http://{OLD_CLUSTER}"}),
    Scenario("15 API token", INVALID, TrustRefused, "api-token", claims={"aud": ["https://kubernetes.default.svc"]}),
    Scenario(
        "15 Secret's token",
        INVALID,
        TokenRefused,
        "legacy-secret-token",
        claims={"iss": "kubernetes/serviceaccount", "aud": None, "exp": None},
    ),
    Scenario("16 thumbprint", INVALID, TrustRefused, "stale-thumbprint", fault="thumbprint"),
    Scenario("17 Deny", DENIED, TrustRefused, "explicit-deny", more=(RIGHT | {"Effect": "Deny", "Sid": "Never"},)),
    Scenario("17 out of sight", DENIED, TrustRefused, "denied-out-of-sight", fault="denied-elsewhere"),
    Scenario("18 slash", INVALID, TrustRefused, "trailing-slash", provider={"url": "{U}/"}),
    Scenario(
        "19 custom claim",
        DENIED,
        TrustRefused,
        "claim-is-no-key",
        {"Condition": {"StringEquals": {"{P}:kubernetes.io/namespace": "payments"}}},
    ),
    Scenario(
        "20 region", (403, "RegionDisabledException"), RequestRefused, "region-not-activated", fault="region-disabled"
    ),
)


class Rehearsal:
    """One scenario in a running lab."""

    def __init__(self, scenario: Scenario, world: World) -> None:
        self.scenario = scenario
        self.world = world
        self.issuer = world.lab.issuer_url
        statements = [RIGHT | scenario.statement, *scenario.more]
        self.policy = self._filled(json.dumps({"Version": "2012-10-17", "Statement": statements}))
        provider = {"url": self.issuer, "account": ACCOUNT, "clientIds": [AUDIENCE]} | scenario.provider
        self.provider = json.loads(self._filled(json.dumps(provider)))
        self.token = world.token(**{"sub": SUBJECT} | scenario.claims)

    def _filled(self, text: str) -> str:
        return text.replace("{P}", self.issuer.removeprefix("http://")).replace("{U}", self.issuer)

    def break_the_world(self) -> None:
        role = {"arn": ROLE, "trustPolicy": json.loads(self.policy)}
        self.world.lab.state.iam.write_text(json.dumps({"providers": [self.provider], "roles": [role]}))
        if self.scenario.fault:
            self.world.lab.faults.start(self.scenario.fault)

    async def exchange(self) -> ExchangeFailed:
        call = StsCall(endpoint=self.world.lab.sts_url, role_arn=self.scenario.role_arn, duration=3600)
        async with sts_session(tls=True) as http:
            with pytest.raises(ExchangeFailed) as refused:
                await StsExchange(http, call, SystemClock())(Token(self.token, unverified_claims(self.token)))
        return refused.value

    def question(self) -> Question:
        return Question(
            token=self.token,
            policy=self.policy,
            policy_of=ROLE,
            now=time.time(),
            role_arn=self.scenario.role_arn,
            providers=(provider(f"arn:aws:iam::{ACCOUNT}:oidc-provider/{self.provider['url'].partition('//')[2]}"),),
            client_ids=tuple(self.provider["clientIds"]),
            sts_message=self.world.answers[-1].message if self.scenario.fault else "",
        )


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
async def test_a_mistake_is_refused_as_by_aws_classified_and_explained(scenario: Scenario, tmp_path: Path) -> None:
    async with a_lab(tmp_path) as world:
        rehearsal = Rehearsal(scenario, world)
        rehearsal.break_the_world()

        error = await rehearsal.exchange()
        assert (error.status, error.aws_code) == scenario.aws
        assert type(error) is scenario.ours
        assert error.retry is (Retry.NEW_TOKEN if scenario.ours is TokenRefused else Retry.SLOWLY)
        assert error.request_id == world.answers[-1].request_id
        assert error.fix

        told = explain(rehearsal.question())
        assert told.aws_code == scenario.aws[1]
        assert scenario.finding in [finding.code for finding in told.findings]


async def test_without_a_mistake_the_same_world_issues_credentials(tmp_path: Path) -> None:
    """Else the tests above could pass for a reason that has nothing to do with the mistake."""
    async with a_lab(tmp_path) as world:
        rehearsal = Rehearsal(Scenario("right", (200, ""), ExchangeFailed, ""), world)
        rehearsal.break_the_world()
        call = StsCall(endpoint=world.lab.sts_url, role_arn=ROLE, duration=3600)
        async with sts_session(tls=True) as http:
            credentials = await StsExchange(http, call, SystemClock())(
                Token(rehearsal.token, unverified_claims(rehearsal.token))
            )
        assert credentials.assumed_role_arn.startswith(f"arn:aws:sts::{ACCOUNT}:assumed-role/api/")
        assert explain(rehearsal.question()).verdict.value == "allow"


def test_all_twenty_are_rehearsed() -> None:
    assert {scenario.name[:2] for scenario in SCENARIOS} == {f"{number:02}" for number in range(1, 21)}
