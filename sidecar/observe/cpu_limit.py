"""How much CPU the container may use, as its cgroup tells."""

from pathlib import Path

CGROUPS = Path("/sys/fs/cgroup")


def cpu_limit(cgroups: Path = CGROUPS) -> float | None:
    """In CPUs; None for no limit, and where none can be read."""
    # docs.kernel.org, admin-guide/cgroup-v2: `$MAX $PERIOD`, `max` for no limit. Version 1: a file for each, and -1.
    for quota, period in (_v2(cgroups), _v1(cgroups)):
        if quota.isdigit() and period.isdigit() and int(period):
            return int(quota) / int(period)
    return None


def _v2(cgroups: Path) -> tuple[str, str]:
    quota, _, period = _text(cgroups / "cpu.max").partition(" ")
    return quota, period


def _v1(cgroups: Path) -> tuple[str, str]:
    return _text(cgroups / "cpu" / "cpu.cfs_quota_us"), _text(cgroups / "cpu" / "cpu.cfs_period_us")


def _text(file: Path) -> str:
    try:
        return file.read_text().strip()
    except (OSError, ValueError):
        return ""
