"""Whom a statement lets in that says nothing of sub, and how a sub of its issuer looks."""

from sidecar.core.issuers import GITHUB
from sidecar.trust.document import Statement
from sidecar.trust.mistakes import SERVICE_ACCOUNT
from sidecar.trust.shared_issuers import is_shared


def trusted_issuers(statement: Statement) -> list[str]:
    """Names of the OIDC providers, without scheme."""
    return [
        principal.name.partition(":oidc-provider/")[2] or principal.name
        for principal in statement.principals
        if principal.kind == "Federated"
    ]


def trusts_shared_issuer(statement: Statement) -> bool:
    return any(map(is_shared, trusted_issuers(statement)))


def who_gets_in(statement: Statement) -> str:
    """Everyone whom the issuers give a token."""
    shared = sorted({issuer for issuer in trusted_issuers(statement) if is_shared(issuer)})
    if shared:
        return f"everyone who gets tokens from {', '.join(shared)}, strangers included,"
    return "every service account of the cluster"


def example_subject(statement: Statement) -> str:
    if any(issuer.casefold().startswith(GITHUB) for issuer in trusted_issuers(statement)):
        return "repo:<owner>/<repository>:ref:refs/heads/<branch>"
    if trusts_shared_issuer(statement):
        return "<subject>"
    return f"{SERVICE_ACCOUNT}<namespace>:<name>"
