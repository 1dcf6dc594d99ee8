"""The page's drawings, as plain SVG: the life of the credentials, the last refreshes, a mark for each state.

Places across are percentages, places down are pixels: so a drawing is as wide as its column and its text stays legible
on a phone. Colours and strokes are in `status.css`; nothing is shown by colour alone.
"""

import math
from collections.abc import Iterator, Sequence

from sidecar.admin.amounts import duration, tenths, took
from sidecar.admin.health import HealthState
from sidecar.admin.markup import Html, element, joined
from sidecar.core.model import Seconds
from sidecar.observe.snapshot import NextAttempt, RefreshSnapshot, RoleSnapshot

MARKS = {
    HealthState.HEALTHY: "M7 12.5l3.5 3.5 6.5-7.5",
    HealthState.STARTING: "M12 7v5l3 2",
    HealthState.WARNING: "M12 6.5v7M12 16.9v.2",
    HealthState.DOWN: "M8 8l8 8M16 8l-8 8",
    HealthState.STOPPING: "M9.5 8v8M14.5 8v8",
}
"""Drawn into a disc of 24 by 24: a tick, a clock's hands, an exclamation mark, a cross, a pause."""


def mark(state: HealthState) -> Html:
    """The sign beside the headline, which says the same."""
    disc = element("circle", cx=12, cy=12, r=12)
    return element("svg", disc, element("path", d=MARKS[state]), class_="mark", viewBox="0 0 24 24", aria_hidden="true")


# --- the life of the credentials -------------------------------------------------------------------------------


def life(role: RoleSnapshot) -> Html:
    """From issued (left) to expired (right): what is left is filled, and a flag stands at the next refresh."""
    session = role.session
    lifetime, left = (0, 0) if session is None else (tenths(session.lifetime), tenths(session.seconds_left))
    share = 100 * left / lifetime if lifetime else 0
    drawing = element(
        "svg",
        _hatching(),
        element("rect", class_="track", y=24, width="100%", height=12),
        element(
            "rect", class_="left", y=24, x=f"{100 - share:.2f}%", width=f"{share:.2f}%", height=12, data_life=lifetime
        ),
        _flag(role, 100 - share),
        aria_hidden="true",
    )
    return element(
        *("div", drawing),
        class_="life",
        role="progressbar",
        aria_label="Time left until the credentials expire",
        aria_valuemin=0,
        aria_valuemax=100,
        aria_valuenow=math.floor(share),
        aria_valuetext=f"{duration(left)} of {duration(lifetime)}" if lifetime else "none",
    )


def _hatching() -> Html:
    """What fills the bar while refreshes fail, so that it is not shown by colour alone."""
    stripe = element("path", d="M-1 5l6-6M1 9l8-8")
    pattern = element("pattern", stripe, id="hatching", width=8, height=8, patternUnits="userSpaceOnUse")
    return element("defs", pattern)


def _flag(role: RoleSnapshot, now: float) -> Html | None:
    """Where the next attempt stands on the bar, if it comes while these credentials live."""
    session, ahead = role.session, tenths(role.next_attempt_in)
    if session is None or role.next_attempt is not NextAttempt.PLANNED or ahead > session.seconds_left:
        return None
    at = now + 100 * ahead / session.lifetime
    anchor = "start" if at < 25 else "end" if at > 75 else "middle"  # noqa: PLR2004 (so that the text stays inside)
    what = "next attempt in " if role.last_error else "refresh in "
    words = element(
        "text", what, element("tspan", duration(ahead), data_left=ahead), x=f"{at:.2f}%", y=11, text_anchor=anchor
    )
    return joined(words, element("line", x1=f"{at:.2f}%", x2=f"{at:.2f}%", y1=16, y2=40))


# --- the last refreshes ----------------------------------------------------------------------------------------

SLOTS = 40
DECADES = (("10 s", 10.0), ("1 s", 1.0), ("100 ms", 0.1), ("10 ms", 0.01), ("1 ms", 0.001))
TOP, STEP = 8, 26
"""Pixels: of the first decade's line, and from one to the next."""
NOT_ASKED = TOP + STEP * len(DECADES)
"""The row below the decades, for attempts that ended before STS was called."""


def latencies(refreshes: Sequence[RefreshSnapshot]) -> Html:
    """Each refresh as a dot, or a cross if it failed, as high as STS took long; the newest at the right."""
    rows = [(name, _height(seconds)) for name, seconds in DECADES]
    if any(refresh.took is None for refresh in refreshes):
        rows.append(("no call", NOT_ASKED))
    height = rows[-1][1] + TOP
    scale = [element("text", name, x="100%", y=y + 4, text_anchor="end") for name, y in rows]
    lines = [element("line", x2="100%", y1=y, y2=y) for _, y in rows]
    points = _points(refreshes, rows[-1][1])
    plot = element("svg", *lines, *points, class_="plot", height=height, role="img", aria_label=summary(refreshes))
    return element(
        "div", element("svg", *scale, class_="scale", height=height, aria_hidden="true"), plot, class_="latencies"
    )


def _height(seconds: Seconds) -> float:
    """On a scale of decades: a time-out of ten seconds must not flatten the milliseconds beside it."""
    within = min(max(seconds, DECADES[-1][1]), DECADES[0][1])
    return round(TOP - STEP * math.log10(within / DECADES[0][1]), 1)


def _points(refreshes: Sequence[RefreshSnapshot], ground: float) -> Iterator[Html]:
    shown = refreshes[-SLOTS:]
    for place, refresh in enumerate(shown, start=SLOTS - len(shown)):
        yield _point(refresh, f"{100 * (place + 0.5) / SLOTS:.2f}%", ground)


def _point(refresh: RefreshSnapshot, x: str, ground: float) -> Html:
    failed, seconds = bool(refresh.code), refresh.took
    y = NOT_ASKED if seconds is None else _height(seconds)
    stem = element("line", class_="stem", x1=x, x2=x, y1=y, y2=ground)
    title = element("title", sentence(refresh))
    if not failed:
        return element("g", title, stem, element("circle", cx=x, cy=y, r=3.5))
    # A path has no percentages: a cross is placed by the small drawing that it is in.
    cross = element("svg", element("path", d="M-3.5-3.5l7 7M3.5-3.5l-7 7"), x=x, y=y, overflow="visible")
    return element("g", title, stem, cross, class_="failed")


def sentence(refresh: RefreshSnapshot) -> str:
    """One refresh in words."""
    outcome = refresh.code or "issued"
    time = "STS was not called" if refresh.took is None else took(refresh.took)
    return f"{outcome}, {time}, {duration(tenths(refresh.age))} ago"


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
