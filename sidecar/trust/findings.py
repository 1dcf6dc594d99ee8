"""What the lint says: a mistake, its stable code, how bad it is, and what to write instead."""

import enum
from dataclasses import dataclass

Path = tuple[str | int, ...]


class Level(enum.Enum):
    """ERROR cannot work as written, or is a hole; WARNING is probably not meant; INFO is worth knowing."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Finding:
    """One mistake. `code` is stable; `where` is the path in the document, empty for the whole."""

    code: str
    level: Level
    message: str
    fix: str
    where: Path = ()
