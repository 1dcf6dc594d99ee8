"""The picture for docs/benchmark.md: answers a second by clients, p99 at fixed rates, memory."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")

from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.ticker import NullLocator

from bench.targets import WORDS

Rows = Sequence[Mapping[str, Any]]
DASHED = "bound"


def draw(results: Mapping[str, Any], path: Path) -> None:
    figure, axes = plt.subplots(2, 2, figsize=(13, 9), layout="constrained")
    looks = _looks(results)
    for axis, (way, words) in zip(axes[0], WORDS.items(), strict=True):
        rows = [row for row in results.get("throughput", []) if row["connections"] == way]
        _lines(axis, rows, "clients", "per_second", looks)
        axis.set(title=f"Answers a second, {words}", xlabel="clients")
    rows = [row for row in results.get("fixed", []) if row["connections"] == "new"]
    _lines(axes[1][0], rows, "rate", "p99", looks)
    axes[1][0].set(title=f"p99 in ms at a fixed rate, {WORDS['new']}", xlabel="requests a second")
    _bars(axes[1][1], results.get("idle", []), looks)
    axes[1][1].set(title="Memory when idle, MiB RSS")
    shown = {label: handle for axis in (axes[0][0], axes[1][0]) for handle, label in _legend(axis)}
    figure.legend(shown.values(), shown.keys(), loc="outside lower center", ncols=4, frameon=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110, metadata={"Software": None})
    plt.close(figure)


def _legend(axis: Axes) -> Iterator[tuple[Any, str]]:
    return zip(*axis.get_legend_handles_labels(), strict=True)


def _looks(results: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """One colour for each server, the same in all panels; ours thick, bounds dashed."""
    looks = {}
    for number, server in enumerate(results["servers"]):
        bound, ours = server["kind"] == DASHED, server["kind"] == "ours"
        looks[server["server"]] = {
            "color": f"C{number}",
            "linestyle": "--" if bound else "-",
            "linewidth": 2.6 if ours else 1.4,
        }
    return looks


def _lines(axis: Axes, rows: Rows, x: str, y: str, looks: Mapping[str, Mapping[str, Any]]) -> None:
    for server in dict.fromkeys(row["server"] for row in rows):
        own = [row for row in rows if row["server"] == server]
        axis.plot([row[x] for row in own], [row[y] for row in own], marker="o", label=server, **looks[server])
    axis.set(xscale="log", yscale="log")
    ticks = sorted({row[x] for row in rows})
    axis.set_xticks(ticks, [f"{tick:,}" for tick in ticks])
    axis.xaxis.set_minor_locator(NullLocator())
    axis.yaxis.set_major_formatter("{x:,g}")
    axis.grid(visible=True, which="major", alpha=0.3)


def _bars(axis: Axes, rows: Rows, looks: Mapping[str, Mapping[str, Any]]) -> None:
    names = [row["server"] for row in rows]
    bars = axis.barh(names, [row["rss_mib"] for row in rows], color=[looks[name]["color"] for name in names])
    axis.bar_label(bars, fmt="%.0f", padding=3)
    axis.set_yticks([])  # the colours are in the legend
    axis.invert_yaxis()
