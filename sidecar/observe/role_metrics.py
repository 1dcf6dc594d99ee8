"""The numbers of each role: plain ones, a few hundred bytes while nobody scrapes.

`role_series` makes samples of them when the page is written; a library's object for each series would be fifty
kilobytes a role.
"""

from bisect import bisect_left
from collections.abc import Callable, Sequence

from sidecar.core.model import Credentials, Instant, Seconds, Token, UnixTime
from sidecar.core.ports import Clock
from sidecar.core.refresh import Failed, Issued, RefreshEvent, RoleState, SourceChanged
from sidecar.observe.families import EXCHANGE_BUCKETS
from sidecar.observe.labels import FAILURE_CODES, MOST_CODES, NO_CODE, OTHER, code_label

NO_TIME: UnixTime = 0


class CallTimes:
    """How long calls took: counts by bucket, and all of it together."""

    __slots__ = ("counts", "total")

    def __init__(self) -> None:
        self.counts = [0] * (len(EXCHANGE_BUCKETS) + 1)
        self.total: Seconds = 0

    def add(self, took: Seconds) -> None:
        self.counts[bisect_left(EXCHANGE_BUCKETS, took)] += 1
        self.total += took


class RoleMetrics:
    """One role's numbers, as its events change them: an `Observer`.

    `started_at`: when the process began to work, on `clock`. `token`, `valid`: asked when the page is written.
    `regions`: those whose STS may issue, where there are several.
    `codes`: of the failures that its source knows; any other is counted as `other`.
    """

    __slots__ = (
        *(
            "_clock",
            "_started_at",
            "codes",
            "degraded",
            "expiration",
            "failed",
            "failing",
            "failures",
            "first_credential",
        ),
        *("issued", "last_success", "regions", "rotations", "served", "skew", "times", "token", "valid"),
    )

    def __init__(
        self,
        clock: Clock,
        *,
        started_at: Instant,
        token: Callable[[], Token | None] = lambda: None,
        valid: Callable[[], bool] = lambda: False,
        regions: Sequence[str] = (),
        codes: Sequence[str] = FAILURE_CODES,
    ) -> None:
        self._clock = clock
        self._started_at = started_at
        self.codes = codes
        self.token = token
        self.valid = valid
        self.expiration: UnixTime = NO_TIME
        self.last_success: UnixTime = NO_TIME
        self.first_credential: Seconds = 0
        self.failing = False
        self.skew: Seconds = 0
        self.failures = self.rotations = self.served = self.degraded = self.issued = 0
        self.failed: dict[str, int] = {}
        self.times = {NO_CODE: CallTimes()}
        self.regions = dict.fromkeys(regions, 0)

    def __call__(self, role: str, event: RefreshEvent, state: RoleState) -> None:  # noqa: ARG002 (an observer's signature)
        match event:
            case Issued(at=at, credentials=credentials, took=took):
                self._note_issued(at, credentials, took)
            case Failed(error=error, took=took):
                self._note_failed(code_label(error, self.codes), took)
            case SourceChanged(what="token"):
                self.rotations += 1
        self.failures = state.failures
        self.failing = state.error is not None

    def _note_issued(self, at: Instant, credentials: Credentials, took: Seconds) -> None:
        if not self.issued:
            self.first_credential = at - self._started_at
        self.issued += 1
        self.last_success = self._clock.wall()
        self.expiration = credentials.expiration
        self.times[NO_CODE].add(took)
        if credentials.region:
            self.regions[credentials.region] = self.regions.get(credentials.region, 0) + 1

    def _note_failed(self, code: str, took: Seconds | None) -> None:
        self.failed[code] = self.failed.get(code, 0) + 1
        if took is None:  # STS was not asked
            return
        room = code in self.times or len(self.times) <= MOST_CODES
        self.times.setdefault(code if room else OTHER, CallTimes()).add(took)

    def continue_from(self, before: "RoleMetrics") -> None:
        """The credentials are those of `before`."""
        self.expiration, self.last_success = before.expiration, before.last_success

    def note_served(self, times: int = 1) -> None:
        """So many applications were given the credentials."""
        self.served += times
        self.degraded += times * self.failing

    def note_skew(self, seconds: Seconds) -> None:
        """STS's clock is so far ahead of the node's."""
        self.skew = seconds

    @property
    def calls_failed(self) -> int:
        """Calls to STS that ended without credentials."""
        return sum(sum(times.counts) for code, times in self.times.items() if code != NO_CODE)
