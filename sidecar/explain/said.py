"""STS's own words, recognised: for mistakes that no token and no policy shows, and for telling what is left.

Wordings as people reported them; AWS documents the codes only (STS API reference, AssumeRoleWithWebIdentity).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from sidecar.core.findings import Finding, error, info, warning
from sidecar.explain.question import Question

NOT_AUTHORIZED = "Not authorized to perform sts:AssumeRoleWithWebIdentity"
SKEW = 60
"""Seconds by which two clocks may differ before it is worth a word."""


@dataclass(frozen=True, slots=True)
class Saying:
    """A piece of STS's text, its code, and what is behind it. Without `code` the offline findings tell enough."""

    fragment: str
    aws_code: str
    code: str = ""
    cause: str = ""
    fix: str = ""


SAYINGS = (
    Saying("not authorized to perform sts:assumerolewithwebidentity", "AccessDenied"),
    Saying(
        "no openidconnect provider found",
        "InvalidIdentityToken",
        "no-provider",
        "The account in the role's ARN has no IAM OIDC provider for exactly the token's issuer.",
        "Create it there, or correct the account in AWS_ROLE_ARN.",
    ),
    Saying(
        "incorrect token audience",
        "InvalidIdentityToken",
        "client-id-missing",
        "The IAM OIDC provider does not list the token's audience among its client ids.",
        "`aws iam add-client-id-to-open-id-connect-provider`, or project the token for sts.amazonaws.com.",
    ),
    Saying(
        "retrieve verification key",
        "InvalidIdentityToken",
        "key-not-found",
        "STS could not get the issuer's keys, or the token's kid is no longer among them.",
        "Discovery (five members) and JWKS must be public and answer within 5 s; an old token must be read anew. "
        "`irsa-sidecar doctor` looks at all of that.",
    ),
    Saying(
        "thumbprint",
        "InvalidIdentityToken",
        "stale-thumbprint",
        "The issuer's certificate is signed by a CA that nobody trusts publicly, and the provider's thumbprint is that "
        "of an older one.",
        "`aws iam update-open-id-connect-provider-thumbprint` with the SHA-1 of the issuer's current top CA.",
    ),
    Saying(
        "missing a required claim",
        "InvalidIdentityToken",
        "claim-missing",
        "STS got a token without a claim that it needs, as those of Secrets are.",
        "Use a projected serviceAccountToken.",
    ),
    Saying(
        "not a valid jwt",
        "InvalidIdentityToken",
        "not-a-jwt",
        "STS got something that is no JWT in its eyes.",
        "AWS_WEB_IDENTITY_TOKEN_FILE must name a projected serviceAccountToken; botocore sends a trailing newline too.",
    ),
    Saying(
        "more than one audience",
        "InvalidIdentityToken",
        "several-audiences",
        "STS got a token with several audiences and no azp.",
        "Project a token with one audience.",
    ),
    Saying(
        "token expired",
        "ExpiredTokenException",
        "token-expired",
        "STS got a token that had expired by its clock.",
        "Read the file anew before each exchange; a subPath mount never sees a rotation.",
    ),
    Saying(
        "token too old",
        "ExpiredTokenException",
        "token-too-old",
        "STS got a token that was issued too long ago.",
        "Use a projected volume, whose token the kubelet replaces within a day.",
    ),
    Saying(
        "not activated in this region",
        "RegionDisabledException",
        "region-not-activated",
        "STS is not activated in this region for the role's account; no token or policy can help.",
        "Activate it in IAM's account settings, or set AWS_REGION to an active region.",
    ),
    Saying(
        "exceeds the maxsessionduration",
        "ValidationError",
        "duration-too-long",
        "The session asked for is longer than the role allows.",
        "Lower SIDECAR_DURATION, or raise the role's MaxSessionDuration (3600 to 43200 s).",
    ),
    Saying(
        "request arn is invalid",
        "ValidationError",
        "not-a-role-arn",
        "What AWS_ROLE_ARN says is no role's ARN.",
        "Copy the Arn that `aws iam get-role` prints.",
    ),
    Saying(
        "rate exceeded",
        "Throttling",
        "throttled",
        "STS throttles the account's calls; the token was not looked at.",
        "Retry with growing, jittered pauses; look in CloudTrail for what else calls STS.",
    ),
)


def saying(text: str) -> Saying | None:
    """The refusal that the text holds, wherever in a log line it stands."""
    folded = text.casefold()
    return next((known for known in SAYINGS if known.fragment in folded), None)


def about(asked: Question, *, allowed_here: bool) -> Iterator[Finding]:
    """What STS's words add to what is seen offline."""
    if not asked.said:
        return
    known = saying(asked.said)
    if known is None:
        yield warning("saying-unknown", "The answer of STS (--said) is not one we know.", "Quote its message whole.")
    elif known.code:
        yield error(known.code, f"STS said it: {known.cause}", known.fix)
    elif allowed_here:
        yield error(
            "denied-out-of-sight",
            "STS said AccessDenied, though token and policy agree: the cause is one that cannot be seen from here.",
            "In this order: wait a minute (IAM spreads slowly); compare this file with `aws iam get-role` now, the "
            "ARN's path included; ask for resource control policies and the policy of the STS VPC endpoint.",
        )
    yield from _skew(asked)


def _skew(asked: Question) -> Iterator[Finding]:
    """STS names its own clock in the one message about expired tokens."""
    told = re.search(r"current date/time (\d{1,12}) must be before the expiration date/time\s*(\d{1,12})", asked.said)
    if told and abs(int(told[1]) - asked.now) > SKEW:
        yield info(
            "sts-clock",
            f"By STS's clock it was {told[1]} then, {int(told[1]) - asked.now:+.0f} s from now here.",
            "If the call was made just now, this machine's clock is wrong.",
        )
