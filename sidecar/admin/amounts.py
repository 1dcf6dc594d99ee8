"""Formats times for people. The page's script formats times by the same rules: see `duration` there."""

from sidecar.core.model import Seconds, UnixTime
from sidecar.core.timestamps import timestamp

MINUTE, HOUR, DAY = 60, 3600, 86_400


def duration(seconds: Seconds) -> str:
    """Two units at most, rounded down: `12 s`, `5 min 02 s`, `3 h 07 min`, `2 d 05 h`."""
    whole = max(0, int(seconds))
    if whole < MINUTE:
        return f"{whole} s"
    if whole < HOUR:
        return f"{whole // MINUTE} min {whole % MINUTE:02} s"
    if whole < DAY:
        return f"{whole // HOUR} h {whole % HOUR // MINUTE:02} min"
    return f"{whole // DAY} d {whole % DAY // HOUR:02} h"


def date_and_time(moment: UnixTime) -> str:
    """`2026-01-31 23:59:59`, in UTC."""
    return timestamp(moment)[:19].replace("T", " ")


def minute_of_day(moment: UnixTime) -> str:
    """`2026-01-31 23:59`, in UTC: for an axis."""
    return date_and_time(moment)[:16]


def tenths(seconds: Seconds) -> float:
    """As the page's script counts on from: more digits would say nothing."""
    return round(seconds, 1)


def took(seconds: Seconds) -> str:
    """`0.4 ms`, `84 ms`, `1.25 s`."""
    if seconds < 0.0095:  # noqa: PLR2004 (below, a whole number would say little)
        return f"{seconds * 1000:.1f} ms"
    return f"{seconds * 1000:.0f} ms" if seconds < 0.9995 else f"{seconds:.2f} s"  # noqa: PLR2004 (rounds to 1000 ms)
