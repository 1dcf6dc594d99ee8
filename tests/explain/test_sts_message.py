"""What STS said, pasted into `explain`, means there what it means to the serving process."""

import pytest

from sidecar.core.claims import unverified_claims
from sidecar.sts.answer import refusal_in
from sidecar.sts.refusal import failure_of
from sidecar.sts.wordings import wording_in
from tests.explain.asking import NOW, ROLE, explained, token
from tests.recorded import REFUSALS, Recorded


def message(case: Recorded) -> str:
    refusal = refusal_in(case.answer)
    assert refusal is not None
    return refusal.message


KNOWN_BY_TEXT = [case for case in REFUSALS if wording_in(message(case))]


def test_only_these_are_not_known_by_their_text_alone() -> None:
    assert {case.name for case in REFUSALS if case not in KNOWN_BY_TEXT} == {
        "unheard_of_reason",
        "unknown_code",
        "token_quoted",
        "idp_unreachable",
        "idp_rejected",
        "malformed_policy",
        "packed_policy",
        "internal_failure",
        "service_unavailable",
    }


@pytest.mark.parametrize("case", KNOWN_BY_TEXT, ids=str)
def test_a_pasted_message_has_the_code_cause_and_fix_of_the_serving_process(case: Recorded) -> None:
    served = failure_of(case.answer, claims=unverified_claims(token()), role_arn=ROLE, now=NOW)

    told = explained(sts_message=f"An error occurred ({case.aws_code}) when calling …: {message(case)}")

    assert told.aws_code == case.aws_code
    if case.aws_code != "AccessDenied":  # there a look at token and policy tells more than the text
        assert (f"From STS's message: {served.cause}", served.fix) in [(f.message, f.fix) for f in told.findings]


@pytest.mark.parametrize("action", ["AssumeRole", "TagSession", "SetSourceIdentity"])
def test_a_message_about_a_chain_is_told_from_one_about_a_token(action: str) -> None:
    """Its cause is in no token: a look at this one would send a person the wrong way."""
    caller = "arn:aws:sts::111122223333:assumed-role/base/pod"
    text = f"User: {caller} is not authorized to perform: sts:{action} on resource: arn:aws:iam::444455556666:role/x"
    told = explained(sts_message=text)
    assert told.aws_code == "AccessDenied"
    assert told.findings[0].code == "of-another-call"
    assert "explain --profile" in told.findings[0].fix
