"""What happened lately, for people: the last refreshes, the last failure, the token's rotations. Bounded, in memory."""

from dataclasses import dataclass

from sidecar.core.errors import SidecarError
from sidecar.core.model import Instant, Seconds
from sidecar.core.refresh import Failed, Issued, RefreshEvent, RoleState, SourceChanged

KEPT = 40
"""Refreshes: a day of healthy ones, or the last quarter of an hour of an outage."""


@dataclass(frozen=True, slots=True)
class Refresh:
    """One attempt. `took`: how long STS took, None when it was not asked; `code`: ours for a failure, else empty."""

    at: Instant
    took: Seconds | None
    code: str = ""
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class Failure:
    at: Instant
    error: SidecarError


class History:
    """The `Observer` that remembers. Of a success it keeps no credential."""

    def __init__(self) -> None:
        self.refreshes: list[Refresh] = []
        """The last `KEPT`. A deque would have room for 64 from the beginning, in each of fifty roles."""
        self.last_success: Refresh | None = None
        self.last_failure: Failure | None = None
        self.rotations = 0
        self.rotated_at: Instant | None = None

    def continue_from(self, before: "History") -> None:
        """Remember what `before` does."""
        self.refreshes = [*before.refreshes, *self.refreshes][-KEPT:]
        self.last_success, self.last_failure = before.last_success, before.last_failure
        self.rotations, self.rotated_at = before.rotations, before.rotated_at

    def __call__(self, role: str, event: RefreshEvent, state: RoleState) -> None:  # noqa: ARG002 (an observer's signature)
        match event:
            case Issued(at=at, credentials=credentials, took=took):
                self.last_success = Refresh(at, took, request_id=credentials.request_id)
                self._keep(self.last_success)
            case Failed(at=at, error=error, took=took):
                self.last_failure = Failure(at, error)
                self._keep(Refresh(at, took, code=error.code))
            case SourceChanged(at=at, what="token"):
                self.rotations += 1
                self.rotated_at = at

    def _keep(self, refresh: Refresh) -> None:
        self.refreshes.append(refresh)
        del self.refreshes[:-KEPT]
