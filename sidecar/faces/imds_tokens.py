"""IMDSv2's session tokens, without a store: each is its end and a MAC over it, so there is nothing to fill up."""

import base64
import hmac
import struct
from collections.abc import Callable
from math import inf

from sidecar.core.model import Instant

_END = struct.Struct(">d")
NEVER: Instant = -inf


class SessionTokens:
    """Issues tokens and knows its own. `key` is random and dies with the process; `now` tells the instant."""

    def __init__(self, key: bytes, now: Callable[[], Instant]) -> None:
        self._key = key
        self._now = now

    def issue(self, life: int) -> str:
        """A token that is good for `life` seconds."""
        end = _END.pack(self._now() + life)
        return base64.urlsafe_b64encode(end + self._mac(end)).decode()

    def end_of(self, token: str) -> Instant:
        """From when on it is no longer good; long ago, if it is not one of ours, whole."""
        try:
            raw = base64.b64decode(token.encode("ascii"), altchars=b"-_", validate=True)
        except ValueError:  # not ASCII, or not base64
            return NEVER
        end, mac = raw[: _END.size], raw[_END.size :]
        if not hmac.compare_digest(mac, self._mac(end)):
            return NEVER
        good_until: Instant = _END.unpack(end)[0]
        return good_until

    def _mac(self, end: bytes) -> bytes:
        return hmac.digest(self._key, end, "sha256")
