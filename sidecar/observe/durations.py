"""A histogram that counts many equal durations at once, as answers to recognised requests are."""

from bisect import bisect_left
from collections.abc import Iterator
from itertools import accumulate

from prometheus_client.core import HistogramMetricFamily
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from sidecar.core.model import Seconds
from sidecar.observe.families import Family


class Durations(Collector):
    """One series for each value of the family's only label."""

    def __init__(self, family: Family) -> None:
        self._family = family
        self._bounds = [floatToGoString(bound) for bound in (*family.buckets, "inf")]  # type: ignore[no-untyped-call]
        self._counts: dict[str, list[int]] = {}
        self._sums: dict[str, Seconds] = {}

    def __call__(self, label: str, seconds: Seconds, times: int = 1) -> None:
        """Count `times` durations of so many `seconds`."""
        counts = self._counts.get(label) or self._counts.setdefault(label, [0] * len(self._bounds))
        counts[bisect_left(self._family.buckets, seconds)] += times
        self._sums[label] = self._sums.get(label, 0) + seconds * times

    def collect(self) -> Iterator[HistogramMetricFamily]:
        family = HistogramMetricFamily(self._family.name, self._family.meaning, labels=self._family.labels)
        for label, counts in self._counts.items():
            family.add_metric((label,), list(zip(self._bounds, accumulate(counts), strict=True)), self._sums[label])
        yield family
