"""Formats instants (floats) as text."""

from datetime import UTC, datetime

from sidecar.core.model import UnixTime


def timestamp(moment: UnixTime) -> str:
    """`YYYY-MM-DDTHH:MM:SSZ`, rounded down. Given a fraction or an offset, some SDKs fail or fetch on every request."""
    return datetime.fromtimestamp(int(moment), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def readable_time(moment: int) -> str:
    """The same for an instant that others wrote: one further away than a calendar reaches stays a number."""
    try:
        return timestamp(moment)
    except (OverflowError, OSError, ValueError):
        return str(moment)
