"""Short ways to write a finding: every room of `explain` speaks through these."""

from sidecar.trust import Finding, Level

Where = tuple[str | int, ...]


def error(code: str, message: str, fix: str, where: Where = ()) -> Finding:
    """Something for which STS refuses."""
    return Finding(code, Level.ERROR, message, fix, where)


def warning(code: str, message: str, fix: str, where: Where = ()) -> Finding:
    """Something that may be refused, or will be one day."""
    return Finding(code, Level.WARNING, message, fix, where)


def info(code: str, message: str, fix: str = "", where: Where = ()) -> Finding:
    """Something to know: an assumption, a limit of what can be seen."""
    return Finding(code, Level.INFO, message, fix, where)
