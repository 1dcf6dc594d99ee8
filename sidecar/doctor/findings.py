"""Short ways to write what a check found: each names the check, the facts, and what they mean."""

from sidecar.core.findings import Finding, Level


def passed(check: str, saw: str, message: str) -> Finding:
    return Finding(code=check, level=Level.PASSED, saw=saw, message=message)


def warned(check: str, saw: str, message: str, fix: str) -> Finding:
    return Finding(code=check, level=Level.WARNING, saw=saw, message=message, fix=fix)


def failed(check: str, saw: str, message: str, fix: str) -> Finding:
    return Finding(code=check, level=Level.ERROR, saw=saw, message=message, fix=fix)


def skipped(check: str, saw: str, message: str, fix: str = "") -> Finding:
    return Finding(code=check, level=Level.SKIPPED, saw=saw, message=message, fix=fix)
