"""Findings for a person, or for a program."""

import json
from collections.abc import Sequence

from sidecar.doctor.finding import Finding, Level
from sidecar.terminal.colour import Colour

HEALTHY, ILL = 0, 1


def as_text(finding: Finding, colour: Colour) -> str:
    """A line for what was seen; what it means, and what to do, only where somebody must act."""
    level = finding.level.value
    head = f"{colour(level, f'{level:<5}')} {finding.check}: {finding.saw}"
    if finding.level is Level.PASS:
        return head
    fix = "\n".join(f"        {line}" for line in finding.fix.splitlines())
    return f"{head}\n      {finding.message}" + (f"\n      Fix:\n{fix}" if fix else "")


def summary(findings: Sequence[Finding]) -> str:
    counts = [(level, sum(finding.level is level for finding in findings)) for level in Level]
    return ", ".join(f"{count} {level.value}" for level, count in counts if count)


def as_json(findings: Sequence[Finding]) -> str:
    """The documented form: these members, and no others, in every version of this major."""
    return json.dumps({"ok": exit_code(findings) == HEALTHY, "findings": [f.as_json() for f in findings]}, indent=2)


def exit_code(findings: Sequence[Finding]) -> int:
    return ILL if any(finding.level is Level.FAIL for finding in findings) else HEALTHY
