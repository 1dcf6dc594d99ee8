"""The series of all roles, made as they are written: those of fifty roles together would be a megabyte."""

import math
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import accumulate, chain, islice
from typing import Any

from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample
from prometheus_client.utils import floatToGoString

from sidecar.core.model import UnixTime
from sidecar.observe import families
from sidecar.observe.families import EXCHANGE_BUCKETS, Family
from sidecar.observe.labels import FAILED, ISSUED, NO_CODE
from sidecar.observe.role_metrics import NO_TIME, RoleMetrics

Row = tuple[str, tuple[str, ...], float]
"""One sample of one role: what follows the family's name, the labels' values after the role's, and the value."""
Rows = Callable[[RoleMetrics], Iterator[Row]]
NamedRoles = Sequence[tuple[str, RoleMetrics]]

BOUNDS = tuple(floatToGoString(bound) for bound in (*EXCHANGE_BUCKETS, math.inf))  # type: ignore[no-untyped-call]


class RoleCollector(Collector):
    """Gives the series of all roles."""

    def __init__(self, roles: Mapping[str, RoleMetrics]) -> None:
        self._roles = roles

    def collect(self) -> Iterator[Metric]:
        roles = tuple(self._roles.items())
        for family, rows in ROWS.items():
            metric = Metric(family.name.removesuffix("_total"), family.meaning, family.kind)
            metric.samples = RoleSamples(family, rows, roles)  # type: ignore[assignment] # a list is all the library has
            yield metric


class RoleSamples(Sequence[Sample]):
    """One family's samples of all roles. They are made when they are looked at, a role's at a time.

    A series that appears while a page is written is on the next page: it would move those after it.
    """

    def __init__(self, family: Family, rows: Rows, roles: NamedRoles) -> None:
        self._family = family
        self._rows = rows
        self._roles = roles
        self._counts = tuple(sum(1 for _ in rows(role)) for _, role in roles)
        self._ends = tuple(accumulate(self._counts))

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    def __iter__(self) -> Iterator[Sample]:
        return self._of_roles(slice(None))

    def __getitem__(self, wanted: Any) -> Any:
        """A slice, or one."""
        if isinstance(wanted, slice):
            start, stop, _ = wanted.indices(len(self))
            return self._between(start, stop)
        return self._between(wanted, wanted + 1)[0]

    def _between(self, start: int, stop: int) -> list[Sample]:
        first = bisect_right(self._ends, start)
        before = self._ends[first - 1] if first else 0
        last = bisect_right(self._ends, stop - 1)
        return list(islice(self._of_roles(slice(first, last + 1)), start - before, stop - before))

    def _of_roles(self, wanted: slice) -> Iterator[Sample]:
        return chain.from_iterable(map(self._of_role, self._roles[wanted], self._counts[wanted]))

    def _of_role(self, named: tuple[str, RoleMetrics], count: int) -> Iterator[Sample]:
        name, role = named
        family = self._family
        metric = family.name.removesuffix("_total")
        for suffix, values, value in islice(self._rows(role), count):
            labels = dict(zip(family.labels, (name, *values), strict=False))
            if suffix == "_bucket":
                labels["le"] = values[-1]
            yield Sample(f"{metric}{suffix}", labels, value)


# --- each family's rows of one role ----------------------------------------------------------------------------


def _one(suffix: str, value: Callable[[RoleMetrics], float]) -> Rows:
    def rows(role: RoleMetrics) -> Iterator[Row]:
        yield suffix, (), value(role)

    return rows


def _refreshes(role: RoleMetrics) -> Iterator[Row]:
    """An attempt every half hour: a series that appeared only with its first failure would hide that one from
    increase(), and a refused token is tried once. So all codes begin at zero.
    """
    yield "_total", (ISSUED, NO_CODE), role.issued
    for code in role.codes:
        yield "_total", (FAILED, code), role.failed.get(code, 0)


def _exchanges(role: RoleMetrics) -> Iterator[Row]:
    yield "_total", (ISSUED,), role.issued
    yield "_total", (FAILED,), role.calls_failed


def _regions(role: RoleMetrics) -> Iterator[Row]:
    for region, times in role.regions.items():
        yield "_total", (region,), times


def _call_times(role: RoleMetrics) -> Iterator[Row]:
    for code, times in role.times.items():
        labels = FAILED if code else ISSUED, code
        for bound, count in zip(BOUNDS, accumulate(times.counts), strict=True):
            yield "_bucket", (*labels, bound), count
        yield "_count", labels, sum(times.counts)
        yield "_sum", labels, times.total


def _expiration_of(role: RoleMetrics) -> UnixTime:
    token = role.token()
    return NO_TIME if token is None or math.isinf(token.claims.expires_at) else token.claims.expires_at


def _issue_of(role: RoleMetrics) -> UnixTime:
    token = role.token()
    return NO_TIME if token is None or math.isinf(token.claims.issued_at) else token.claims.issued_at


ROWS: Mapping[Family, Rows] = {
    families.VALID: _one("", lambda role: role.valid()),
    families.CREDENTIALS_EXPIRATION: _one("", lambda role: role.expiration),
    families.LAST_SUCCESS: _one("", lambda role: role.last_success),
    families.FIRST_CREDENTIAL: _one("", lambda role: role.first_credential),
    families.FAILURES: _one("", lambda role: role.failures),
    families.CLOCK_SKEW: _one("", lambda role: role.skew),
    families.TOKEN_EXPIRATION: _one("", _expiration_of),
    families.TOKEN_ISSUED: _one("", _issue_of),
    families.ROTATIONS: _one("_total", lambda role: role.rotations),
    families.SERVED: _one("_total", lambda role: role.served),
    families.DEGRADED: _one("_total", lambda role: role.degraded),
    families.REFRESHES: _refreshes,
    families.EXCHANGES: _exchanges,
    families.REGIONS_ISSUED: _regions,
    families.REFRESH_DURATION: _call_times,
}
