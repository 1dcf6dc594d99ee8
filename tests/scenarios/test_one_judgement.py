"""`explain`, the doctor and the lab's STS are one judgement: whatever the policy and the token, they never disagree.

A hundred thousand calls are made up at random and asked of each. The lab decides with its own code over real signed
tokens.
"""

from dataclasses import replace

import pytest

from sidecar.core.claims import unverified_claims
from sidecar.core.errors import TrustRefused
from sidecar.core.findings import Level
from sidecar.core.model import Token
from sidecar.doctor.exchange import _explained
from sidecar.doctor.pod import MOUNTINFO, Pod, this_user
from sidecar.explain import Explanation, Judgement, PolicyText, Verdict, explain, judge
from sidecar.lab.aws import token_verification
from sidecar.settings.config import Config, load
from tests.doubles import web_identity
from tests.explain.asking import AUDIENCE, CLUSTER, NOW, ROLE, policy, statement
from tests.scale import cases
from tests.scenarios.made_up import GITHUB, SESSION, TOKENS, Signed, World, claims_of, code_of_the_lab, worlds
from tests.scenarios.made_up_tokens import odd_tokens

SHARDS, POLICIES = 8, cases(500, 50)
"""With 25 tokens each, 100 000 calls in all in CI."""


@pytest.fixture
def no_signatures(monkeypatch: pytest.MonkeyPatch) -> None:
    """All of these tokens are well signed: that much need not be computed a hundred thousand times."""
    monkeypatch.setattr(token_verification, "check_signature", lambda token, key: None)


def agree(judged: Judgement | Explanation, answer: str) -> bool:
    """A refusal is certain; an allow stands, unless it was said to depend on what cannot be seen."""
    return judged.aws_code == answer or (bool(judged.depends_on) and answer == "AccessDenied")


@pytest.mark.usefixtures("no_signatures")
@pytest.mark.parametrize("seed", range(SHARDS))
def test_explain_and_the_labs_sts_never_disagree(seed: int) -> None:
    for world in worlds(seed, POLICIES):
        operations = world.operations()
        for token in TOKENS:
            judged = judge(world.question(token))
            answer = code_of_the_lab(operations, world, token, "10.1.2.3")
            assert agree(judged, answer), (world, claims_of(token), judged, answer)


def test_what_explain_says_is_what_it_judges_and_every_refusal_has_its_reason() -> None:
    for world in worlds(SHARDS, 25):
        for token in TOKENS:
            asked = world.question(token)
            judged, told = judge(asked), explain(asked)
            causes = [found for found in told.findings if found.level is Level.ERROR and found.fix]

            assert (judged.verdict, judged.aws_code, judged.depends_on) == (
                told.verdict,
                told.aws_code,
                told.depends_on,
            )
            assert told.verdict is Verdict.ALLOW or causes, (world, claims_of(token))
            unseen = [found for found in told.findings if found.code == "condition-unseen"]
            assert not told.depends_on or unseen


def test_whatever_the_unseen_is_a_refusal_stays_one() -> None:
    """The lab sees an address of the network; where explain refuses, no address helps."""
    addresses = ("10.1.2.3", "203.0.113.9", "2001:db8::1")
    for world in worlds(SHARDS + 1, 60):
        operations = world.operations()
        for token in TOKENS[:4]:
            judged = judge(world.question(token))
            answers = {code_of_the_lab(operations, world, token, address) for address in addresses}
            assert judged.verdict is Verdict.ALLOW or "" not in answers, (world, claims_of(token))
            assert judged.depends_on or len(answers) == 1


@pytest.mark.usefixtures("no_signatures")
def test_explain_and_the_lab_agree_on_tokens_that_no_issuer_writes() -> None:
    world = World(policy(statement()), (CLUSTER,), (AUDIENCE, "x", "a", "1"), ROLE)
    operations = world.operations()
    for text in odd_tokens(5, 6000):
        token = Signed(text, "")
        assert judge(world.question(token)).aws_code == code_of_the_lab(operations, world, token, "10.1.2.3"), text


DOCTORS_SETTINGS = {
    "AWS_ROLE_ARN": ROLE,
    "AWS_WEB_IDENTITY_TOKEN_FILE": "/token",
    "AWS_REGION": "eu-west-1",
    "AWS_ROLE_SESSION_NAME": SESSION,
}


@pytest.mark.usefixtures("no_signatures")
def test_the_doctor_names_a_cause_wherever_the_trust_policy_refuses_and_only_there() -> None:
    config = load(DOCTORS_SETTINGS, [])
    refusal = TrustRefused("refused", fix="explain it", aws_code="AccessDenied", status=403)
    for made_up in worlds(SHARDS + 2, 25):
        world = replace(made_up, role_arn=ROLE, providers=(CLUSTER, GITHUB), client_ids=(AUDIENCE, "vault", "party"))
        operations = world.operations()
        for token in TOKENS:
            answer = code_of_the_lab(operations, world, token, "10.1.2.3")
            named = _explained(a_pod_with(world, token, config), web_identity(config), refusal)
            failed = any(found.level is Level.ERROR for found in named)
            perhaps = any(found.saw == "condition-unseen" for found in named)
            if answer in ("", "AccessDenied"):
                assert failed == (answer != "") or perhaps, (world, claims_of(token), named)


def a_pod_with(world: World, token: Signed, config: Config) -> Pod:
    return Pod(
        environ=DOCTORS_SETTINGS,
        app=None,
        now=NOW,
        user=this_user(),
        mountinfo=MOUNTINFO,
        trust_policy=PolicyText(world.policy, ROLE),
        config=config,
        complaints=(),
        token=Token(token.text, unverified_claims(token.text)),
        trouble=None,
    )
