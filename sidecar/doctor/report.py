"""Findings for a person, or for a program."""

import json
from collections.abc import Sequence
from textwrap import indent

from sidecar.core.findings import Finding, Level
from sidecar.terminal.colour import Colour

NONE_FAILED, SOME_FAILED = 0, 1
WORDS = {Level.PASSED: "pass", Level.WARNING: "warn", Level.ERROR: "fail", Level.SKIPPED: "skip"}
"""The levels as a doctor's report calls them: right, may go wrong, is wrong, could not or need not be looked at."""

_WORST_LAST = (Level.SKIPPED, Level.WARNING, Level.ERROR)


def as_text(finding: Finding, colour: Colour) -> str:
    """A line for what was seen; what it means, and what to do, only where somebody must act."""
    level = WORDS[finding.level]
    head = f"{colour(level, f'{level:<5}')} {finding.code}: {finding.saw}"
    if finding.level is Level.PASSED:
        return head
    fix = indent(finding.fix, " " * 8)
    return f"{head}\n{indent(finding.message, ' ' * 6)}" + (f"\n      Fix:\n{fix}" if fix else "")


def in_short(findings: Sequence[Finding]) -> list[Finding]:
    """What somebody may have to act on, the worst last, where a terminal still shows it."""
    return [finding for level in _WORST_LAST for finding in findings if finding.level is level]


def summary(findings: Sequence[Finding]) -> str:
    counts = [(word, sum(finding.level is level for finding in findings)) for level, word in WORDS.items()]
    return ", ".join(f"{count} {word}" for word, count in counts if count)


def as_json(findings: Sequence[Finding]) -> str:
    """The documented form: these members, and no others, in every version of this major."""
    return json.dumps({"ok": exit_code(findings) == NONE_FAILED, "findings": [_as_json(f) for f in findings]}, indent=2)


def _as_json(finding: Finding) -> dict[str, str]:
    return {
        "check": finding.code,
        "level": WORDS[finding.level],
        "saw": finding.saw,
        "message": finding.message,
        "fix": finding.fix,
    }


def exit_code(findings: Sequence[Finding]) -> int:
    return SOME_FAILED if any(finding.level is Level.ERROR for finding in findings) else NONE_FAILED
