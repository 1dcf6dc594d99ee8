"""What AWS's STS says when it refuses AssumeRole to a session, and what each of its sentences means.

Codes: AWS STS API reference, AssumeRole, and its common errors. Wordings: as reported from the field. What follows the
first sentence of an AccessDenied ("because no identity-based policy allows …") comes only in some cases.
"""

from collections.abc import Sequence
from dataclasses import replace

from sidecar.core.errors import BaseRefused, ChainRefused, RequestRefused
from sidecar.sts.aws_wordings import (
    DURATION_REFUSED,
    NOT_A_ROLE,
    POLICY_MALFORMED,
    POLICY_TOO_LARGE,
    REGION_DISABLED,
    SESSION_NAME_REFUSED,
    THROTTLED,
)
from sidecar.sts.aws_wordings import UNAVAILABLE as STS_UNAVAILABLE
from sidecar.sts.wording import Wording

_BOTH = "the policy of {base_arn} and the trust policy of {role_arn}"
TAG_SESSION_DENIED = Wording(
    fragments=("perform: sts:tagsession",),
    aws_codes=("AccessDenied",),
    error=ChainRefused,
    code="tag-session-denied",
    cause="{caller} may not pass session tags to {role_arn}: sts:TagSession is not allowed.",
    fix=f"Allow sts:TagSession beside sts:AssumeRole in {_BOTH}, or remove sidecar_tags. Transitive tags of the base "
    "role's session need it too, though the profile names none.",
)
SOURCE_IDENTITY_DENIED = Wording(
    fragments=("perform: sts:setsourceidentity",),
    aws_codes=("AccessDenied",),
    error=ChainRefused,
    code="source-identity-denied",
    cause="{caller} may not set or pass on a source identity to {role_arn}: sts:SetSourceIdentity is not allowed, or "
    "the session has another source identity already.",
    fix=f"Allow sts:SetSourceIdentity beside sts:AssumeRole in {_BOTH}, or remove sidecar_source_identity. One that is "
    "set stays for the whole chain: no later role can change it, and each must allow it.",
)
BASE_POLICY_DENIES = Wording(
    fragments=("identity-based policy",),
    aws_codes=("AccessDenied",),
    error=ChainRefused,
    code="base-policy-denies",
    cause="The policies of {base_arn} do not allow sts:AssumeRole on {role_arn}.",
    fix="Look at the base role, not at the other's trust policy: attach a policy to {base_arn} that allows "
    "sts:AssumeRole on {role_arn}, and remove what denies it.",
)
TRUST_DENIES = Wording(
    fragments=("role trust policy", "resource-based policy"),
    aws_codes=("AccessDenied",),
    error=ChainRefused,
    code="target-trust-denies",
    cause="The trust policy of {role_arn} does not let {caller} in.",
    fix='Look at the trust policy of {role_arn}, not at the base role: it needs "Principal": {{"AWS": "{base_arn}"}} '
    'with "Action": "sts:AssumeRole". {external_id_hint}',
)
SESSION_POLICY_DENIES = Wording(
    fragments=("session policy",),
    aws_codes=("AccessDenied",),
    error=ChainRefused,
    code="session-policy-denies",
    cause="The session policy of {caller} does not allow sts:AssumeRole on {role_arn}.",
    fix="Add it to the base role's sidecar_policy_file or sidecar_policy_arns.",
)
DENIED_ELSEWHERE = Wording(
    fragments=("control policy", "permissions boundary", "endpoint policy"),
    aws_codes=("AccessDenied",),
    error=ChainRefused,
    code="chain-denied-elsewhere",
    cause="Another policy than the two roles' own denies {caller} the role {role_arn}.",
    fix="Ask who manages the accounts of both roles for service and resource control policies, for the permissions "
    "boundary of {base_arn}, and for the policy of the STS VPC endpoint.",
)
CHAIN_DENIED = Wording(
    fragments=("perform: sts:assumerole on", "not authorized to perform sts:assumerole"),
    aws_codes=("AccessDenied",),
    error=ChainRefused,
    code="chain-denied",
    cause="{caller} may not assume {role_arn}, or there is no such role.",
    fix="{where_to_look} {external_id_hint} A new role or policy takes up to a minute to take effect.",
)

BASE_EXPIRED = Wording(
    fragments=("token included in the request is expired",),
    aws_codes=("ExpiredToken", "ExpiredTokenException"),
    error=BaseRefused,
    code="base-expired",
    cause="STS says that the credentials of {caller}, which sign the call, have expired.",
    fix="The sidecar asks for new ones, and then tries again. If that fails, /readyz and the log say why for the base "
    "role.",
)
BASE_UNKNOWN = Wording(
    aws_codes=("InvalidClientTokenId",),
    error=BaseRefused,
    code="base-unknown",
    cause="STS does not know the credentials of {caller}, which sign the call.",
    fix="The sidecar asks for new ones, which helps if the base role was made anew. Else ask the same STS for both "
    "roles: credentials of another partition, or of another server, are not known there. "
    "In a region that is opt-in, the account of {base_arn} must have enabled it.",
)
CLOCK_WRONG = Wording(
    fragments=("signature expired", "signature not yet current"),
    aws_codes=("SignatureDoesNotMatch",),
    error=BaseRefused,
    code="signed-under-a-wrong-clock",
    cause="STS refuses the time of the signature: it is more than 5 min from STS's clock.",
    fix="Set the node's clock right (chrony, the time service of the host). The sidecar signs by STS's clock as soon "
    "as an answer has told it.",
)
WRONG_REGION = Wording(
    fragments=("scoped to a valid region",),
    aws_codes=("SignatureDoesNotMatch",),
    error=RequestRefused,
    code="signed-for-another-region",
    cause="The call is signed for another region than the STS endpoint's.",
    fix="Set the profile's region to the one of its endpoint_url.",
)
SIGNATURE_REFUSED = Wording(
    aws_codes=("SignatureDoesNotMatch",),
    error=BaseRefused,
    code="signature-refused",
    cause="STS does not accept the signature of the call.",
    fix="If this continues, something on the way changes the request: check HTTPS_PROXY and endpoint_url.",
)
SIGNATURE_LOST = Wording(
    aws_codes=("IncompleteSignature", "MissingAuthenticationToken"),
    error=RequestRefused,
    code="signature-lost",
    cause="The signature did not arrive at STS.",
    fix="Something on the way removes the Authorization header: check HTTPS_PROXY and endpoint_url.",
)
CHAIN_TOO_LONG = Wording(
    fragments=("1 hour session limit",),
    aws_codes=("ValidationError",),
    error=RequestRefused,
    code="chain-too-long",
    cause="STS allows an hour at most to a session that another session asked for, whatever the role allows.",
    fix="Set duration_seconds of the chained profile to 3600 or less.",
)
EXTERNAL_ID_REFUSED = Wording(
    fragments=("'externalid'",),
    aws_codes=("ValidationError",),
    error=RequestRefused,
    code="bad-external-id",
    cause="STS refuses the form of the ExternalId.",
    fix="external_id must be 2 to 1224 of the characters A-Z a-z 0-9 _ + = , . @ : / -",
)
SOURCE_IDENTITY_REFUSED = Wording(
    fragments=("'sourceidentity'",),
    aws_codes=("ValidationError",),
    error=RequestRefused,
    code="bad-source-identity",
    cause="STS refuses the form of the source identity.",
    fix="sidecar_source_identity must be 2 to 64 of the characters A-Z a-z 0-9 _ + = , . @ -, and not begin with aws:",
)
TAGS_REFUSED = Wording(
    fragments=("'tags", "'transitivetagkeys", "tag key", "session tag"),
    aws_codes=("ValidationError", "InvalidParameterValue"),
    error=RequestRefused,
    code="bad-tags",
    cause="STS refuses the session tags: their form, or a key that the base role's session has as a transitive tag.",
    fix="Compare sidecar_tags and sidecar_transitive_tags with those of the base role: a transitive tag cannot be set "
    "again. Keys have up to 128 characters, values up to 256: letters, digits, spaces and _ . : / = + - @",
)
UNKNOWN_CHAINED = Wording(
    aws_codes=("ValidationError", "InvalidParameterValue"),
    error=RequestRefused,
    code="chain-parameter-refused",
    cause="STS refuses the call that asks for {role_arn}, with an unknown message.",
    fix="Compare the profile with the role: role_arn, duration_seconds, external_id, sidecar_tags.",
)
"""Where nothing else fits."""

CHAINED: Sequence[Wording] = (
    TAG_SESSION_DENIED,
    SOURCE_IDENTITY_DENIED,
    BASE_POLICY_DENIES,
    TRUST_DENIES,
    SESSION_POLICY_DENIES,
    DENIED_ELSEWHERE,
    CHAIN_DENIED,
    BASE_EXPIRED,
    BASE_UNKNOWN,
    CLOCK_WRONG,
    WRONG_REGION,
    SIGNATURE_REFUSED,
    SIGNATURE_LOST,
    REGION_DISABLED,
    CHAIN_TOO_LONG,
    replace(DURATION_REFUSED, fix="Set duration_seconds of the chained profile to 900 to 3600 s."),
    replace(SESSION_NAME_REFUSED, fix="role_session_name must be 2 to 64 of the characters A-Z a-z 0-9 _ + = , . @ -"),
    replace(NOT_A_ROLE, cause="STS does not accept {role_arn} as a role's ARN.", fix="Correct the profile's role_arn."),
    EXTERNAL_ID_REFUSED,
    SOURCE_IDENTITY_REFUSED,
    TAGS_REFUSED,
    replace(
        POLICY_TOO_LARGE,
        fix="Shorten sidecar_policy_file, or attach its content to the role as a policy of its own; name fewer "
        "policies in sidecar_policy_arns, and fewer sidecar_tags. The base role's transitive tags count too.",
    ),
    POLICY_MALFORMED,
    UNKNOWN_CHAINED,
    THROTTLED,
    STS_UNAVAILABLE,
)
"""As in `wordings`: of the rows under one code, the last stands for every other text under it as well."""
