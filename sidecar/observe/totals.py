"""A counter of plain numbers, for what happens with every request: the library's takes a lock for each, which costs
three times as much.
"""

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

from sidecar.observe.families import Family


class Totals(Collector):
    """One series for each set of labels that was counted. For the event loop alone."""

    def __init__(self, family: Family) -> None:
        self._family = family
        self._counts: dict[tuple[str, ...], int] = {}

    def __call__(self, labels: tuple[str, ...], times: int = 1) -> None:
        """Count `times` more under `labels`, in the family's order."""
        self._counts[labels] = self._counts.get(labels, 0) + times

    def collect(self) -> Iterator[CounterMetricFamily]:
        family = CounterMetricFamily(self._family.name, self._family.meaning, labels=self._family.labels)
        for labels, count in self._counts.items():
            family.add_metric(labels, count)
        yield family
