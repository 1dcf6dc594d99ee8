"""A token taken apart the way STS takes one apart, before any key or role is looked at."""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

ALGORITHMS = ("RS256", "RS384", "RS512", "ES256", "ES384", "ES512")
"""What STS accepts (AWS STS API reference, AssumeRoleWithWebIdentity, WebIdentityToken)."""
MAXIMUM_SHOWN = 300
"""Characters of a claim. A longer one is somebody's joke, and no help in a message."""

_PART = re.compile(r"[A-Za-z0-9_-]+")
_SCHEME = re.compile(r"^https?://")


class NotAJwt(Exception):
    """The text is not a signed JWT. The reason never quotes it: it may be a secret of another kind."""


@dataclass(frozen=True, slots=True)
class UnverifiedToken:
    """A token's header and claims. Its text and signature are not kept: nothing here could be replayed."""

    header: Mapping[str, Any]
    claims: Mapping[str, Any]

    @property
    def issuer(self) -> str:
        return self.text("iss")

    @property
    def subject(self) -> str:
        return self.text("sub")

    @property
    def audiences(self) -> tuple[str, ...]:
        found = self.claims.get("aud")
        values = found if isinstance(found, list) else [found]
        return tuple(value for value in values if isinstance(value, str) and value)

    @property
    def audience(self) -> str:
        """The one that IAM compares: `azp` where there is one (documented for Google; for others inference)."""
        return self.text("azp") or next(iter(self.audiences), "")

    @property
    def issuer_name(self) -> str:
        """The issuer as provider ARNs and condition keys spell it."""
        return _SCHEME.sub("", self.issuer)

    def text(self, claim: str) -> str:
        found = self.claims.get(claim)
        return found if isinstance(found, str) else ""

    def time(self, claim: str) -> int | None:
        found = self.claims.get(claim)
        return found if type(found) is int else None


def take_apart(token: str) -> UnverifiedToken:
    """Header and claims of a compact JWS. Raises `NotAJwt` for anything else."""
    parts = token.split(".")
    if len(parts) != 3:  # noqa: PLR2004 (header, claims, signature)
        raise NotAJwt(f"it has {len(parts)} part{'s' * (len(parts) != 1)} between dots, a signed JWT has three")
    if not all(_PART.fullmatch(part) for part in parts):
        raise NotAJwt("a part is empty or holds characters that base64url does not have")
    return UnverifiedToken(_object(parts[0], "header"), _object(parts[1], "claims"))


def shown(value: object) -> str:
    """A claim as a message may print it, and short."""
    text = printable(str(value))
    return text if len(text) <= MAXIMUM_SHOWN else text[:MAXIMUM_SHOWN] + "…"


def printable(text: str) -> str:
    """The text without what would steer a terminal."""
    return "".join(char if char.isprintable() else "?" for char in text)


def _object(part: str, name: str) -> dict[str, Any]:
    try:
        found = json.loads(base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, RecursionError):
        raise NotAJwt(f"its {name} is not JSON in base64url") from None
    if not isinstance(found, dict):
        raise NotAJwt(f"its {name} is not a JSON object")
    return found
