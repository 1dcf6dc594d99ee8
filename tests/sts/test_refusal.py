"""What each of STS's refusals means to us: class, retry, code, and words of our own."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from botocore.retries.standard import ThrottledRetryableChecker, TransientRetryableChecker

from sidecar.core.claims import NO_CLAIMS
from sidecar.core.errors import ExchangeFailed, Retry, StsThrottled, StsUnavailable, TokenRefused
from sidecar.sts.answer import Answer
from sidecar.sts.chain_wordings import CHAINED
from sidecar.sts.refusal import failure_of
from sidecar.sts.wording import Wording
from sidecar.sts.wordings import KNOWN_CODES, WORDINGS, wording_in, wording_of
from tests.conftest import Canary
from tests.doubles import EPOCH, ISSUER, ROLE_ARN, SUBJECT, a_token
from tests.recorded import REFUSALS, Recorded, recorded

CLAIMS = a_token().claims

RETRIES = {
    "IssuerUnreachable": Retry.SOON,
    "StsThrottled": Retry.SOON,
    "StsUnavailable": Retry.SOON,
    "TokenRefused": Retry.NEW_TOKEN,
    "TrustRefused": Retry.SLOWLY,
    "RequestRefused": Retry.SLOWLY,
}


NAMES = {
    *(
        "",
        "bad-session-name",
        "bad-session-policy",
        "claim-missing",
        "claim-rejected",
        "client-id-missing",
        "denied-without-reason",
    ),
    *("duration-too-long", "key-not-found", "key-not-published", "no-provider", "not-a-jwt", "not-a-role-arn"),
    *("parameter-refused", "refused-in-unknown-words", "region-not-activated", "role-unknown", "several-audiences"),
    *("stale-thumbprint", "sts-unavailable", "throttled", "token-expired", "token-refused", "token-too-old"),
    *("session-policy-too-large", "trust-policy-denies"),
}
"""Programs tell `explain`'s findings apart by these: a change belongs into the changelog."""


def meaning(answer: Answer, now: float = EPOCH) -> ExchangeFailed:
    return failure_of(answer, claims=CLAIMS, role_arn=ROLE_ARN, now=now)


@pytest.mark.parametrize("case", REFUSALS, ids=str)
def test_each_refusal_has_its_class_retry_code_and_advice(case: Recorded, canary: Canary) -> None:
    error = meaning(case.answer)
    assert type(error) is case.means
    assert error.retry is RETRIES[error.code]
    assert (error.aws_code, error.status) == (case.aws_code, case.status)
    assert error.request_id.startswith("0b5c1d2e-")
    assert case.fix in error.fix
    canary.saw(error)


@pytest.mark.parametrize("case", REFUSALS, ids=str)
def test_no_refusal_relays_the_text_of_sts(case: Recorded) -> None:
    error = meaning(case.answer)
    message = case.body.decode().partition("<Message>")[2].partition("</Message>")[0]
    assert message not in str(error)


def test_every_recorded_code_but_the_invented_one_may_become_a_label() -> None:
    assert {case.aws_code for case in REFUSALS} - KNOWN_CODES == {"SomethingNew"}


def test_the_names_of_refusals_are_those_that_programs_know() -> None:
    assert {wording.code for wording in WORDINGS} == NAMES


def test_a_refusal_of_trust_names_who_asked_for_what() -> None:
    cause = meaning(Answer(403, recorded("not_authorized"))).cause
    assert all(part in cause for part in (ROLE_ARN, ISSUER, SUBJECT, "sts.amazonaws.com"))


def test_a_missing_provider_names_the_account_in_which_sts_looked() -> None:
    assert "111122223333" in meaning(Answer(400, recorded("no_provider"))).cause


@pytest.mark.parametrize("name", ["wrong_audience", "no_provider", "thumbprint"])
def test_a_mistake_of_the_provider_comes_with_a_whole_command(name: str) -> None:
    fix = meaning(Answer(400, recorded(name))).fix
    command = fix.split("`")[1]

    assert command.startswith("aws iam ")
    assert ISSUER.removeprefix("https://") in command
    assert "<" not in command.replace("<SHA-1>", "")


@pytest.mark.parametrize("issuer", ["https://a.example/$(id)", "https://a.example/;id", "https://a b", "https://a\n"])
@pytest.mark.parametrize("name", ["wrong_audience", "no_provider", "thumbprint"])
def test_a_command_to_paste_holds_nothing_that_a_shell_would_run(name: str, issuer: str) -> None:
    claims = replace(CLAIMS, issuer=issuer, audiences=("$(id)",))
    fix = failure_of(Answer(400, recorded(name)), claims=claims, role_arn=ROLE_ARN, now=EPOCH).fix
    command = fix.split("`")[1]

    assert issuer.removeprefix("https://") not in command
    assert "$(" not in command


def test_a_token_that_says_nothing_and_a_role_that_is_no_arn_are_still_explained() -> None:
    for case in REFUSALS:
        error = failure_of(case.answer, claims=NO_CLAIMS, role_arn="checkout", now=EPOCH)
        assert type(error) is case.means


@pytest.mark.parametrize("name", ["no_verification_key", "idp_unreachable"])
def test_missing_keys_mean_a_spent_token_once_the_token_has_expired(name: str) -> None:
    assert type(meaning(Answer(400, recorded(name)), now=CLAIMS.expires_at)) is TokenRefused
    assert type(meaning(Answer(400, recorded(name)), now=CLAIMS.expires_at - 1)) is not TokenRefused


def test_missing_keys_name_the_key_that_is_sought() -> None:
    assert "key-1" in meaning(Answer(400, recorded("no_verification_key"))).fix


def test_a_token_without_a_key_id_is_said_to_have_none() -> None:
    answer = Answer(400, recorded("no_verification_key"))
    assert "(none)" in failure_of(answer, claims=NO_CLAIMS, role_arn=ROLE_ARN, now=EPOCH).fix


@pytest.mark.parametrize("code", ["ThrottlingException", "RequestLimitExceeded", "Throttling"])
def test_every_spelling_of_throttling_is_throttling(code: str) -> None:
    assert type(meaning(Answer(400, recorded("throttled").replace(b"Throttling", code.encode())))) is StsThrottled


BOTOCORES = {
    *ThrottledRetryableChecker._THROTTLED_ERROR_CODES,
    *TransientRetryableChecker._TRANSIENT_ERROR_CODES,
}


@pytest.mark.parametrize("code", sorted(BOTOCORES))
def test_what_botocore_tries_again_is_tried_again_soon_though_its_status_is_400(code: str) -> None:
    body = recorded("unknown_code").replace(b"SomethingNew", code.encode())
    assert meaning(Answer(400, body)).retry is Retry.SOON


INTERNAL = ["InternalFailure", "InternalError", "InternalServerError", "InternalServiceException", "ServerError"]
AWAY = ["ServiceUnavailable", "ServiceUnavailableException", "XMinioServerNotInitialized.ServerBusy", "RequestTimedOut"]


@pytest.mark.parametrize("code", INTERNAL + AWAY)
def test_an_internal_fault_is_tried_again_soon_though_its_status_is_400(code: str) -> None:
    error = meaning(Answer(400, recorded("unknown_code").replace(b"SomethingNew", code.encode())))
    assert (type(error), error.retry) == (StsUnavailable, Retry.SOON)


def test_a_rate_that_is_exceeded_is_known_by_its_words_under_any_code() -> None:
    body = recorded("throttled").replace(b"Throttling", b"ClientError")
    assert type(meaning(Answer(400, body))) is StsThrottled


def test_an_expired_token_is_known_by_either_spelling() -> None:
    body = recorded("token_expired").replace(b"ExpiredTokenException", b"ExpiredToken")
    assert type(meaning(Answer(400, body))) is TokenRefused


def test_an_unknown_code_with_429_is_throttling() -> None:
    assert type(meaning(Answer(429, recorded("unknown_code")))) is StsThrottled


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_an_unknown_code_with_a_server_error_passes_by_itself(status: int) -> None:
    assert type(meaning(Answer(status, recorded("unknown_code")))) is StsUnavailable


@pytest.mark.parametrize("status", [400, 403, 499])
def test_an_unknown_code_with_any_other_status_is_for_a_person(status: int) -> None:
    assert meaning(Answer(status, recorded("unknown_code"))).retry is Retry.SLOWLY


@pytest.mark.parametrize("body", [b"", b"<html><h1>Bad Gateway</h1></html>", b"upstream timed out", b"\xff\x00"])
@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (301, StsUnavailable),
        (400, StsUnavailable),
        (403, StsUnavailable),
        (429, StsThrottled),
        (500, StsUnavailable),
        (502, StsUnavailable),
        (503, StsUnavailable),
    ],
)
def test_an_answer_not_in_the_form_of_sts_keeps_trying_and_suspects_the_way(
    status: int, kind: type[ExchangeFailed], body: bytes
) -> None:
    error = meaning(Answer(status, body, None, "header-id"))
    assert type(error) is kind
    assert (error.aws_code, error.status, error.request_id) == ("", status, "header-id")
    assert "HTTPS_PROXY" in error.fix


@pytest.mark.parametrize("wording", WORDINGS, ids=lambda wording: f"{wording.code or 'denied'}")
def test_no_row_of_the_table_hides_another(wording: Wording) -> None:
    for code in wording.aws_codes:
        assert all(wording_of(code, f"… {fragment.upper()} …") is wording for fragment in wording.fragments)
    assert all(wording_in(fragment) is wording for fragment in wording.fragments)


@pytest.mark.parametrize("table", [WORDINGS, CHAINED], ids=["web identity", "chain"])
def test_a_known_code_with_a_text_that_nobody_has_reported_still_means_something(table: Sequence[Wording]) -> None:
    for code in {code for wording in table for code in wording.aws_codes}:
        assert wording_of(code, "something new", table) is not None
