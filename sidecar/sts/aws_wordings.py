"""What AWS's STS says when it refuses, and what each of its sentences means.

Codes and wordings are those seen in the field: AWS documents the codes (STS API reference,
AssumeRoleWithWebIdentity), not the texts.
"""

from collections.abc import Sequence

from sidecar.core import audiences
from sidecar.core.errors import (
    IssuerUnreachable,
    RequestRefused,
    StsThrottled,
    StsUnavailable,
    TokenRefused,
    TrustRefused,
)
from sidecar.sts.wording import FIX_TEMPORARY, Wording

PROJECTED_TOKEN = (
    "AWS_WEB_IDENTITY_TOKEN_FILE must name a projected serviceAccountToken with one audience, "  # noqa: S105 (no secret)
    "not the token of a Secret, nor an access token."
)

KEY_UNPUBLISHED = Wording(
    fragments=("token signature", "invalid signature", "signature verification"),
    aws_codes=("InvalidIdentityToken",),
    error=TokenRefused,
    code="key-not-published",
    cause="The token has expired, or is signed by a key that its issuer no longer publishes ({who}).",
    fix="The sidecar waits for the kubelet's next token. After a key rotation, recreate the pod to get one at once.",
)
KEYS_UNAVAILABLE = Wording(
    fragments=("verification key",),
    aws_codes=("InvalidIdentityToken", "IDPCommunicationError"),
    error=IssuerUnreachable,
    code="key-not-found",
    cause="STS cannot fetch the signing keys of the token's issuer ({who}).",
    fix="Often temporary. If it continues: the issuer's discovery document and JWKS must be public, complete, "
    "hold the token's kid ({key_id}) and answer within 5 s.",
    if_expired=KEY_UNPUBLISHED,  # an issuer drops a key once all its tokens have expired
)
THROTTLED = Wording(
    fragments=("rate exceeded",),
    aws_codes=("Throttling", "ThrottlingException", "RequestLimitExceeded"),
    error=StsThrottled,
    code="throttled",
    cause="STS throttles the calls of this account.",
    fix="The sidecar spreads its retries. Find other callers of STS in CloudTrail.",
)
UNAVAILABLE = Wording(
    aws_codes=("InternalFailure", "InternalError", "RequestTimeout", "ServiceUnavailable"),
    error=StsUnavailable,
    code="sts-unavailable",
    cause="STS reports an internal error.",
    fix=FIX_TEMPORARY,
)
OTHER_PARAMETER = Wording(
    aws_codes=("ValidationError",),
    error=RequestRefused,
    code="parameter-refused",
    cause="STS refuses a parameter of the call.",
    fix="Compare the sidecar's settings with the role.",
)
POLICY_TOO_LARGE = Wording(
    aws_codes=("PackedPolicyTooLarge",),
    error=RequestRefused,
    code="session-policy-too-large",
    cause="The session policies and the session's tags together are larger than STS allows.",
    fix="Shorten the profile's sidecar_policy_file, or attach its content to the role as a policy of its own; name "
    "fewer policies in sidecar_policy_arns. Tags come from the token's claims.",
)
POLICY_MALFORMED = Wording(
    aws_codes=("MalformedPolicyDocument",),
    error=RequestRefused,
    code="bad-session-policy",
    cause="STS does not accept the session policy as a policy.",
    fix="Check sidecar_policy_file with `aws accessanalyzer validate-policy --policy-type IDENTITY_POLICY`.",
)
REGION_DISABLED = Wording(
    fragments=("not activated in this region",),
    aws_codes=("RegionDisabledException",),
    error=RequestRefused,
    code="region-not-activated",
    cause="STS is not activated in this region for account {account}; another token or policy does not help.",
    fix="Activate it in IAM's account settings, or set AWS_REGION to an active region.",
)

TOKEN_EXPIRED = Wording(
    fragments=("token expired",),
    aws_codes=("ExpiredTokenException", "ExpiredToken"),
    error=TokenRefused,
    code="token-expired",
    cause="STS says the token has expired ({who}).",
    fix="The sidecar waits for the kubelet's next token. If none comes, check the kubelet and the node's clock, "
    "and mount the volume without subPath: such a mount never receives a rotated token.",
)
DURATION_REFUSED = Wording(
    fragments=("durationseconds",),
    aws_codes=("ValidationError",),
    error=RequestRefused,
    code="duration-too-long",
    cause="STS refuses the duration of the session: longer than the role allows, or outside STS's limits.",
    fix="Set SIDECAR_DURATION to the role's MaxSessionDuration or less (900 to 43200 s), or raise that.",
)
SESSION_NAME_REFUSED = Wording(
    fragments=("rolesessionname",),
    aws_codes=("ValidationError",),
    error=RequestRefused,
    code="bad-session-name",
    cause="STS refuses the name of the session.",
    fix="AWS_ROLE_SESSION_NAME must be 2 to 64 of the characters A-Z a-z 0-9 _ + = , . @ -",
)
NOT_A_ROLE = Wording(
    fragments=("request arn is invalid", "'rolearn'"),
    aws_codes=("ValidationError",),
    error=RequestRefused,
    code="not-a-role-arn",
    cause="STS does not accept AWS_ROLE_ARN as a role's ARN.",
    fix="AWS_ROLE_ARN must be a role's full ARN, arn:<partition>:iam::<account>:role/<path and name>: copy the one "
    "that `aws iam get-role` prints.",
)
AUDIENCE_REFUSED = Wording(
    fragments=("incorrect token audience",),
    aws_codes=("InvalidIdentityToken",),
    error=TrustRefused,
    code="client-id-missing",
    cause="The IAM OIDC provider does not list the token's audience ({who}).",
    fix="Add it to the provider's client IDs: `aws iam add-client-id-to-open-id-connect-provider "
    "--open-id-connect-provider-arn {provider_arn} --client-id {audience}`; "
    f"or project a token for {audiences.STS} (in every partition)."
    "{audience_hint}",
)
NO_PROVIDER = Wording(
    fragments=("no openidconnect provider",),
    aws_codes=("InvalidIdentityToken",),
    error=TrustRefused,
    code="no-provider",
    cause="Account {account} has no IAM OIDC provider for the token's issuer ({who}).",
    fix="Create a provider for exactly this issuer in the role's account: `aws iam create-open-id-connect-provider "
    "--url {issuer} --client-id-list {audience}`; or correct the account in AWS_ROLE_ARN.",
)
TOKEN_NOT_ACCEPTED = Wording(
    aws_codes=("InvalidIdentityToken",),
    error=TrustRefused,
    code="token-refused",
    cause="STS does not accept the token ({who}).",
    fix="Compare its issuer and audience with the IAM OIDC provider in the role's account.",
)

AWS: Sequence[Wording] = (
    Wording(
        fragments=(
            "not authorized to perform sts:assumerolewithwebidentity",
            "not authorized to perform sts:tagsession",
            "not authorized to perform sts:setsourceidentity",
        ),
        aws_codes=("AccessDenied",),
        error=TrustRefused,
        cause="{role_arn} does not exist, or its trust policy does not allow this token ({who}).",
        fix="Compare the policy's Federated principal with iss, and its `:sub` and `:aud` conditions with the token's, "
        "exactly; `irsa-sidecar explain` names the one that fails. A new role takes up to a minute to become usable."
        "{audience_hint}",
    ),
    KEYS_UNAVAILABLE,
    NO_PROVIDER,
    AUDIENCE_REFUSED,
    Wording(
        fragments=("thumbprint",),
        aws_codes=("InvalidIdentityToken",),
        error=TrustRefused,
        code="stale-thumbprint",
        cause="The issuer's certificate does not match the IAM OIDC provider's thumbprint ({who}).",
        fix="Update the provider's thumbprint list to the SHA-1 of the issuer's current top CA: "
        "`aws iam update-open-id-connect-provider-thumbprint --open-id-connect-provider-arn {provider_arn} "
        "--thumbprint-list <SHA-1>`.",
    ),
    Wording(
        fragments=("not a valid jwt",),
        aws_codes=("InvalidIdentityToken",),
        error=TokenRefused,
        code="not-a-jwt",
        cause="STS does not accept the file's content as a signed JWT ({who}).",
        fix=f"{PROJECTED_TOKEN} An SDK that reads the file itself may send a trailing newline too.",
    ),
    Wording(
        fragments=("missing a required claim",),
        aws_codes=("InvalidIdentityToken",),
        error=TokenRefused,
        code="claim-missing",
        cause="The token lacks a claim that STS needs; a Secret's token lacks it too ({who}).",
        fix=PROJECTED_TOKEN,
    ),
    Wording(
        fragments=("more than one audience",),
        aws_codes=("InvalidIdentityToken",),
        error=TokenRefused,
        code="several-audiences",
        cause="The token has several audiences and no azp claim to select one ({who}).",
        fix=PROJECTED_TOKEN,
    ),
    KEY_UNPUBLISHED,
    TOKEN_NOT_ACCEPTED,
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
    TOKEN_EXPIRED,
    REGION_DISABLED,
    DURATION_REFUSED,
    SESSION_NAME_REFUSED,
    NOT_A_ROLE,
    POLICY_TOO_LARGE,
    POLICY_MALFORMED,
    OTHER_PARAMETER,
    THROTTLED,
    UNAVAILABLE,
)
