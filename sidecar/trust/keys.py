"""Which condition keys a request for web identity can carry: for certain, perhaps, or never.

The call is unsigned, so whatever describes a signing principal, a service that acts for somebody or a second factor is
absent. What only the network or the role's own tags decide cannot be known from token and policy.

Sources: IAM User Guide, "AWS global condition context keys" and "Available keys for AWS STS"; which of them a real call
carries is partly inference.
"""

from difflib import get_close_matches

from sidecar.trust.context import CLAIM_KEYS, RequestContext
from sidecar.trust.shared_issuers import may_have_more_keys
from sidecar.trust.variables import variables_in

OWN_NAMESPACES = ("aws", "sts", "iam", "ec2", "saml", "s3", "kms", "lambda")
"""Prefixes of IAM's own keys; whatever else stands before the colon is an issuer."""

_OF_THE_NETWORK = (
    *("aws:SourceIp", "aws:SourceVpc", "aws:SourceVpce", "aws:SourceVpcArn", "aws:VpcSourceIp"),
    *("aws:VpceAccount", "aws:VpceOrgID", "aws:VpceOrgPaths", "aws:UserAgent", "aws:Referer", "aws:RequestedRegion"),
)
_OF_THE_ROLE = ("aws:ResourceAccount", "aws:ResourceOrgID", "aws:ResourceOrgPaths", "aws:ViaAWSService")
_TAG_NAMESPACES = ("aws:resourcetag/", "iam:resourcetag/")
_UNSEEN = frozenset(name.casefold() for name in (*_OF_THE_NETWORK, *_OF_THE_ROLE))
_CARRIED = (
    *("sts:RoleSessionName", "sts:SourceIdentity", "sts:TransitiveTagKeys", "aws:TagKeys", "aws:RequestTag/<key>"),
    *("aws:CurrentTime", "aws:EpochTime", "aws:SecureTransport", "aws:FederatedProvider"),
)
_OF_OTHER_CALLS = (
    *("aws:SourceArn", "aws:SourceAccount", "aws:SourceOrgID", "aws:SourceOrgPaths", "aws:SourceIdentity"),
    *("aws:PrincipalArn", "aws:PrincipalAccount", "aws:PrincipalOrgID", "aws:PrincipalOrgPaths", "aws:PrincipalType"),
    *("aws:PrincipalTag", "aws:PrincipalIsAWSService", "aws:PrincipalServiceName", "aws:userid", "aws:username"),
    *("aws:MultiFactorAuthPresent", "aws:MultiFactorAuthAge", "aws:TokenIssueTime", "aws:CalledVia", "sts:ExternalId"),
)
KNOWN_KEYS = (*_CARRIED, *_OF_THE_NETWORK, *_OF_THE_ROLE)


def is_own_key(key: str) -> bool:
    """Whether IAM, and no issuer, gives the key its value."""
    return key.partition(":")[0].casefold() in OWN_NAMESPACES


def is_unseen(key: str, request: RequestContext) -> bool:
    """Whether a real request may have this key though this one does not show it."""
    folded = key.casefold()
    return folded not in request.keys and (_may_be_carried(folded) or _may_be_a_claim(folded, request))


def needs_unseen(key: str, values: tuple[str, ...], request: RequestContext) -> bool:
    """The same for a whole condition, whose values may name keys as `${...}`."""
    return is_unseen(key, request) or any(is_unseen(name, request) for value in values for name in variables_in(value))


def is_never_carried(key: str) -> bool:
    """Whether it is one of IAM's own keys, or looks like one, that no call for web identity has."""
    folded = key.casefold()
    given = {name.partition("<")[0].casefold() for name in _CARRIED}
    carried = folded in given or folded.startswith("aws:requesttag/")
    return is_own_key(key) and not carried and not _may_be_carried(folded)


def likely_meant(key: str) -> str:
    """The key that a misspelt one of IAM's resembles; "" for one that resembles none."""
    if key.partition("/")[0].casefold() in {name.casefold() for name in _OF_OTHER_CALLS}:
        return ""
    known = {name.casefold(): name for name in KNOWN_KEYS if "<" not in name}
    near = get_close_matches(key.casefold(), known, n=1, cutoff=0.85)
    return known[near[0]] if near else ""


def _may_be_carried(folded: str) -> bool:
    return folded in _UNSEEN or folded.startswith(_TAG_NAMESPACES)


def _may_be_a_claim(folded: str, request: RequestContext) -> bool:
    """Some issuers have keys whose names are not certain (2026)."""
    prefix = f"{request.issuer.casefold()}:"
    claim = folded.removeprefix(prefix)
    return (
        bool(request.issuer)
        and folded.startswith(prefix)
        and claim not in CLAIM_KEYS
        and may_have_more_keys(request.issuer, claim)
    )
