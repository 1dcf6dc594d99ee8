"""The claims of a projected token, read without verification, which is STS's job."""

import base64
import binascii
import json
import math
from dataclasses import dataclass
from typing import Any

UNKNOWN = math.inf
LATEST = 253_402_300_799.0
"""The last second of the year 9999. A later time is a mistake (milliseconds, say), and no calendar can show it."""


@dataclass(frozen=True, slots=True)
class Claims:
    """The claims that matter to us, each empty where the token does not say.

    `issued_at` and `expires_at` are Unix seconds on the API server's clock; a token without `exp` never expires.
    """

    issuer: str = ""
    subject: str = ""
    audiences: tuple[str, ...] = ()
    issued_at: float = -UNKNOWN
    expires_at: float = UNKNOWN
    key_id: str = ""
    namespace: str = ""
    service_account: str = ""
    pod: str = ""

    @property
    def identity(self) -> tuple[str, str, tuple[str, ...]]:
        """Who the token speaks for. A rotation that keeps it changes nothing that STS would decide."""
        return self.issuer, self.subject, self.audiences


NO_CLAIMS = Claims()


def unverified_claims(token: str) -> Claims:
    """Decode a JWT's header and payload. Whatever is not there, or not of its type, stays empty; never raises."""
    header, payload = (_decoded(part) for part in (*token.split("."), "", "")[:2])
    kubernetes = _mapping(payload.get("kubernetes.io"))
    return Claims(
        issuer=_text(payload.get("iss")),
        subject=_text(payload.get("sub")),
        audiences=_audiences(payload.get("aud")),
        issued_at=_seconds(payload.get("iat"), -UNKNOWN),
        expires_at=_seconds(payload.get("exp"), UNKNOWN),
        key_id=_text(header.get("kid")),
        namespace=_text(kubernetes.get("namespace")),
        service_account=_text(_mapping(kubernetes.get("serviceaccount")).get("name")),
        pod=_text(_mapping(kubernetes.get("pod")).get("name")),
    )


def _decoded(part: str) -> dict[str, Any]:
    try:
        padded = part + "=" * (-len(part) % 4)
        return _mapping(json.loads(base64.b64decode(padded, altchars=b"-_", validate=True)))
    except (binascii.Error, ValueError, RecursionError):
        return {}


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _audiences(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    if isinstance(value, list):
        return tuple(item for item in value if isinstance(item, str))
    return ()


def _seconds(value: object, otherwise: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return otherwise
    try:
        return float(value) if 0 <= value <= LATEST else otherwise
    except OverflowError:
        return otherwise
