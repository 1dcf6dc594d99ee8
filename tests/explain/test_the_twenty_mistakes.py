"""Each mistake that people make with IRSA is recognised by name, with AWS's answer and what to do."""

import pytest

from sidecar.core.findings import Level
from sidecar.explain import Explanation, explain
from sidecar.sts.answer import refusal_in
from tests.doubles import EPOCH
from tests.explain.asking import AUDIENCE, CLUSTER, NOW, equals, explained, policy, statement, token
from tests.explain.mistakes import MISTAKES, THE_TWENTY, Mistake, filled
from tests.recorded import REFUSALS

ISSUER = f"https://{CLUSTER}"
INVALID = ("invalid-token", "InvalidIdentityToken")
VERDICTS = {"InvalidIdentityToken": "invalid-token", "ExpiredTokenException": "invalid-token"}
RECORDED = {"thumbprint": "thumbprint", "denied-elsewhere": "not_authorized", "region-disabled": "region_disabled"}
"""What STS was seen to say where the lab has a fault."""


def explanation_of(mistake: Mistake) -> Explanation:
    return explain(mistake.question(ISSUER, token(**mistake.claims), NOW, message_of(mistake.fault)))


def message_of(fault: str) -> str:
    if not fault:
        return ""
    refusal = refusal_in(next(case for case in REFUSALS if case.name == RECORDED[fault]).answer)
    assert refusal is not None
    return refusal.message


@pytest.mark.parametrize("mistake", MISTAKES, ids=str)
def test_a_mistake_is_named_with_aws_code_cause_and_fix(mistake: Mistake) -> None:
    told = explanation_of(mistake)
    found = [finding for finding in told.findings if finding.code == mistake.code]

    aws_code = mistake.aws[1]
    assert (told.verdict.value, told.aws_code) == (VERDICTS.get(aws_code, "deny"), aws_code)
    assert found, [finding.code for finding in told.findings]
    text = " ".join(f"{finding.message} {finding.fix}" for finding in found)
    assert [word for word in filled(mistake.words, ISSUER) if word not in text] == []
    assert all(finding.fix for finding in found)


@pytest.mark.parametrize("mistake", MISTAKES, ids=str)
def test_what_the_lint_and_the_token_both_show_is_told_once(mistake: Mistake) -> None:
    told = [(finding.code, finding.where) for finding in explanation_of(mistake).findings if finding.where]

    assert len(told) == len(set(told))


def test_all_twenty_are_there() -> None:
    assert sorted({mistake.name[:2] for mistake in THE_TWENTY}) == [f"{number:02}" for number in range(1, 21)]


def test_what_is_right_is_allowed_and_says_which_statement_lets_it_in() -> None:
    told = explained()

    assert (told.verdict.value, told.aws_code) == ("allow", "")
    assert [found.code for found in told.findings if found.level is not Level.INFO] == []
    assert "allowed-by" in [found.code for found in told.findings]


@pytest.mark.parametrize(
    ("claims", "now", "code", "answer"),
    [
        ({}, EPOCH + 86_400, "token-expired", ("invalid-token", "ExpiredTokenException")),
        ({"exp": EPOCH + 400_000}, EPOCH + 90_000, "token-too-old", ("invalid-token", "ExpiredTokenException")),
        ({}, EPOCH - 1, "token-not-yet-valid", INVALID),
        ({"aud": [AUDIENCE, "vault"]}, EPOCH, "several-audiences", INVALID),
        ({"exp": EPOCH + 0.5}, EPOCH, "time-not-whole", INVALID),
        ({"sub": None}, EPOCH, "claim-missing", INVALID),
    ],
)
def test_tokens_that_sts_refuses_for_themselves(
    claims: dict[str, object], now: float, code: str, answer: tuple[str, str]
) -> None:
    told = explained(token=token(**claims), now=now)

    assert (told.verdict.value, told.aws_code) == answer
    assert code in [finding.code for finding in told.findings]


def test_the_first_refusal_in_stss_order_is_the_answer_and_the_others_are_told_too() -> None:
    wrong = policy(statement(Condition=equals("system:serviceaccount:payment:api")))

    told = explained(now=EPOCH + 90_000, policy=wrong)

    assert told.aws_code == "ExpiredTokenException"
    assert {"token-expired", "subject-differs"} <= {finding.code for finding in told.findings}
