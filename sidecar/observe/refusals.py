"""Counts refused requests by kind. Logs each kind at once and then seldom, and keeps the recent ones for people."""

import logging
from dataclasses import dataclass
from http import HTTPStatus

from sidecar.core.model import Instant, Seconds
from sidecar.core.ports import Clock
from sidecar.http.messages import Refusal, Response
from sidecar.observe.sdk_family import Sdk

AGAIN_AFTER: Seconds = 3600
"""Between two lines about one kind: a client that goes on asking is one mistake."""
RECENT: Seconds = 600
"""How long after the last refusal of a kind it is shown as something to fix."""
MOST_KINDS = 64
"""More than there are fixes; a limit all the same, for what a stranger can cause."""

logger = logging.getLogger("sidecar")


@dataclass(slots=True)
class RefusedKind:
    """One mistake over one protocol, counted in place. `refusal`, `sdk`: those of the last time."""

    protocol: str
    status: int
    refusal: Refusal
    sdk: Sdk
    last_at: Instant
    times: int = 0
    tell_at: Instant = 0
    """When the next line about it is due."""


class Refusals:
    """Takes every answer, and keeps those that a client has to change something about: 400 to 499.

    Others, such as 503, tell of the sidecar itself, which says so elsewhere.
    """

    def __init__(self, clock: Clock) -> None:
        self._now = clock.now
        self._kinds: dict[tuple[str, str, str], RefusedKind] = {}

    def __call__(self, protocol: str, sdk: Sdk, response: Response, times: int = 1) -> None:
        refusal = response.refusal
        if refusal is None or response.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return
        kind = self._kind(protocol, sdk, response.status, refusal)
        if kind is None:
            return
        kind.refusal, kind.sdk, kind.last_at, kind.times = refusal, sdk, self._now(), kind.times + times
        if kind.last_at >= kind.tell_at:
            kind.tell_at = kind.last_at + AGAIN_AFTER
            _tell(kind)

    def _kind(self, protocol: str, sdk: Sdk, status: int, refusal: Refusal) -> RefusedKind | None:
        """A kind is told by its fix: one code can have several."""
        key = (protocol, refusal.code, refusal.fix)
        if key not in self._kinds and len(self._kinds) < MOST_KINDS:
            now = self._now()
            self._kinds[key] = RefusedKind(protocol, status, refusal, sdk, now, tell_at=now)
        return self._kinds.get(key)

    def recent(self) -> list[RefusedKind]:
        """The kinds that have come lately, the most frequent first."""
        since = self._now() - RECENT
        return sorted((kind for kind in self._kinds.values() if kind.last_at > since), key=lambda kind: -kind.times)


def _tell(kind: RefusedKind) -> None:
    refusal, sdk = kind.refusal, kind.sdk
    fields = {"face": kind.protocol, "status": kind.status, "code": refusal.code, "cause": refusal.cause}
    client = {"sdk": sdk.family, "major": sdk.major, "times": kind.times}
    logger.warning("request refused", extra=fields | {"fix": refusal.fix} | client)
