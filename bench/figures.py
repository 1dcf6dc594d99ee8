"""Arithmetic on measurements, pure."""

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

UNSURE = 0.05
"""How often an interval may miss."""


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` of the values do not exceed; 0 when there are none."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else 0.0


def median(values: Iterable[float]) -> float:
    return statistics.median(values)


def interval_of_median(values: Sequence[float]) -> tuple[float, float] | None:
    """Where the median of what `values` are a sample of lies, with 95% confidence; None of too few to tell.

    By order statistics, which assume nothing of the distribution: each value lies above the median as often as a coin
    shows heads, so the smallest does as often as all tosses are heads, and so on.
    """
    ordered, count = sorted(values), len(values)
    outside, left_out = 2 / 2**count, 0
    if outside > UNSURE:
        return None
    while outside + 2 * math.comb(count, left_out + 1) / 2**count <= UNSURE:
        left_out += 1
        outside += 2 * math.comb(count, left_out) / 2**count
    return ordered[left_out], ordered[-1 - left_out]


def is_told(values: Sequence[float], limit: float) -> bool:
    """Does the interval of the median lie on one side of `limit`?"""
    interval = interval_of_median(values)
    return interval is not None and (interval[1] <= limit or interval[0] > limit)


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
