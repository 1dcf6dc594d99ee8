"""What one check has to say: the only form in which the doctor speaks."""

import enum
from dataclasses import asdict, dataclass


class Level(enum.Enum):
    """PASS is right, WARN may go wrong, FAIL is wrong, SKIP could not or need not be looked at."""

    PASS = "pass"  # noqa: S105 (a verdict, not a password)
    WARN = "warn"
    FAIL = "fail"
    SKIP = "skip"


@dataclass(frozen=True, slots=True)
class Finding:
    """`check` is a stable name, `saw` the facts, `message` what they mean, `fix` what to paste or do, if anything."""

    check: str
    level: Level
    saw: str
    message: str
    fix: str = ""

    def as_json(self) -> dict[str, str]:
        return asdict(self) | {"level": self.level.value}


def passed(check: str, saw: str, message: str) -> Finding:
    return Finding(check, Level.PASS, saw, message)


def warned(check: str, saw: str, message: str, fix: str) -> Finding:
    return Finding(check, Level.WARN, saw, message, fix)


def failed(check: str, saw: str, message: str, fix: str) -> Finding:
    return Finding(check, Level.FAIL, saw, message, fix)


def skipped(check: str, saw: str, message: str, fix: str = "") -> Finding:
    return Finding(check, Level.SKIP, saw, message, fix)
