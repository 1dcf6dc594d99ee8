"""What the build is sent: the project without what `.dockerignore` leaves out."""

import re
import shutil
from pathlib import Path, PurePosixPath


def copy_context(source: Path, names: list[str], target: Path) -> None:
    """Copy those of the files that the build would see. `names` are relative to `source`."""
    rules = read_rules((source / ".dockerignore").read_text())
    for name in names:
        if sent(name, rules):
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source / name, target / name)


def read_rules(text: str) -> list[tuple[bool, re.Pattern[str]]]:
    """Each line as: does it bring files back, and which paths it means."""
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [(line.startswith("!"), _pattern(line.removeprefix("!").rstrip("/"))) for line in lines]


def sent(name: str, rules: list[tuple[bool, re.Pattern[str]]]) -> bool:
    """The last rule that means the file, or a directory above it, decides. Docker's documentation of .dockerignore."""
    path = PurePosixPath(name)
    above = [str(part) for part in (path, *path.parents)]
    decisions = [back for back, pattern in rules if any(pattern.fullmatch(part) for part in above)]
    return not decisions or decisions[-1]


def _pattern(rule: str) -> re.Pattern[str]:
    pieces = re.split(r"(\*\*/|\*|\?)", rule)
    meaning = {"**/": "(?:.*/)?", "*": "[^/]*", "?": "[^/]"}
    return re.compile("".join(meaning.get(piece, re.escape(piece)) for piece in pieces))
