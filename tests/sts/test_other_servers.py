"""MinIO, Ceph, SeaweedFS and versitygw: what their answers come to mean. `tests/answers/<server>` has them as recorded.

`tests/other_sts` asks two of them for real.
"""

from dataclasses import dataclass

import pytest

from sidecar.core.errors import ExchangeFailed, IssuerUnreachable, RequestRefused, TokenRefused, TrustRefused
from sidecar.sts.answer import Answer, credentials_in
from sidecar.sts.refusal import failure_of
from sidecar.sts.wordings import KNOWN_CODES
from tests.doubles import EPOCH, ROLE_ARN, a_token
from tests.recorded import recorded

CLAIMS = a_token().claims


@dataclass(frozen=True)
class Refusal:
    """One refusal by one server. `fix`: a word that the advice must have."""

    server: str
    fault: str
    status: int
    means: type[ExchangeFailed]
    fix: str

    def __str__(self) -> str:
        return f"{self.server}: {self.fault}"

    def meaning(self, now: float = EPOCH) -> ExchangeFailed:
        answer = Answer(self.status, recorded(f"{self.server}/{self.fault}"))
        return failure_of(answer, claims=CLAIMS, role_arn=ROLE_ARN, now=now)


MINIO = [
    Refusal("minio", "token_expired", 400, TokenRefused, "next token"),
    Refusal("minio", "bad_signature", 400, TokenRefused, "iss"),
    Refusal("minio", "unknown_kid", 400, IssuerUnreachable, "key-1"),
    Refusal("minio", "wrong_audience", 400, TrustRefused, "MINIO_IDENTITY_OPENID_CLIENT_ID"),
    Refusal("minio", "unknown_role", 400, RequestRefused, "AWS_ROLE_ARN"),
    Refusal("minio", "duration", 400, RequestRefused, "SIDECAR_DURATION"),
]
CEPH = [
    Refusal("ceph", "denied", 403, TrustRefused, "x5c"),
    Refusal("ceph", "duration", 400, RequestRefused, "SIDECAR_DURATION"),
]
SEAWEEDFS = [
    Refusal("seaweedfs", "token_expired", 400, TokenRefused, "next token"),
    Refusal("seaweedfs", "bad_signature", 400, TokenRefused, "iss"),
    Refusal("seaweedfs", "unknown_kid", 403, IssuerUnreachable, "key-1"),
    Refusal("seaweedfs", "wrong_audience", 400, TrustRefused, "clientId"),
    Refusal("seaweedfs", "other_account", 403, TrustRefused, "oidc:sub"),
    Refusal("seaweedfs", "other_issuer", 403, TrustRefused, "provider"),
    Refusal("seaweedfs", "unknown_role", 403, RequestRefused, "AWS_ROLE_ARN"),
    Refusal("seaweedfs", "duration", 400, RequestRefused, "SIDECAR_DURATION"),
    Refusal("seaweedfs", "session_name", 400, RequestRefused, "AWS_ROLE_SESSION_NAME"),
]
VERSITYGW = [Refusal("versitygw", "token_refused", 400, TrustRefused, "thumbprint")]
REFUSALS = [*MINIO, *CEPH, *SEAWEEDFS, *VERSITYGW]


@pytest.mark.parametrize("refusal", REFUSALS, ids=str)
def test_each_refusal_has_its_class_and_its_advice(refusal: Refusal) -> None:
    error = refusal.meaning()
    assert type(error) is refusal.means
    assert refusal.fix in error.fix
    assert error.aws_code in KNOWN_CODES
    assert error.request_id.startswith("0b5c1d2e-")


OF_THE_TOKEN = [refusal for refusal in REFUSALS if refusal.means is not RequestRefused]


@pytest.mark.parametrize("refusal", OF_THE_TOKEN, ids=str)
def test_no_fault_of_the_token_is_laid_on_the_settings(refusal: Refusal) -> None:
    assert "settings with the role" not in refusal.meaning().fix
    assert "SIDECAR_" not in refusal.meaning().fix


@pytest.mark.parametrize("code", ["InvalidParameterValue", "InvalidArgument", "InvalidRequest", "SomethingNew"])
def test_words_that_nobody_has_reported_suspect_the_token_before_the_settings(code: str) -> None:
    body = recorded("minio/unknown_role").replace(b"InvalidParameterValue", code.encode())
    body = body.replace(b"is not defined", b"makes no sense")
    error = failure_of(Answer(400, body), claims=CLAIMS, role_arn=ROLE_ARN, now=EPOCH)
    assert type(error) is RequestRefused
    assert error.fix.index("token") < error.fix.index("settings")


@pytest.mark.parametrize("refusal", [CEPH[0], *VERSITYGW], ids=str)
def test_a_server_that_does_not_tell_is_taken_to_mean_the_time_once_it_is_over(refusal: Refusal) -> None:
    assert type(refusal.meaning(now=CLAIMS.expires_at)) is TokenRefused


@pytest.mark.parametrize("server", ["minio", "seaweedfs"])
def test_a_key_that_is_not_found_means_a_spent_token_once_the_time_is_over(server: str) -> None:
    refusal = Refusal(server, "unknown_kid", 400, TokenRefused, "")
    assert type(refusal.meaning(now=CLAIMS.expires_at)) is TokenRefused


# --- credentials -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("server", "role", "key", "assumed", "request_id"),
    [
        ("minio", "arn:minio:iam:::role/idp", "MADEUPMADEUPMADEUP12", "", "0b5c1d2e-0000-4000-8000-0000000000ab"),
        (
            "ceph",
            "arn:aws:iam:::role/S3Access",
            "MadeUpMadeUpMadeUp1",
            "arn:aws:sts:::assumed-role/S3Access/shop.checkout-7c5d8-x2x8q",
            "header-id",
        ),
        ("seaweedfs", "arn:aws:iam::role/A", "ASIA0123456789ABCDEF", "", "0b5c1d2e-0000-4000-8000-0000000000ab"),
    ],
)
def test_an_answer_is_read_as_far_as_it_goes(server: str, role: str, key: str, assumed: str, request_id: str) -> None:
    held = credentials_in(
        Answer(200, recorded(f"{server}/issued"), EPOCH, "header-id"),
        role_arn=role,
        duration=3600,
        asked_at=100,
        asked_at_wall=EPOCH,
    )
    assert (held.access_key_id, held.assumed_role_arn, held.request_id) == (key, assumed, request_id)
    assert held.account_id == ""
    assert round(held.expires_at) == 3700
