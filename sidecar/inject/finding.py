"""What is to be said about a workload."""

from dataclasses import dataclass
from enum import StrEnum

Path = tuple[str | int, ...]
"""Keys, names or indexes of a list's items: `("spec", "containers", "app", "env", "AWS_REGION")`."""


class Level(StrEnum):
    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, or may be, and what to do about it. `path` leads to it from the document's top."""

    level: Level
    path: Path
    message: str
