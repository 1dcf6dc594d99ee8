"""The last refreshes, drawn over time as plain SVG, and the same in words."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sidecar.admin.amounts import MINUTE, date_and_time, minute_of_day, took
from sidecar.admin.markup import Html, element
from sidecar.core.model import Seconds, UnixTime
from sidecar.observe.snapshot import RefreshSnapshot

DECADES = (("10 s", 10.0), ("1 s", 1.0), ("100 ms", 0.1), ("10 ms", 0.01), ("1 ms", 0.001))
TOP, STEP = 8, 26
"""Pixels: of the first decade's line, and from one to the next."""
NOT_ASKED = TOP + STEP * len(DECADES)
"""The row below the decades, for attempts that ended before STS was called."""
AXIS = 22
"""Pixels for the times below."""
TIMES = ((0, "start", ""), (50, "middle", "middle"), (100, "end", ""))
"""The times on the axis: percent from the left, where their text is anchored, and its class."""
EDGE = 1
"""Percent kept free at both ends, so that no mark is cut in half."""


@dataclass(frozen=True, slots=True)
class _Span:
    """The time that the chart shows: from the oldest refresh to now."""

    now: UnixTime
    length: Seconds

    @classmethod
    def of(cls, refreshes: Sequence[RefreshSnapshot], now: UnixTime) -> "_Span":
        return cls(now, max(MINUTE, *(refresh.age for refresh in refreshes), 0))

    def percent(self, age: Seconds) -> str:
        return f"{EDGE + (100 - 2 * EDGE) * (1 - age / self.length):.2f}%"

    def moment(self, percent: float) -> UnixTime:
        return self.now - self.length * (1 - percent / 100)


def chart(refreshes: Sequence[RefreshSnapshot], now: UnixTime) -> Html:
    """Each refresh as a dot, or a cross if it failed: when it was from left to right, how long STS took upwards."""
    span, rows = _Span.of(refreshes, now), [(name, _height(seconds)) for name, seconds in DECADES]
    if any(refresh.took is None for refresh in refreshes):
        rows.append(("no call", NOT_ASKED))
    ground = rows[-1][1]
    height = ground + TOP + AXIS
    scale = [element("text", name, x="100%", y=y + 4, text_anchor="end") for name, y in rows]
    lines = [element("line", x2="100%", y1=y, y2=y) for _, y in rows]
    points = (_point(refresh, span.percent(refresh.age), ground) for refresh in refreshes)
    drawn = (*lines, *_axis(span, ground), *points)
    plot = element("svg", *drawn, class_="plot", height=height, role="img", aria_label=summary(refreshes))
    return element(
        "div", element("svg", *scale, class_="scale", height=height, aria_hidden="true"), plot, class_="latencies"
    )


def _axis(span: _Span, ground: float) -> Iterator[Html]:
    for percent, anchor, kind in TIMES:
        x = f"{percent}%"
        yield element("line", class_="tick", x1=x, x2=x, y1=ground, y2=ground + 5)
        moment = minute_of_day(span.moment(percent))
        yield element("text", moment, class_=f"time {kind}".strip(), x=x, y=ground + AXIS, text_anchor=anchor)


def _height(seconds: Seconds) -> float:
    """On a scale of decades: a time-out of ten seconds must not flatten the milliseconds beside it."""
    within = min(max(seconds, DECADES[-1][1]), DECADES[0][1])
    return round(TOP - STEP * math.log10(within / DECADES[0][1]), 1)


def _point(refresh: RefreshSnapshot, x: str, ground: float) -> Html:
    failed, seconds = bool(refresh.code), refresh.took
    y = NOT_ASKED if seconds is None else _height(seconds)
    stem = element("line", class_="stem", x1=x, x2=x, y1=y, y2=ground)
    title = element("title", _outcome(refresh))
    if not failed:
        return element("g", title, stem, element("circle", cx=x, cy=y, r=3.5))
    # A path has no percentages: a cross is placed by the small drawing that it is in.
    cross = element("svg", element("path", d="M-3.5-3.5l7 7M3.5-3.5l-7 7"), x=x, y=y, overflow="visible")
    return element("g", title, stem, cross, class_="failed")


def _outcome(refresh: RefreshSnapshot) -> str:
    time = "STS was not called" if refresh.took is None else took(refresh.took)
    return f"{refresh.code or 'issued'}, {time}"


def sentence(refresh: RefreshSnapshot, now: UnixTime) -> str:
    """One refresh in words, as it can be found in the log."""
    return f"{date_and_time(now - refresh.age)} UTC: {_outcome(refresh)}"


def summary(refreshes: Sequence[RefreshSnapshot]) -> str:
    """All of them in words."""
    if not refreshes:
        return "No refresh yet."
    issued = sorted(refresh.took for refresh in refreshes if not refresh.code and refresh.took is not None)
    refreshed = "1 refresh" if len(refreshes) == 1 else f"{len(refreshes)} refreshes"
    counted = f"{refreshed}, {len(refreshes) - len(issued)} failed."
    if not issued:
        return counted
    return f"{counted} STS answered in {took(issued[len(issued) // 2])} (median) and at most {took(issued[-1])}."
