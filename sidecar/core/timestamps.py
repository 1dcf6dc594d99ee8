"""Formats instants (floats) as text."""

from datetime import UTC, datetime

from sidecar.core.model import UnixTime


def timestamp(moment: UnixTime) -> str:
    """`YYYY-MM-DDTHH:MM:SSZ`, rounded down. Given a fraction or an offset, some SDKs fail or fetch on every request."""
    return datetime.fromtimestamp(int(moment), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
