"""Writes the version of `sidecar/__init__.py` into all that names the image by it: `make docs`. A test holds it."""

import re
from collections.abc import Iterator
from pathlib import Path

from sidecar import __version__

ROOT = Path(__file__).parent.parent
NUMBER = r"\d+\.\d+\.\d+"
IMAGE = re.compile(rf"((?<![\w-])irsa-sidecar:){NUMBER}")
TAG = re.compile(rf"(\n  - name: irsa-sidecar\n    newName: \S+[^\n]*\n    newTag: ){NUMBER}")
ARGUMENT = re.compile(rf"(^ARG VERSION=){NUMBER}", re.MULTILINE)
CHART = re.compile(rf"(^(?:version|appVersion): \"?){NUMBER}", re.MULTILINE)


def written(path: Path) -> str:
    """The file as it is with this version."""
    text = path.read_text()
    for pattern in (IMAGE, TAG, ARGUMENT, *((CHART,) if path.name == "Chart.yaml" else ())):
        text = pattern.sub(rf"\g<1>{__version__}", text)
    return text


def files() -> Iterator[Path]:
    """All that may name the version."""
    yield from (ROOT / "Dockerfile", ROOT / "README.md")
    for folder in ("docs", "manifests"):
        yield from (path for path in sorted((ROOT / folder).rglob("*")) if path.suffix in {".md", ".yaml", ".sh"})


def main() -> None:
    for path in files():
        if (text := written(path)) != path.read_text():
            path.write_text(text)


if __name__ == "__main__":
    main()
