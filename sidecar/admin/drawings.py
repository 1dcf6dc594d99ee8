"""The page's drawings, as plain SVG: the life of the credentials, the last refreshes, a mark for each state.

Places across are percentages, places down are pixels: so a drawing is as wide as its column and its text stays legible
on a phone. Colours and strokes are in `status.css`; nothing is shown by colour alone.
"""

import math

from sidecar.admin.amounts import duration, tenths
from sidecar.admin.health import HealthState
from sidecar.admin.markup import Html, element, joined
from sidecar.observe.snapshot import NextAttempt, RoleSnapshot

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


def has_flag(role: RoleSnapshot) -> bool:
    """Does the next attempt come while these credentials live, and so stand on the bar?"""
    planned = role.next_attempt is NextAttempt.PLANNED
    return role.session is not None and planned and tenths(role.next_attempt_in) <= role.session.seconds_left


def _flag(role: RoleSnapshot, now: float) -> Html | None:
    """Where the next attempt stands on the bar."""
    session, ahead = role.session, tenths(role.next_attempt_in)
    if session is None or not has_flag(role):
        return None
    at = now + 100 * ahead / session.lifetime
    anchor = "start" if at < 25 else "end" if at > 75 else "middle"  # noqa: PLR2004 (so that the text stays inside)
    what = "next attempt in " if role.last_error else "refresh in "
    words = element(
        "text", what, element("tspan", duration(ahead), data_left=ahead), x=f"{at:.2f}%", y=11, text_anchor=anchor
    )
    return joined(words, element("line", x1=f"{at:.2f}%", x2=f"{at:.2f}%", y1=16, y2=40))
