"""Sessions that STS issued, without a table: each session token carries its session, authenticated by an HMAC.

An STS that is killed and started again, or a second process with the same state directory, still knows what was issued.
The secret access key is derived from the key id, so it is never stored. A token that was changed is not recognised.
"""

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from sidecar.trust import SessionTags

_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_HMAC_SIZE = 32


@dataclass(frozen=True, slots=True)
class RoleSession:
    """The identity behind temporary credentials, and when they expire (Unix seconds).

    `tags`, those of them that go on (`transitive_tags`), and `source_identity` stay with it; `policy` is the session
    policy that it was issued with, "" for none.
    """

    access_key_id: str
    arn: str
    assumed_role_id: str
    role_arn: str
    expires_at: float
    tags: Mapping[str, str] = field(default_factory=dict)
    transitive_tags: tuple[str, ...] = ()
    source_identity: str = ""
    policy: str = ""

    @property
    def account(self) -> str:
        return self.arn.split(":")[4]

    @property
    def inherited(self) -> SessionTags:
        """Its tags as the next call sees them."""
        return SessionTags(self.tags, self.transitive_tags)


@dataclass(frozen=True, slots=True)
class IssuedSession:
    """A session with its secrets."""

    session: RoleSession
    secret_access_key: str = field(repr=False)
    session_token: str = field(repr=False)


class Sessions:
    """Issues and recognises sessions under one key."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def issue(self, *, arn: str, assumed_role_id: str, role_arn: str, expires_at: float, **kept: Any) -> IssuedSession:
        """`kept`: what stays with the session, by the names that `RoleSession` has for it."""
        access_key_id = "ASIA" + "".join(secrets.choice(_ALPHABET) for _ in range(16))
        session = RoleSession(access_key_id, arn, assumed_role_id, role_arn, expires_at, **kept)
        return IssuedSession(session, self.secret_access_key(access_key_id), self._token(session))

    def secret_access_key(self, access_key_id: str) -> str:
        """40 characters, as AWS's are."""
        return base64.b64encode(self._digest(b"secret access key", access_key_id.encode())[:30]).decode()

    def recognise(self, access_key_id: str, session_token: str) -> RoleSession | None:
        """The session behind a token, expired or not; None for a token that was not issued here for this key id."""
        try:
            blob = base64.b64decode(session_token, validate=True)
        except ValueError:
            return None
        digest, body = blob[:_HMAC_SIZE], blob[_HMAC_SIZE:]
        if not hmac.compare_digest(digest, self._digest(b"session token", body)):
            return None
        found = json.loads(body)
        session = RoleSession(**found | {"transitive_tags": tuple(found["transitive_tags"])})
        return session if session.access_key_id == access_key_id else None

    def _token(self, session: RoleSession) -> str:
        body = json.dumps(asdict(session)).encode()
        return base64.b64encode(self._digest(b"session token", body) + body).decode()

    def _digest(self, purpose: bytes, message: bytes) -> bytes:
        return hmac.new(self._key, purpose + b"\0" + message, hashlib.sha256).digest()
