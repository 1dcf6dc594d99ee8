"""STS's answers as HTTP carries them (`tests/answers`), and what each must come to mean.

Shapes: AWS STS service model, version 2011-06-15. Codes and wordings: as reported from the field; ids are made up.
"""

from dataclasses import dataclass
from pathlib import Path

from sidecar.core.errors import (
    ExchangeFailed,
    IssuerUnreachable,
    RequestRefused,
    StsThrottled,
    StsUnavailable,
    TokenRefused,
    TrustRefused,
)
from sidecar.sts.answer import Answer
from tests.doubles import ROLE_ARN

FOLDER = Path(__file__).parent / "answers"


CONTENT_TYPE = "application/x-www-form-urlencoded"


def form_for(token: str) -> dict[str, str]:
    """The call for `doubles.ROLE_ARN`, one hour and the pod of `doubles.a_token`."""
    return {
        "Action": "AssumeRoleWithWebIdentity",
        "Version": "2011-06-15",
        "RoleArn": ROLE_ARN,
        "RoleSessionName": "shop.checkout-7c5d8-x2x8q",
        "DurationSeconds": "3600",
        "WebIdentityToken": token,
    }


def recorded(name: str) -> bytes:
    return (FOLDER / f"{name}.xml").read_bytes()


@dataclass(frozen=True, slots=True)
class Recorded:
    """One refusal. `fix` is a word that the advice must contain."""

    name: str
    status: int
    aws_code: str
    means: type[ExchangeFailed]
    fix: str

    def __str__(self) -> str:
        return self.name

    @property
    def body(self) -> bytes:
        return recorded(self.name)

    @property
    def answer(self) -> Answer:
        return Answer(self.status, self.body)


REFUSALS = (
    Recorded("not_authorized", 403, "AccessDenied", TrustRefused, "`:sub`"),
    Recorded("no_provider", 400, "InvalidIdentityToken", TrustRefused, "provider"),
    Recorded("wrong_audience", 400, "InvalidIdentityToken", TrustRefused, "client IDs"),
    Recorded("no_verification_key", 400, "InvalidIdentityToken", IssuerUnreachable, "JWKS"),
    Recorded("thumbprint", 400, "InvalidIdentityToken", TrustRefused, "thumbprint"),
    Recorded("missing_claim", 400, "InvalidIdentityToken", TokenRefused, "projected"),
    Recorded("not_a_jwt", 400, "InvalidIdentityToken", TokenRefused, "AWS_WEB_IDENTITY_TOKEN_FILE"),
    Recorded("two_audiences", 400, "InvalidIdentityToken", TokenRefused, "one audience"),
    Recorded("bad_signature", 400, "InvalidIdentityToken", TokenRefused, "recreate the pod"),
    Recorded("unheard_of_reason", 400, "InvalidIdentityToken", TrustRefused, "provider"),
    Recorded("token_expired", 400, "ExpiredTokenException", TokenRefused, "kubelet"),
    Recorded("token_too_old", 400, "ExpiredTokenException", TokenRefused, "within a day"),
    Recorded("duration", 400, "ValidationError", RequestRefused, "SIDECAR_DURATION"),
    Recorded("session_name", 400, "ValidationError", RequestRefused, "AWS_ROLE_SESSION_NAME"),
    Recorded("role_arn", 400, "ValidationError", RequestRefused, "AWS_ROLE_ARN"),
    Recorded("token_quoted", 400, "ValidationError", RequestRefused, "settings"),
    Recorded("region_disabled", 403, "RegionDisabledException", RequestRefused, "AWS_REGION"),
    Recorded("throttled", 400, "Throttling", StsThrottled, "CloudTrail"),
    Recorded("idp_unreachable", 400, "IDPCommunicationError", IssuerUnreachable, "JWKS"),
    Recorded("idp_rejected", 403, "IDPRejectedClaim", TrustRefused, "pod"),
    Recorded("malformed_policy", 400, "MalformedPolicyDocument", RequestRefused, "sidecar_policy_file"),
    Recorded("packed_policy", 400, "PackedPolicyTooLarge", RequestRefused, "sidecar_policy_arns"),
    Recorded("internal_failure", 500, "InternalFailure", StsUnavailable, "keeps trying"),
    Recorded("service_unavailable", 503, "ServiceUnavailable", StsUnavailable, "keeps trying"),
    Recorded("unknown_code", 400, "SomethingNew", RequestRefused, "settings"),
)
