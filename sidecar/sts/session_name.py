"""The RoleSessionName, which CloudTrail shows as the caller."""

import hashlib
import re

from sidecar.core.claims import Claims
from sidecar.core.model import SESSION_NAME

MAXIMUM_SESSION_NAME = 64
_FOREIGN = re.compile(r"[^\w+=,.@-]", re.ASCII)
_DIGEST_LENGTH = 10
FALLBACK = "irsa-sidecar"


def session_name_for(claims: Claims) -> str:
    """`<namespace>.<pod>`, so that CloudTrail names the pod; the subject, then our own name, where a token has neither.

    A name that does not fit is cut and gets a digest of the whole, so that two names stay two: pod names differ at
    their end. A namespace has no dots, so `<namespace>.<pod>` itself is unambiguous.
    """
    return _fitted(f"{claims.namespace}.{claims.pod}" if claims.pod else claims.subject or FALLBACK)


def _fitted(name: str) -> str:
    if SESSION_NAME.fullmatch(name):
        return name
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGEST_LENGTH]
    head = _FOREIGN.sub("-", name)[: MAXIMUM_SESSION_NAME - _DIGEST_LENGTH - 1]
    return f"{head}-{digest}"
