"""What a refusal means: AWS's code and wording in, one of our errors out, with its retry class, cause and fix.

Codes and wordings are those seen in the field: AWS documents the codes (STS API reference), not the texts. So a text
we do not know falls into a class that keeps trying. STS's own text is read to recognise the case, and never passed on.
"""

from collections.abc import Callable
from dataclasses import dataclass

from sidecar.core.arns import account_of
from sidecar.core.claims import Claims
from sidecar.core.errors import (
    ExchangeFailed,
    IssuerUnreachable,
    RequestRefused,
    StsThrottled,
    StsUnavailable,
    TokenRefused,
    TrustRefused,
)
from sidecar.core.model import UnixTime
from sidecar.sts import audiences
from sidecar.sts.answer import Answer, ErrorAnswer, refusal_in

TOO_MANY_REQUESTS = 429
SERVER_ERROR = 500


@dataclass(frozen=True, slots=True)
class RefusedCall:
    """All that is known about one refusal."""

    refusal: ErrorAnswer
    status: int
    claims: Claims
    role_arn: str
    now: UnixTime
    """STS's clock where it is known."""

    @property
    def who(self) -> str:
        claims, audience = self.claims, ", ".join(self.claims.audiences)
        return f"iss {claims.issuer or 'missing'}, sub {claims.subject or 'missing'}, aud {audience or 'missing'}"

    @property
    def account(self) -> str:
        return account_of(self.role_arn) or "of the role"

    def means(self, kind: type[ExchangeFailed], cause: str, fix: str) -> ExchangeFailed:
        code, request_id = self.refusal.code, self.refusal.request_id
        return kind(cause, fix=fix, aws_code=code, status=self.status, request_id=request_id)


def failure_of(answer: Answer, *, claims: Claims, role_arn: str, now: UnixTime) -> ExchangeFailed:
    """Name what a non-200 answer means. `now` is STS's clock where it is known, for judging the token's `exp`."""
    refusal = refusal_in(answer)
    if refusal is None:
        return _not_from_sts(answer)
    call = RefusedCall(refusal, answer.status, claims, role_arn, now)
    if refusal.code in MEANINGS:
        return MEANINGS[refusal.code](call)
    return _by_status(call)


def _not_from_sts(answer: Answer) -> ExchangeFailed:
    kind = StsThrottled if answer.status == TOO_MANY_REQUESTS else StsUnavailable
    return kind(
        f"The STS endpoint answered {answer.status}, not in STS's form.",
        fix="If this lasts, something else answers in STS's place: check AWS_ENDPOINT_URL_STS and HTTPS_PROXY.",
        status=answer.status,
        request_id=answer.request_id,
    )


def _by_status(call: RefusedCall) -> ExchangeFailed:
    if call.status == TOO_MANY_REQUESTS:
        return _throttled(call)
    return _unavailable(call) if call.status >= SERVER_ERROR else _parameter(call)


def _throttled(call: RefusedCall) -> ExchangeFailed:
    return call.means(
        StsThrottled,
        "STS throttles the calls of this account.",
        "The sidecar spreads its retries; look for what else calls STS, in CloudTrail.",
    )


def _unavailable(call: RefusedCall) -> ExchangeFailed:
    return call.means(
        StsUnavailable,
        f"STS answered {call.status}: a fault on its side.",
        "Usually passes by itself; the sidecar keeps trying.",
    )


def _expired(call: RefusedCall) -> ExchangeFailed:
    if "too old" in call.refusal.message.lower():
        return call.means(
            TokenRefused,
            f"STS says the token was issued too long ago ({call.who}).",
            "Use a projected serviceAccountToken volume: the kubelet replaces its token within a day.",
        )
    return call.means(
        TokenRefused,
        f"STS says the token has expired ({call.who}).",
        "The sidecar waits for the kubelet's next token. If none comes, check the kubelet and the node's clock.",
    )


def _not_trusted(call: RefusedCall) -> ExchangeFailed:
    return call.means(
        TrustRefused,
        f"{call.role_arn} does not exist, or its trust policy does not allow this token ({call.who}).",
        "Compare the policy's Federated principal with iss, and its `:sub` and `:aud` conditions with the token's, "
        "letter by letter; `irsa-sidecar explain` names the one that fails. A new role needs up to a minute."
        + _audience_hint(call),
    )


def _claim_rejected(call: RefusedCall) -> ExchangeFailed:
    return call.means(
        TrustRefused, f"STS rejects a claim of the token ({call.who}).", "Recreate the pod to get a new token."
    )


def _keys_unavailable(call: RefusedCall) -> ExchangeFailed:
    if call.claims.expires_at <= call.now:
        return _unknown_key(call)
    return call.means(
        IssuerUnreachable,
        f"STS cannot fetch the signing keys of the token's issuer ({call.who}).",
        "Often passes by itself. If not: the issuer's discovery document and JWKS must be public, complete, "
        f"hold the token's kid ({call.claims.key_id or 'none'}) and answer within 5 s.",
    )


def _unknown_key(call: RefusedCall) -> ExchangeFailed:
    return call.means(
        TokenRefused,
        f"The token has expired, or is signed by a key that its issuer no longer publishes ({call.who}).",
        "The sidecar waits for the kubelet's next token. After a key rotation, recreate the pod to get one at once.",
    )


def _no_provider(call: RefusedCall) -> ExchangeFailed:
    return call.means(
        TrustRefused,
        f"Account {call.account} has no IAM OIDC provider for the token's issuer ({call.who}).",
        "Create a provider for exactly this issuer in the role's account, or correct the account in AWS_ROLE_ARN.",
    )


def _wrong_audience(call: RefusedCall) -> ExchangeFailed:
    return call.means(
        TrustRefused,
        f"The IAM OIDC provider does not list the token's audience ({call.who}).",
        "Add it to the provider's client IDs, or project a token for sts.amazonaws.com (in every partition)."
        + _audience_hint(call),
    )


def _audience_hint(call: RefusedCall) -> str:
    """What the token's audience gives away: a likelier cause than IAM."""
    for audience in call.claims.audiences:
        if hint := audiences.meant_for_another(audience, call.claims.issuer) or audiences.remark(audience):
            return f" About the token's audience: {hint}."
    return ""


def _stale_thumbprint(call: RefusedCall) -> ExchangeFailed:
    return call.means(
        TrustRefused,
        f"The issuer's certificate does not match the IAM OIDC provider's thumbprint ({call.who}).",
        "Update the provider's thumbprint list to the issuer's current top CA.",
    )


def _not_such_a_token(call: RefusedCall) -> ExchangeFailed:
    return call.means(
        TokenRefused,
        f"STS does not accept the file's content as a service-account token ({call.who}).",
        "AWS_WEB_IDENTITY_TOKEN_FILE must name a projected serviceAccountToken with one audience, "
        "not the token of a Secret, nor an access token.",
    )


def _invalid_token(call: RefusedCall) -> ExchangeFailed:
    text = call.refusal.message.lower()
    for fragment, meaning in INVALID_TOKEN:
        if fragment in text:
            return meaning(call)
    return call.means(
        TrustRefused,
        f"STS does not accept the token ({call.who}).",
        "Compare its issuer and audience with the IAM OIDC provider in the role's account.",
    )


def _region_disabled(call: RefusedCall) -> ExchangeFailed:
    return call.means(
        RequestRefused,
        f"STS is not activated in this region for account {call.account}.",
        "Activate it in the account settings of IAM, or set AWS_REGION to an active region.",
    )


def _parameter(call: RefusedCall) -> ExchangeFailed:
    text = call.refusal.message.lower()
    fix = next(
        (fix for fragment, fix in PARAMETERS if fragment in text), "Compare the sidecar's settings with the role."
    )
    return call.means(RequestRefused, "STS refuses a parameter of the call.", fix)


PARAMETERS = (
    ("duration", "Set SIDECAR_DURATION to the role's MaxSessionDuration or less (900 to 43200 s)."),
    ("sessionname", "AWS_ROLE_SESSION_NAME must be 2 to 64 of the characters A-Z a-z 0-9 _ + = , . @ -"),
    ("arn", "AWS_ROLE_ARN must be a role's full ARN: arn:<partition>:iam::<account>:role/<path and name>."),
)
"""What STS's text mentions, and the setting behind it."""

INVALID_TOKEN: tuple[tuple[str, Callable[[RefusedCall], ExchangeFailed]], ...] = (
    ("verification key", _keys_unavailable),
    ("no openidconnect provider", _no_provider),
    ("incorrect token audience", _wrong_audience),
    ("thumbprint", _stale_thumbprint),
    ("not a valid jwt", _not_such_a_token),
    ("missing a required claim", _not_such_a_token),
    ("more than one audience", _not_such_a_token),
    ("signature", _unknown_key),
)
"""AWS says InvalidIdentityToken for many things; only its text tells them apart."""

MEANINGS: dict[str, Callable[[RefusedCall], ExchangeFailed]] = {
    "AccessDenied": _not_trusted,
    "ExpiredToken": _expired,
    "ExpiredTokenException": _expired,
    "IDPCommunicationError": _keys_unavailable,
    "IDPRejectedClaim": _claim_rejected,
    "InternalFailure": _unavailable,
    "InvalidIdentityToken": _invalid_token,
    "MalformedPolicyDocument": _parameter,
    "PackedPolicyTooLarge": _parameter,
    "RegionDisabledException": _region_disabled,
    "RequestLimitExceeded": _throttled,
    "RequestTimeout": _unavailable,
    "ServiceUnavailable": _unavailable,
    "Throttling": _throttled,
    "ThrottlingException": _throttled,
    "ValidationError": _parameter,
}

KNOWN_CODES = frozenset(MEANINGS)
"""The codes that may become a metric's label; any other is counted as `other`."""
