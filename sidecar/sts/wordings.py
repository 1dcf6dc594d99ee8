"""What STS says when it refuses, and what each of its sentences means: the one table of that knowledge.

The serving process names a failure by it, and so does the doctor; `explain` recognises a pasted message by it. A new
sentence of STS's is one more row here, and nothing elsewhere.

Codes and wordings are those seen in the field: AWS documents the codes (STS API reference,
AssumeRoleWithWebIdentity), not the texts. Another STS server's sentences would be another table of the same rows.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sidecar.core import audiences
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """One thing that STS says. Its error class says when to try again.

    `fragments` are pieces of the text in small letters, any of which tells it; `aws_codes` are those that it comes
    under, the usual one first. `code` is our name for it; "" where a look at token and policy tells more than the
    text. `cause` and `fix` may name `{who}`, `{role_arn}`, `{account}`, `{key_id}` and `{audience_hint}`.
    """

    aws_codes: tuple[str, ...]
    fragments: tuple[str, ...] = ()
    error: type[ExchangeFailed]
    code: str = ""
    cause: str
    fix: str

    def is_in(self, text: str) -> bool:
        return any(fragment in text for fragment in self.fragments)


@dataclass(frozen=True, slots=True)
class RefusedCall:
    """Who asked for which role: what a wording's cause and fix are filled in with."""

    claims: Claims
    role_arn: str

    def fill(self, text: str) -> str:
        return text.format(
            who=self._who(),
            role_arn=self.role_arn,
            account=account_of(self.role_arn) or "of the role",
            key_id=self.claims.key_id or "none",
            audience_hint=self._audience_hint(),
        )

    def _who(self) -> str:
        claims, audience = self.claims, ", ".join(self.claims.audiences)
        return f"iss {claims.issuer or 'missing'}, sub {claims.subject or 'missing'}, aud {audience or 'missing'}"

    def _audience_hint(self) -> str:
        """What the token's audience gives away: a likelier cause than IAM."""
        for audience in self.claims.audiences:
            if hint := audiences.meant_for_another(audience, self.claims.issuer) or audiences.remark(audience):
                return f" About the token's audience: {hint}."
        return ""


PROJECTED_TOKEN = (
    "AWS_WEB_IDENTITY_TOKEN_FILE must name a projected serviceAccountToken with one audience, "  # noqa: S105 (no secret)
    "not the token of a Secret, nor an access token."
)

KEYS_UNAVAILABLE = Wording(
    fragments=("verification key",),
    aws_codes=("InvalidIdentityToken", "IDPCommunicationError"),
    error=IssuerUnreachable,
    code="key-not-found",
    cause="STS cannot fetch the signing keys of the token's issuer ({who}).",
    fix="Often passes by itself. If not: the issuer's discovery document and JWKS must be public, complete, "
    "hold the token's kid ({key_id}) and answer within 5 s.",
)
KEY_UNPUBLISHED = Wording(
    fragments=("token signature", "invalid signature", "signature verification"),
    aws_codes=("InvalidIdentityToken",),
    error=TokenRefused,
    code="key-not-published",
    cause="The token has expired, or is signed by a key that its issuer no longer publishes ({who}).",
    fix="The sidecar waits for the kubelet's next token. After a key rotation, recreate the pod to get one at once.",
)
THROTTLED = Wording(
    fragments=("rate exceeded",),
    aws_codes=("Throttling", "ThrottlingException", "RequestLimitExceeded"),
    error=StsThrottled,
    code="throttled",
    cause="STS throttles the calls of this account.",
    fix="The sidecar spreads its retries; look for what else calls STS, in CloudTrail.",
)
UNAVAILABLE = Wording(
    aws_codes=("InternalFailure", "RequestTimeout", "ServiceUnavailable"),
    error=StsUnavailable,
    code="sts-unavailable",
    cause="STS reports a fault on its side.",
    fix="Usually passes by itself; the sidecar keeps trying.",
)
OTHER_PARAMETER = Wording(
    aws_codes=("ValidationError", "MalformedPolicyDocument", "PackedPolicyTooLarge"),
    error=RequestRefused,
    code="parameter-refused",
    cause="STS refuses a parameter of the call.",
    fix="Compare the sidecar's settings with the role.",
)

WORDINGS: Sequence[Wording] = (
    Wording(
        fragments=("not authorized to perform sts:assumerolewithwebidentity",),
        aws_codes=("AccessDenied",),
        error=TrustRefused,
        cause="{role_arn} does not exist, or its trust policy does not allow this token ({who}).",
        fix="Compare the policy's Federated principal with iss, and its `:sub` and `:aud` conditions with the token's, "
        "letter by letter; `irsa-sidecar explain` names the one that fails. A new role needs up to a minute."
        "{audience_hint}",
    ),
    KEYS_UNAVAILABLE,
    Wording(
        fragments=("no openidconnect provider",),
        aws_codes=("InvalidIdentityToken",),
        error=TrustRefused,
        code="no-provider",
        cause="Account {account} has no IAM OIDC provider for the token's issuer ({who}).",
        fix="Create a provider for exactly this issuer in the role's account, or correct the account in AWS_ROLE_ARN.",
    ),
    Wording(
        fragments=("incorrect token audience",),
        aws_codes=("InvalidIdentityToken",),
        error=TrustRefused,
        code="client-id-missing",
        cause="The IAM OIDC provider does not list the token's audience ({who}).",
        fix="Add it to the provider's client IDs (`aws iam add-client-id-to-open-id-connect-provider`), or project a "
        f"token for {audiences.STS} (in every partition)."
        "{audience_hint}",
    ),
    Wording(
        fragments=("thumbprint",),
        aws_codes=("InvalidIdentityToken",),
        error=TrustRefused,
        code="stale-thumbprint",
        cause="The issuer's certificate does not match the IAM OIDC provider's thumbprint ({who}).",
        fix="Update the provider's thumbprint list to the SHA-1 of the issuer's current top CA: "
        "`aws iam update-open-id-connect-provider-thumbprint`.",
    ),
    Wording(
        fragments=("not a valid jwt",),
        aws_codes=("InvalidIdentityToken",),
        error=TokenRefused,
        code="not-a-jwt",
        cause="STS does not take the file's content for a signed JWT ({who}).",
        fix=f"{PROJECTED_TOKEN} An SDK that reads the file itself may send a trailing newline too.",
    ),
    Wording(
        fragments=("missing a required claim",),
        aws_codes=("InvalidIdentityToken",),
        error=TokenRefused,
        code="claim-missing",
        cause="The token lacks a claim that STS needs, as those of Secrets do ({who}).",
        fix=PROJECTED_TOKEN,
    ),
    Wording(
        fragments=("more than one audience",),
        aws_codes=("InvalidIdentityToken",),
        error=TokenRefused,
        code="several-audiences",
        cause="The token has several audiences and no azp to choose between them ({who}).",
        fix=PROJECTED_TOKEN,
    ),
    KEY_UNPUBLISHED,
    Wording(
        aws_codes=("InvalidIdentityToken",),
        error=TrustRefused,
        code="token-refused",
        cause="STS does not accept the token ({who}).",
        fix="Compare its issuer and audience with the IAM OIDC provider in the role's account.",
    ),
    Wording(
        aws_codes=("IDPRejectedClaim",),
        error=TrustRefused,
        code="claim-rejected",
        cause="STS rejects a claim of the token ({who}).",
        fix="Recreate the pod to get a new token.",
    ),
    Wording(
        fragments=("token too old",),
        aws_codes=("ExpiredTokenException", "ExpiredToken"),
        error=TokenRefused,
        code="token-too-old",
        cause="STS says the token was issued too long ago ({who}).",
        fix="Use a projected serviceAccountToken volume: the kubelet replaces its token within a day.",
    ),
    Wording(
        fragments=("token expired",),
        aws_codes=("ExpiredTokenException", "ExpiredToken"),
        error=TokenRefused,
        code="token-expired",
        cause="STS says the token has expired ({who}).",
        fix="The sidecar waits for the kubelet's next token. If none comes, check the kubelet and the node's clock, "
        "and mount the volume without subPath: such a mount never sees a rotation.",
    ),
    Wording(
        fragments=("not activated in this region",),
        aws_codes=("RegionDisabledException",),
        error=RequestRefused,
        code="region-not-activated",
        cause="STS is not activated in this region for account {account}; no token or policy can help.",
        fix="Activate it in IAM's account settings, or set AWS_REGION to an active region.",
    ),
    Wording(
        fragments=("durationseconds",),
        aws_codes=("ValidationError",),
        error=RequestRefused,
        code="duration-too-long",
        cause="STS refuses the duration of the session: longer than the role allows, or out of all bounds.",
        fix="Set SIDECAR_DURATION to the role's MaxSessionDuration or less (900 to 43200 s), or raise the role's.",
    ),
    Wording(
        fragments=("rolesessionname",),
        aws_codes=("ValidationError",),
        error=RequestRefused,
        code="bad-session-name",
        cause="STS refuses the name of the session.",
        fix="AWS_ROLE_SESSION_NAME must be 2 to 64 of the characters A-Z a-z 0-9 _ + = , . @ -",
    ),
    Wording(
        fragments=("request arn is invalid", "'rolearn'"),
        aws_codes=("ValidationError",),
        error=RequestRefused,
        code="not-a-role-arn",
        cause="STS does not take AWS_ROLE_ARN for a role's ARN.",
        fix="AWS_ROLE_ARN must be a role's full ARN, arn:<partition>:iam::<account>:role/<path and name>: copy the one "
        "that `aws iam get-role` prints.",
    ),
    OTHER_PARAMETER,
    THROTTLED,
    UNAVAILABLE,
)
"""Of the rows under one AWS code, the last stands for every other text under it as well."""

KNOWN_CODES = frozenset(code for wording in WORDINGS for code in wording.aws_codes)
"""The codes that may become a metric's label; any other is counted as `other`."""


def wording_of(aws_code: str, message: str) -> Wording | None:
    """What STS means by this text under this code; None for a code that we do not know."""
    rows = [wording for wording in WORDINGS if aws_code in wording.aws_codes]
    folded = message.casefold()
    return next((wording for wording in rows if wording.is_in(folded)), rows[-1] if rows else None)


def wording_in(text: str) -> Wording | None:
    """The refusal that a text holds, wherever in a log line it stands; None if we know none of it."""
    folded = text.casefold()
    return next((wording for wording in WORDINGS if wording.is_in(folded)), None)
