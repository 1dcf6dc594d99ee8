"""Issuers that many accounts share: those that need no provider in IAM, and those whose other claims became keys.

Since January 2026 STS offers more claims of some shared issuers as condition keys (AWS's announcement as quoted by
others; README of aws-actions/configure-aws-credentials). Only the names that are sure are evaluated; for another claim
of these issuers nothing is decided.
"""

from collections.abc import Mapping

from sidecar.core.issuers import GITHUB

BUILT_IN = ("accounts.google.com", "cognito-identity.amazonaws.com", "graph.facebook.com", "www.amazon.com")
"""Names that a policy may trust without an OIDC provider in IAM."""

OWN_AUDIENCES = ("accounts.google.com", "cognito-identity.amazonaws.com")
"""Where an audience is a client or a pool of one's own, so that a condition on aud alone keeps strangers out."""

_SURE: Mapping[str, frozenset[str]] = {
    GITHUB: frozenset(
        {
            *("actor", "actor_id", "repository", "repository_id", "repository_owner", "repository_owner_id"),
            *("environment", "ref", "job_workflow_ref", "workflow", "enterprise"),
        }
    ),
    "oidc.circleci.com": frozenset({"oidc.circleci.com/project-id"}),
}
_MORE = (GITHUB, "oidc.circleci.com", "accounts.google.com", "gitlab.com")
_MORE_UNDER = (".oraclecloud.com",)


def sure_claims(issuer: str) -> frozenset[str]:
    """The claims that are keys at this issuer besides those of every issuer. `issuer` has no scheme."""
    return _SURE.get(_host(issuer), frozenset())


def may_have_more_keys(issuer: str, claim: str) -> bool:
    """Whether this claim of the issuer may be a key since 2026, for all that is known."""
    host = _host(issuer)
    shared = host in _MORE or host.endswith(_MORE_UNDER)
    return shared and claim not in sure_claims(issuer)


def is_shared(issuer: str) -> bool:
    """Whether others than one cluster's owner get tokens from it."""
    host = _host(issuer)
    return host in _MORE or host in BUILT_IN or host.endswith(_MORE_UNDER)


def _host(issuer: str) -> str:
    return issuer.partition("/")[0].casefold()
