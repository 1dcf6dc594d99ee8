"""Arithmetic on measurements, pure."""

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import Any


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
            found[name] = _sums([row[name] for row in group])
        elif name not in by:
            found[name] = statistics.median(row[name] for row in group)
            assert isinstance(value, int | float)
    return found


def _sums(counts: Sequence[Mapping[str, int]]) -> dict[str, int]:
    return {kind: sum(count.get(kind, 0) for count in counts) for kind in sorted(set().union(*counts))}
