"""An audit for people: one line for each pair, then the findings with their fixes, the worst last."""

from collections.abc import Iterator

from sidecar.audit.cross_examination import Audit, Unintended
from sidecar.audit.intentions import Intended
from sidecar.core.findings import Finding, Level
from sidecar.terminal.colour import Colour

_SHOWN = 5
_ORDER = (Level.SKIPPED, Level.INFO, Level.WARNING, Level.ERROR)
_WORDS = {Level.PASSED: "can", Level.ERROR: "cannot", Level.SKIPPED: "unknown"}
Row = tuple[str, str, str, str, str]


def lines_of(found: Audit, colour: Colour) -> Iterator[str]:
    """The whole report."""
    yield from _table(found, colour)
    for level in _ORDER:
        for about, finding in _findings(found):
            if finding.level is level:
                yield from _told(about, finding, colour)
    yield ""
    yield summary(found)


def summary(found: Audit) -> str:
    accounts = sum(len(cluster.accounts) for cluster in found.clusters)
    looked_at = (_count(len(found.clusters), "cluster"), _count(accounts, "service account"))
    wrong = (_count(found.levels.get(level, 0), level.value) for level in (Level.ERROR, Level.WARNING))
    return f"{', '.join((*looked_at, _count(len(found.roles), 'role')))}: {', '.join(wrong)}"


def _count(number: int, name: str) -> str:
    return f"{number} {name}{'s' * (number != 1)}"


def _table(found: Audit, colour: Colour) -> Iterator[str]:
    rows: list[tuple[Level, Row]] = [(entry.level, _of_intended(entry)) for entry in found.intended]
    rows += [(entry.level, _of_unintended(entry)) for entry in found.unintended]
    heading: Row = ("RESULT", "CLUSTER", "SERVICE ACCOUNT", "ROLE", "WHY")
    widths = [max(len(row[column]) for row in (heading, *(row for _, row in rows))) for column in range(4)]
    yield _aligned(heading, widths)
    for level, row in rows:
        yield colour(level, row[0]) + _aligned(row, widths)[len(row[0]) :]


def _aligned(row: Row, widths: list[int]) -> str:
    cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
    return "  ".join((*cells, row[-1])).rstrip()


def _of_intended(entry: Intended) -> Row:
    why = ", ".join(dict.fromkeys(reason.code for reason in entry.reasons)) or _reservation(entry.depends_on)
    return _WORDS[entry.level], entry.cluster.name, entry.account.written, entry.role_arn, why


def _of_unintended(entry: Unintended) -> Row:
    why = "named in the policy, annotated nowhere" if entry.named else "a pattern or a missing condition"
    told = "; ".join(filter(None, (why, _reservation(entry.depends_on))))
    return "not meant", entry.cluster.name, who(entry), entry.role_arn, told


def who(entry: Unintended) -> str:
    """The accounts, or how many."""
    count = len(entry.accounts)
    if entry.everyone:
        return f"every one ({count} not meant)"
    names = ", ".join(account.written for account in entry.accounts[:_SHOWN])
    return names if count <= _SHOWN else f"{names}, … ({count})"


def _reservation(depends_on: tuple[str, ...]) -> str:
    return f"if the conditions on {', '.join(depends_on)} hold" if depends_on else ""


def _findings(found: Audit) -> Iterator[tuple[str, Finding]]:
    for entry in found.intended:
        for reason in entry.reasons:
            yield f"{entry.cluster.name} {entry.account.written} ({entry.told_by})", reason
    for remark in found.remarks:
        yield remark.about, remark.finding


def _told(about: str, finding: Finding, colour: Colour) -> Iterator[str]:
    yield f"\n{colour(finding.level, f'{finding.level:<8}')} {finding.code}: {about}\n  {finding.message}"
    if finding.fix:
        yield f"  Fix: {finding.fix}"
