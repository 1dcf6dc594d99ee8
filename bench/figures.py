"""Arithmetic on measurements, pure but for the chance that `random` brings."""

import math
import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from random import Random
from typing import Any

UNSURE = 0.05
"""How often an interval may miss."""
DRAWS = 1000
Latencies = Sequence[tuple[float, float]]
"""Those of a slice of time: each that there was, and how often."""


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` of the values do not exceed; 0 when there are none."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else 0.0


def median(values: Iterable[float]) -> float:
    return statistics.median(values)


def medians(rows: Sequence[Mapping[str, Any]], by: Sequence[str]) -> list[dict[str, Any]]:
    """One row for each combination of `by`: medians of numbers, sums of error counts, spread of `per_second`."""
    groups: dict[tuple[Any, ...], list[Mapping[str, Any]]] = {}
    for row in rows:
        groups.setdefault(tuple(row[name] for name in by), []).append(row)
    return [dict(zip(by, key, strict=True)) | _median(group, by) for key, group in groups.items()]


def _median(group: Sequence[Mapping[str, Any]], by: Sequence[str]) -> dict[str, Any]:
    found: dict[str, Any] = {"rounds": len(group)}
    for name, value in group[0].items():
        if name == "errors":
            found[name] = sums([row[name] for row in group])
        elif name not in by:
            found[name] = statistics.median(row[name] for row in group)
            assert isinstance(value, int | float)
    return found


def sums(counts: Sequence[Mapping[str, int]]) -> dict[str, int]:
    return {kind: sum(count.get(kind, 0) for count in counts) for kind in sorted(set().union(*counts))}


class Slices:
    """The latencies of several slices of time, taken together."""

    def __init__(self, slices: Sequence[Latencies]) -> None:
        self._counts = [sum(count for _, count in one) for one in slices]
        every = ((value, number, count) for number, one in enumerate(slices) for value, count in one)
        self._descending = sorted(every, reverse=True)

    def quantile(self, share: float, times: Sequence[int] | None = None) -> float:
        """The smallest latency that at least `share` of all do not exceed; 0 of nothing.

        `times`: as if each slice had been there so often.
        """
        weights = times or [1] * len(self._counts)
        above = sum(weight * count for weight, count in zip(weights, self._counts, strict=True)) * (1 - share)
        value = 0.0
        for value, number, count in self._descending:  # noqa: B007 (the last one is the result)
            above -= weights[number] * count
            if above < 0:
                break
        return value


def ratio(ones: Slices, others: Slices, share: float) -> float:
    """Of their quantiles."""
    return ones.quantile(share) / others.quantile(share)


def interval_of_ratio(
    ones: Sequence[Latencies], others: Sequence[Latencies], share: float, random: Random
) -> tuple[float, float]:
    """Where the ratio of the quantiles lies, with 95% confidence: by the bootstrap, which assumes nothing of what the
    latencies are like.

    Slices of the same number were taken at the same time. The ratio is computed again and again of as many slices,
    drawn with replacement and in pairs: how much it varies then is how much it would vary from run to run.
    """
    one, other, count = Slices(ones), Slices(others), len(ones)
    ratios = []
    for _ in range(DRAWS):
        drawn = Counter(random.choices(range(count), k=count))
        times = [drawn[number] for number in range(count)]
        ratios.append(one.quantile(share, times) / other.quantile(share, times))
    return quantile(ratios, UNSURE / 2), quantile(ratios, 1 - UNSURE / 2)
