"""The picture for docs/benchmark.md: what a request costs, how many are answered, how late, in how much memory."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")

from matplotlib import pyplot as plt
from matplotlib.axes import Axes

Rows = Sequence[Mapping[str, Any]]
CLIENTS, RATE = 16, 900
COLOURS = {"ours": "#1f6fb4", "peer": "#8c8c8c", "bound": "#d0d0d0"}
WAYS = {"kept": "kept connections", "new": "a connection each"}
FAR = 3
"""A server's bar that is so many times as long as the next would leave nothing to see of the others: it is cut."""


@dataclass(frozen=True, slots=True)
class Panel:
    """One figure of each server, by its name; more than one where it is asked in two ways."""

    title: str
    form: str
    values: Mapping[str, Mapping[str, float]]
    """By the way of connecting, or "" where there is one."""


def draw(results: Mapping[str, Any], path: Path) -> None:
    figure, axes = plt.subplots(2, 2, figsize=(13, 8.5), layout="constrained", sharey=True)
    kinds = {server["server"]: server["kind"] for server in results["servers"]}
    names = [name for name in kinds if name not in results["missing"]]
    for axis, panel in zip(axes.flat, _panels(results), strict=True):
        _bars(axis, panel, names, kinds)
    axes[0][0].set_yticks(range(len(names)), names)
    axes[0][0].invert_yaxis()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110, metadata={"Software": None})
    plt.close(figure)


def _panels(results: Mapping[str, Any]) -> list[Panel]:
    at_once = [row for row in results.get("throughput", []) if row["clients"] == CLIENTS]
    fixed = [row for row in results.get("fixed", []) if row["rate"] == RATE]
    idle = {row["server"]: row["rss_mib"] for row in results.get("idle", [])}
    return [
        Panel(f"CPU time per request, microseconds ({CLIENTS} clients)", "{:.0f}", _by_way(at_once, "cpu_us")),
        Panel(f"Requests per second on one core ({CLIENTS} clients)", "{:,.0f}", _by_way(at_once, "per_second")),
        Panel(f"99th percentile of latency, ms ({RATE} requests per second)", "{:.2f}", _by_way(fixed, "p99")),
        Panel("Memory when idle, MiB (RSS)", "{:.0f}", {"": idle}),
    ]


def _by_way(rows: Rows, column: str) -> dict[str, dict[str, float]]:
    return {
        words: {row["server"]: row[column] for row in rows if row["connections"] == way} for way, words in WAYS.items()
    }


def _bars(axis: Axes, panel: Panel, names: Sequence[str], kinds: Mapping[str, str]) -> None:
    ways = len(panel.values)
    limit = _limit([max(values.get(name, 0) for values in panel.values.values()) for name in names])
    for number, (way, values) in enumerate(panel.values.items()):
        for place, name in enumerate(names):
            if name in values:
                at, height = place + (number - (ways - 1) / 2) * 0.4, 0.8 / ways
                colour, alpha = COLOURS[kinds[name]], 1 if number == 0 else 0.55
                axis.barh(at, min(values[name], limit), height, color=colour, alpha=alpha)
                text = panel.form.format(values[name]) + (f"  {way}" if way and place == 0 else "")
                text += "  (bar cut)" if values[name] > limit else ""
                axis.text(min(values[name], limit) + limit * 0.01, at, text, va="center", fontsize=9)
    axis.set_xlim(0, limit * 1.22)
    axis.set_title(panel.title, fontsize=11)
    axis.set_xticks([])
    axis.spines[["top", "right", "bottom"]].set_visible(False)


def _limit(values: Sequence[float]) -> float:
    longest, following, *_ = [*sorted(values, reverse=True), 0, 0]
    return (following if longest > FAR * following > 0 else longest) or 1
