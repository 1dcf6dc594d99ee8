"""Short ways to write what a check found: each names the check, the facts, and what they mean."""

from collections.abc import Callable

from sidecar.core.findings import Finding, Level
from sidecar.doctor.pod import Pod


def passed(check: str, saw: str, message: str) -> Finding:
    return Finding(code=check, level=Level.PASSED, saw=saw, message=message)


def warned(check: str, saw: str, message: str, fix: str) -> Finding:
    return Finding(code=check, level=Level.WARNING, saw=saw, message=message, fix=fix)


def failed(check: str, saw: str, message: str, fix: str) -> Finding:
    return Finding(code=check, level=Level.ERROR, saw=saw, message=message, fix=fix)


def skipped(check: str, saw: str, message: str, fix: str = "") -> Finding:
    return Finding(code=check, level=Level.SKIPPED, saw=saw, message=message, fix=fix)


def missing(
    pod: Pod,
    check: str,
    saw: str,
    message: str,
    fix: str,
    *,
    otherwise: Callable[[str, str, str, str], Finding] = failed,
) -> Finding:
    """A variable that is not there; only a question where it may come from something that we do not see."""
    if not pod.sources:
        return otherwise(check, saw, message, fix)
    return skipped(check, f"{saw} in env", f"Not checked: it may come from {', '.join(pod.sources)} (envFrom).", fix)
