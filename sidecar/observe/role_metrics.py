"""The series of each role: plain numbers, which become samples when the page is written.

Ten numbers and a few counts are what a role costs while nobody scrapes; a library's object for each series of it would
be fifty kilobytes.
"""

import math
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import accumulate
from typing import TypeVar

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from sidecar.core.model import Credentials, Instant, Seconds, Token, UnixTime
from sidecar.core.ports import Clock
from sidecar.core.refresh import Failed, Issued, RefreshEvent, RoleState, SourceChanged
from sidecar.observe import families
from sidecar.observe.families import EXCHANGE_BUCKETS, Family
from sidecar.observe.labels import FAILED, FAILURE_CODES, ISSUED, MOST_CODES, NO_CODE, OTHER, code_label

NO_TIME: UnixTime = 0

AnyFamily = TypeVar("AnyFamily", CounterMetricFamily, GaugeMetricFamily)


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
                self._note_failed(code_label(error), took)
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
        code = code if code in self.codes else OTHER
        self.failed[code] = self.failed.get(code, 0) + 1
        if took is None:  # STS was not asked
            return
        room = code in self.times or len(self.times) <= MOST_CODES
        self.times.setdefault(code if room else OTHER, CallTimes()).add(took)

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


class RoleCollector(Collector):
    """Writes the series of all roles."""

    def __init__(self, roles: Mapping[str, RoleMetrics]) -> None:
        self._roles = roles

    def collect(self) -> Iterator[Metric]:
        for family, value in GAUGES.items():
            yield self._each(GaugeMetricFamily(family.name, family.meaning, labels=family.labels), value)
        for family, value in COUNTERS.items():
            yield self._each(CounterMetricFamily(family.name, family.meaning, labels=family.labels), value)
        for counted, values in COUNTERS_BY_LABEL.items():
            yield self._each_of(counted, values)
        yield self._call_times(families.REFRESH_DURATION)

    def _each(self, metric: AnyFamily, value: Callable[[RoleMetrics], float]) -> AnyFamily:
        for name, role in self._roles.items():
            metric.add_metric((name,), value(role))
        return metric

    def _each_of(self, family: Family, values: "Labelled") -> CounterMetricFamily:
        metric = CounterMetricFamily(family.name, family.meaning, labels=family.labels)
        for name, role in self._roles.items():
            for labels, value in values(role):
                metric.add_metric((name, *labels), value)
        return metric

    def _call_times(self, family: Family) -> HistogramMetricFamily:
        metric = HistogramMetricFamily(family.name, family.meaning, labels=family.labels)
        for name, role in self._roles.items():
            for code, times in role.times.items():
                buckets = list(zip(BOUNDS, accumulate(times.counts), strict=True))
                metric.add_metric((name, FAILED if code else ISSUED, code), buckets, times.total)
        return metric


Labelled = Callable[[RoleMetrics], Iterator[tuple[tuple[str, ...], float]]]
BOUNDS = tuple(floatToGoString(bound) for bound in (*EXCHANGE_BUCKETS, math.inf))  # type: ignore[no-untyped-call]


def _refreshes(role: RoleMetrics) -> Iterator[tuple[tuple[str, ...], float]]:
    """An attempt every half hour: a series that appeared only with its first failure would hide that one from
    increase(), and a refused token is tried once. So all codes begin at zero.
    """
    yield (ISSUED, NO_CODE), role.issued
    for code in role.codes:
        yield (FAILED, code), role.failed.get(code, 0)


def _exchanges(role: RoleMetrics) -> Iterator[tuple[tuple[str, ...], float]]:
    yield (ISSUED,), role.issued
    yield (FAILED,), role.calls_failed


def _regions(role: RoleMetrics) -> Iterator[tuple[tuple[str, ...], float]]:
    return (((region,), times) for region, times in role.regions.items())


def _expiration_of(role: RoleMetrics) -> UnixTime:
    token = role.token()
    return NO_TIME if token is None or math.isinf(token.claims.expires_at) else token.claims.expires_at


def _issue_of(role: RoleMetrics) -> UnixTime:
    token = role.token()
    return NO_TIME if token is None or math.isinf(token.claims.issued_at) else token.claims.issued_at


GAUGES: Mapping[Family, Callable[[RoleMetrics], float]] = {
    families.VALID: lambda role: role.valid(),
    families.CREDENTIALS_EXPIRATION: lambda role: role.expiration,
    families.LAST_SUCCESS: lambda role: role.last_success,
    families.FIRST_CREDENTIAL: lambda role: role.first_credential,
    families.FAILURES: lambda role: role.failures,
    families.CLOCK_SKEW: lambda role: role.skew,
    families.TOKEN_EXPIRATION: _expiration_of,
    families.TOKEN_ISSUED: _issue_of,
}
COUNTERS: Mapping[Family, Callable[[RoleMetrics], float]] = {
    families.ROTATIONS: lambda role: role.rotations,
    families.SERVED: lambda role: role.served,
    families.DEGRADED: lambda role: role.degraded,
}
COUNTERS_BY_LABEL: Mapping[Family, Labelled] = {
    families.REFRESHES: _refreshes,
    families.EXCHANGES: _exchanges,
    families.REGIONS_ISSUED: _regions,
}
