"""The image's layers by size, and what is in them. Run as `python -m bench.layers`.

The image is built as its tests build it, without a container engine. What the layers would weigh in a registry is
estimated by gzip. A base image, if the last stage has one, is not here to be weighed.
"""

import io
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.image.building import build
from tests.image.dockerfile import ROOT, Instruction, Stage, stages

MIB = 1 << 20
SHOWN = 12
"""Parts of each layer that are listed, largest first."""
LARGE = 8 * MIB
"""A directory of this size is opened, and its parts are listed in its stead."""


@dataclass(frozen=True, slots=True)
class Layer:
    """What one instruction copies. Sizes in bytes; `parts`: the directories or files in it, largest first."""

    instruction: str
    size: int
    compressed: int
    parts: Sequence[tuple[str, int]]


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="irsa-layers-") as name:
        Path(name).chmod(0o755)  # the image's user goes through it
        last = stages((ROOT / "Dockerfile").read_text())[-1]
        build(Path(name))
        found = sorted(layers(Path(name), last), key=lambda layer: layer.size, reverse=True)
    print(f"On {last.base}, MiB (compressed):\n")
    for layer in found:
        print(f"{layer.size / MIB:8.2f} ({layer.compressed / MIB:.2f})  {layer.instruction}")
        for part, size in layer.parts[:SHOWN]:
            print(f"{size / MIB:16.2f}  {part}")
    print(
        f"{sum(layer.size for layer in found) / MIB:8.2f} ({sum(layer.compressed for layer in found) / MIB:.2f})  all"
    )


def layers(built: Path, last: Stage) -> Iterator[Layer]:
    """The layers of the last stage. `built`: where its build left the root of each stage."""
    for instruction in last.instructions:
        if instruction.name == "COPY":
            for source in _sources(built, instruction):
                yield Layer(f"COPY {instruction.text}", _size(source), _compressed(source), _parts(source))


def _sources(built: Path, copy: Instruction) -> Iterator[Path]:
    words = copy.text.split()
    stage = words.pop(0).removeprefix("--from=") if words[0].startswith("--from=") else "context"
    yield from (built / stage / source.lstrip("/") for source in words[:-1])


def _size(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.lstat().st_size for file in files if not file.is_dir() or file.is_symlink())


def _compressed(path: Path) -> int:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        archive.add(path, arcname="layer")
    return len(packed.getvalue())


def _parts(path: Path) -> list[tuple[str, int]]:
    """Each library of ours by itself; of everything else the directories, and of the large ones what is in them."""
    libraries = next(path.glob("lib/python3*/site-packages"), path)
    found = {part: _size(part) for part in libraries.iterdir()} if path.is_dir() else {path: _size(path)}
    while large := [part for part, size in found.items() if size > LARGE and part.is_dir() and libraries == path]:
        for part in large:
            found |= {inner: _size(inner) for inner in part.iterdir()}
            del found[part]
    named = [(str(part.relative_to(path)) if path.is_dir() else part.name, size) for part, size in found.items()]
    return sorted(named, key=lambda part: part[1], reverse=True)


if __name__ == "__main__":
    main()
