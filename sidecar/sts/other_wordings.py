"""What other STS servers say where AWS's has words of its own: MinIO, Ceph, SeaweedFS, versitygw.

Each row is recognised by its words, or by saying nothing, wherever it comes from: no setting names a server. The words
are those that the servers were seen to send; `tests/other_sts` asks the real ones.
"""

from collections.abc import Sequence
from dataclasses import replace

from sidecar.core.errors import IssuerUnreachable, RequestRefused, TokenRefused, TrustRefused
from sidecar.sts.aws_wordings import (
    AUDIENCE_REFUSED,
    DURATION_REFUSED,
    KEY_UNPUBLISHED,
    NO_PROVIDER,
    SESSION_NAME_REFUSED,
    TOKEN_EXPIRED,
    TOKEN_NOT_ACCEPTED,
)
from sidecar.sts.wording import Wording

_PARAMETER = "InvalidParameterValue"
_DENIED = "AccessDenied"

_MINIO_AND_SEAWEEDFS: Sequence[Wording] = (
    TOKEN_EXPIRED.under(_PARAMETER, words=("token is expired",)),
    Wording(
        fragments=("verification error",),
        aws_codes=(_PARAMETER,),
        error=TokenRefused,
        code="key-not-published",
        cause="The token's signature does not match the key that its issuer publishes ({who}).",
        fix="The sidecar waits for the kubelet's next token. If that fails too, compare the issuer or JWKS address in "
        "the server's settings with iss: they may be another cluster's.",
    ),
    Wording(
        fragments=("no public key found for kid", "not found in jwks", "failed to fetch jwks"),
        aws_codes=(_PARAMETER, _DENIED),
        error=IssuerUnreachable,
        code="key-not-found",
        cause="The STS server has not found the token's signing key at the issuer ({who}).",
        fix="Often temporary. If it continues: the issuer's discovery document and JWKS, at the address in "
        "the server's settings, must be reachable from there and hold the token's kid ({key_id}).",
        if_expired=KEY_UNPUBLISHED,
    ),
    AUDIENCE_REFUSED.under(
        _PARAMETER,
        words=("must match configured openid client id", "none of the configured client ids"),
        cause="The STS server does not take tokens for this audience ({who}).",
        fix="Project a token for the server's client ID, or add the audience to it: MINIO_IDENTITY_OPENID_CLIENT_ID at "
        "MinIO, clientId of the provider at SeaweedFS.{audience_hint}",
    ),
    NO_PROVIDER.under(
        _DENIED,
        words=("no identity provider registered for issuer",),
        cause="The STS server has no OIDC provider for the token's issuer ({who}).",
        fix="Add a provider for exactly this issuer to the server's IAM configuration.",
    ),
    Wording(
        fragments=("is not defined", "role not found"),
        aws_codes=(_PARAMETER, _DENIED),
        error=RequestRefused,
        code="role-unknown",
        cause="The STS server has no role {role_arn}.",
        fix="AWS_ROLE_ARN must be a role that the server has: MinIO prints the ARNs of its roles when it starts, "
        "SeaweedFS has the roles of its IAM configuration.",
    ),
    Wording(
        fragments=("trust policy denies", "trust policy validation failed"),
        aws_codes=(_DENIED,),
        error=TrustRefused,
        code="trust-policy-denies",
        cause="The trust policy of {role_arn} does not allow this token ({who}).",
        fix="Compare policy and provider's issuer in the server's IAM configuration with the token, character by "
        "character. At SeaweedFS Federated is the provider's name there, the keys are oidc:sub and oidc:iss, and a "
        "condition on oidc:aud never holds for a kubelet's token, whose aud is a list.",
    ),
    DURATION_REFUSED.under(_PARAMETER, words=("invalid token expiry", "durationseconds must be between")),
    SESSION_NAME_REFUSED.under(_PARAMETER, words=("rolesessionname must", "rolesessionname contains")),
)

_VERSITYGW: Sequence[Wording] = (
    replace(
        TOKEN_NOT_ACCEPTED,
        fragments=("web identity token provided could not be validated",),
        cause="The STS server does not accept the token, and does not say which part is wrong ({who}).",
        fix="Compare iss with the OIDC provider's URL, aud with its client IDs, and sub with the conditions of the "
        "role's trust policy; then the provider's thumbprint with the issuer's certificate, and the token's kid "
        "({key_id}) with the issuer's JWKS.{audience_hint}",
        if_expired=TOKEN_EXPIRED,
    ),
)

_CEPH: Sequence[Wording] = (
    Wording(
        silent=True,
        aws_codes=(_DENIED,),
        error=TrustRefused,
        code="denied-without-reason",
        cause="The STS server denies {role_arn} to this token without a reason ({who}).",
        fix="See the server's own log. At Ceph compare, in the account or tenant of the role's ARN: the OIDC "
        "provider's URL with iss, its client IDs with aud, its thumbprint with the certificate in the JWKS (Ceph 16 "
        "needs x5c there), and the conditions of the role's trust policy with sub.{audience_hint}",
        if_expired=TOKEN_EXPIRED,
    ),
    replace(DURATION_REFUSED, fragments=(), silent=True, aws_codes=("InvalidArgument",)),
)

OTHER_SERVERS: Sequence[Wording] = (*_MINIO_AND_SEAWEEDFS, *_VERSITYGW, *_CEPH)

UNKNOWN_WORDS = Wording(
    aws_codes=(_PARAMETER, "InvalidArgument", "MissingParameter"),
    error=RequestRefused,
    code="refused-in-unknown-words",
    cause="The STS server refuses the call, with an unknown message ({who}).",
    fix="See its own log. Compare iss, sub, aud and the time of the token with the server's provider and role "
    "first, then the sidecar's settings: AWS_ROLE_ARN, SIDECAR_DURATION, AWS_ROLE_SESSION_NAME.{audience_hint}",
    if_expired=TOKEN_EXPIRED,
)
"""Where nothing else fits. Who is at fault is open: the token comes before the settings."""
