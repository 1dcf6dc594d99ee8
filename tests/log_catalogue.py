"""docs/logs.md as data, and the listener that holds every log line of every test against it."""

import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
SOURCE, PAGE = ROOT / "sidecar", ROOT / "docs" / "logs.md"
ROW = re.compile(r"^\| `(?P<event>[^`]+)` \| (?P<levels>[a-z, ]+) \| (?P<fields>[^|]*) \|", re.MULTILINE)
USUAL = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


@dataclass(frozen=True, slots=True)
class Entry:
    """What the page says of one event."""

    levels: frozenset[str]
    always: frozenset[str]
    sometimes: frozenset[str]


def _entries() -> Iterator[tuple[str, Entry]]:
    for row in ROW.finditer(PAGE.read_text()):
        sometimes = frozenset(re.findall(r"\*`(\w+)`\*", row["fields"]))
        every = frozenset(re.findall(r"`(\w+)`", row["fields"]))
        yield row["event"], Entry(frozenset(row["levels"].split(", ")), every - sometimes, sometimes)


CATALOGUE = dict(_entries())


def complaints(record: logging.LogRecord) -> list[str]:
    """Where a record and the page disagree."""
    event = record.getMessage()
    entry = CATALOGUE.get(event)
    if entry is None:
        return [f"{event!r} is not in docs/logs.md"]
    fields = set(vars(record)) - USUAL
    unknown, missing = fields - entry.always - entry.sometimes, entry.always - fields
    found = []
    if unknown:
        found.append(f"{event!r} has fields that docs/logs.md does not name: {', '.join(sorted(unknown))}")
    if missing:
        found.append(f"{event!r} lacks fields that docs/logs.md promises: {', '.join(sorted(missing))}")
    if record.levelname.lower() not in entry.levels:
        found.append(f"{event!r} is {record.levelname.lower()}, which docs/logs.md does not say")
    return found


class Listener(logging.Handler):
    """Collects what is wrong with the lines that come from the sidecar's source."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.complaints: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if Path(record.pathname).is_relative_to(SOURCE):
            self.complaints += complaints(record)
