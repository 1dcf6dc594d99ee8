"""What each refusal of AssumeRole means: class, retry, a name, and which of the two roles to look at."""

import pytest

from sidecar.core.errors import (
    BaseRefused,
    ChainRefused,
    ExchangeFailed,
    RequestRefused,
    Retry,
    StsThrottled,
    StsUnavailable,
)
from sidecar.sts.answer import Answer
from sidecar.sts.chain_wordings import CHAINED
from sidecar.sts.refusal import chain_failure_of
from sidecar.sts.refused_chain import RefusedChain
from sidecar.sts.wording import Wording
from sidecar.sts.wordings import KNOWN_CODES, wording_of
from tests.chains import TARGET_ARN
from tests.conftest import Canary
from tests.doubles import EPOCH, ROLE_ARN

SAME_ACCOUNT = "arn:aws:iam::111122223333:role/reports"
CALLER = "arn:aws:sts::111122223333:assumed-role/checkout/shop.checkout"
DENIED = f"User: {CALLER} is not authorized to perform: sts:{{}} on resource: {TARGET_ARN}{{}}"
VIOLATION = "1 validation error detected: Value '{}' at '{}' failed to satisfy constraint: Member must …"

Case = tuple[str, int, str, type[ExchangeFailed], str]
CASES: list[Case] = [
    ("AccessDenied", 403, DENIED.format("AssumeRole", ""), ChainRefused, "chain-denied"),
    ("AccessDenied", 403, "Not authorized to perform sts:AssumeRole", ChainRefused, "chain-denied"),
    ("AccessDenied", 403, DENIED.format("TagSession", ""), ChainRefused, "tag-session-denied"),
    ("AccessDenied", 403, DENIED.format("SetSourceIdentity", ""), ChainRefused, "source-identity-denied"),
    (
        *("AccessDenied", 403),
        DENIED.format("AssumeRole", " because no identity-based policy allows the sts:AssumeRole action"),
        *(ChainRefused, "base-policy-denies"),
    ),
    (
        *("AccessDenied", 403),
        DENIED.format("AssumeRole", " because no identity-based policy allows …").replace("AssumeRole", "TagSession"),
        *(ChainRefused, "tag-session-denied"),
    ),
    (
        *("AccessDenied", 403),
        DENIED.format("AssumeRole", " with an explicit deny in the role trust policy"),
        *(ChainRefused, "target-trust-denies"),
    ),
    (
        *("AccessDenied", 403),
        DENIED.format("AssumeRole", " because no session policy allows the sts:AssumeRole action"),
        *(ChainRefused, "session-policy-denies"),
    ),
    (
        *("AccessDenied", 403),
        DENIED.format("AssumeRole", " with an explicit deny in a service control policy"),
        *(ChainRefused, "chain-denied-elsewhere"),
    ),
    ("ExpiredToken", 403, "The security token included in the request is expired", BaseRefused, "base-expired"),
    (
        "InvalidClientTokenId",
        403,
        "The security token included in the request is invalid.",
        BaseRefused,
        "base-unknown",
    ),
    (
        *("SignatureDoesNotMatch", 403),
        "Signature expired: 20270115T080000Z is now earlier than 20270115T085500Z (20270115T090000Z - 5 min.)",
        *(BaseRefused, "signed-under-a-wrong-clock"),
    ),
    (
        *("SignatureDoesNotMatch", 403),
        "Credential should be scoped to a valid region. ",
        *(RequestRefused, "signed-for-another-region"),
    ),
    (
        *("SignatureDoesNotMatch", 403),
        "The request signature we calculated does not match the signature you provided.",
        *(BaseRefused, "signature-refused"),
    ),
    ("IncompleteSignature", 400, "Request must contain a signature", RequestRefused, "signature-lost"),
    ("MissingAuthenticationToken", 403, "Request is missing Authentication Token", RequestRefused, "signature-lost"),
    (
        *("ValidationError", 400),
        "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.",
        *(RequestRefused, "chain-too-long"),
    ),
    (
        *("ValidationError", 400),
        "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
        *(RequestRefused, "duration-too-long"),
    ),
    ("ValidationError", 400, VIOLATION.format("x", "externalId"), RequestRefused, "bad-external-id"),
    ("ValidationError", 400, VIOLATION.format("x", "sourceIdentity"), RequestRefused, "bad-source-identity"),
    ("ValidationError", 400, VIOLATION.format("x", "tags.1.member.value"), RequestRefused, "bad-tags"),
    (
        *("InvalidParameterValue", 400),
        "One of the specified transitive tag keys can't be set because it conflicts with one of the calling session.",
        *(RequestRefused, "bad-tags"),
    ),
    ("PackedPolicyTooLarge", 400, "Packed policy consumes 112%", RequestRefused, "session-policy-too-large"),
    ("MalformedPolicyDocument", 400, "Syntax errors in policy.", RequestRefused, "bad-session-policy"),
    (
        *("RegionDisabledException", 403),
        "STS is not activated in this region for account:444455556666.",
        *(RequestRefused, "region-not-activated"),
    ),
    ("ValidationError", 400, "Something new.", RequestRefused, "chain-parameter-refused"),
    ("Throttling", 400, "Rate exceeded", StsThrottled, "throttled"),
    ("InternalFailure", 500, "", StsUnavailable, "sts-unavailable"),
]
RETRIES = {
    "BaseRefused": Retry.NEW_TOKEN,
    "ChainRefused": Retry.SLOWLY,
    "RequestRefused": Retry.SLOWLY,
    "StsThrottled": Retry.SOON,
    "StsUnavailable": Retry.SOON,
}


def answer(code: str, status: int, message: str) -> Answer:
    error = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>"
    body = f'<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">{error}<RequestId>id-1</RequestId>'
    return Answer(status, f"{body}</ErrorResponse>".encode(), EPOCH)


def meaning(
    code: str, status: int, message: str, *, target: str = TARGET_ARN, external_id: bool = False, base: str = ROLE_ARN
) -> ExchangeFailed:
    return chain_failure_of(answer(code, status, message), RefusedChain(CALLER, base, target, external_id, 0), EPOCH)


@pytest.mark.parametrize("case", CASES, ids=[case[4] for case in CASES])
def test_each_refusal_has_its_name_class_and_retry(case: Case, canary: Canary) -> None:
    code, status, message, kind, name = case
    row = wording_of(code, message, CHAINED)
    assert row is not None
    assert row.code == name
    error = meaning(code, status, message)
    assert type(error) is kind
    assert error.retry is RETRIES[error.code]
    assert (error.aws_code, error.status, error.request_id) == (code, status, "id-1")
    assert not message or message not in str(error)
    assert "{" not in str(error).replace('{"AWS"', "")
    canary.saw(error)


@pytest.mark.parametrize("wording", CHAINED, ids=lambda wording: str(wording.code))
def test_no_row_hides_another(wording: Wording) -> None:
    for code in wording.aws_codes:
        assert all(wording_of(code, f"… {each.upper()} …", CHAINED) is wording for each in wording.fragments)


def test_every_code_may_become_a_label() -> None:
    assert {code for wording in CHAINED for code in wording.aws_codes} <= KNOWN_CODES


def test_a_code_that_nobody_knows_keeps_trying_and_names_the_role() -> None:
    error = meaning("SomethingNew", 400, "Never heard of.")
    assert error.retry is Retry.SLOWLY
    assert TARGET_ARN in error.cause


def test_between_accounts_a_person_is_told_to_look_at_both_roles() -> None:
    fix = meaning("AccessDenied", 403, DENIED.format("AssumeRole", "")).fix
    assert f"the trust policy of {TARGET_ARN} (account 444455556666)" in fix
    assert f"the policies of {ROLE_ARN} (account 111122223333)" in fix


def test_within_an_account_the_trust_policy_can_be_enough() -> None:
    fix = meaning("AccessDenied", 403, DENIED.format("AssumeRole", ""), target=SAME_ACCOUNT).fix
    assert "Both roles are in account 111122223333" in fix
    assert "there is enough" in fix


@pytest.mark.parametrize(("sent", "hint"), [(False, "none is sent now"), (True, "compare it with")])
def test_a_denial_says_what_it_may_have_to_do_with_the_external_id(sent: bool, hint: str) -> None:
    assert hint in meaning("AccessDenied", 403, DENIED.format("AssumeRole", ""), external_id=sent).fix


def test_where_sts_names_the_policy_only_that_role_is_to_be_looked_at() -> None:
    of_base = meaning("AccessDenied", 403, DENIED.format("AssumeRole", " because no identity-based policy allows it"))
    of_target = meaning("AccessDenied", 403, DENIED.format("AssumeRole", " because no role trust policy allows it"))
    assert "Look at the base role, not at" in of_base.fix
    assert f'"Principal": {{"AWS": "{ROLE_ARN}"}}' in of_target.fix


def test_a_base_without_a_known_role_is_called_the_base_role() -> None:
    """A container endpoint need not say which role its credentials are of."""
    error = chain_failure_of(
        answer("AccessDenied", 403, DENIED.format("AssumeRole", "")), RefusedChain("", "", TARGET_ARN, False, 0), EPOCH
    )
    assert error.cause.startswith("the base role may not assume")
    assert "account unknown" in error.fix
