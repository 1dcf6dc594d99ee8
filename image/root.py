"""Gathers the root file system of the image: Python, the libraries it and ours are linked against, CA certificates.

Nothing else comes along: no shell, no package manager, no pip. It runs once, in the build stage (`Dockerfile`):
`python root.py ROOT APP`, where APP is the virtual environment that will lie beside it.
"""

import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from pathlib import Path

CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
LEFT_OUT = (
    "*-packages",
    "__pycache__",
    "test",
    "config-*",
    "ensurepip",
    "idlelib",
    "tkinter",
    "turtledemo",
    "distutils",
    "lib2to3",
)
"""Of the standard library: what only a person at a terminal or a build needs."""
UNWANTED = re.compile(r"(_ctypes_test|_test\w*|_xx\w*|xxlimited\w*|_tkinter|_curses\w*|readline|_g?dbm|_sqlite3|nis)\.")
"""Extension modules that would bring libraries of their own, for nothing that a sidecar does."""
LOADED_BY_NAME = ("libgcc_s.so.1",)
"""What the C library opens by itself when a thread is cancelled: no file lists it."""


def main(root: Path, app: Path) -> None:
    """Fill `root`. Raises `SystemExit` for a library that is needed and not there."""
    python = app / "bin/python"
    library = Path(sysconfig.get_path("stdlib"))
    copy_with_links(python, root, outside=app)
    shutil.copytree(library, beneath(root, library), symlinks=True, ignore=left_out)
    wanted = [python.resolve(), *elf_files(beneath(root, library)), *elf_files(app)]
    libraries = sorted(set(linked(wanted, outside=app)))
    for path in (*libraries, CERTIFICATES):
        copy(path, root)
    record_packages(libraries, root)
    # Without this the C library asks DNS for localhost before it looks into /etc/hosts.
    (root / "etc/nsswitch.conf").write_text("hosts: files dns\n")
    subprocess.run(["ldconfig", "-r", root, *sorted({str(path.parent) for path in libraries})], check=True)


def left_out(_: str, names: list[str]) -> set[str]:
    ignored = shutil.ignore_patterns(*LEFT_OUT)(_, names)
    return {str(name) for name in ignored} | {name for name in names if UNWANTED.match(name)}


def beneath(root: Path, path: Path) -> Path:
    return root / path.relative_to("/")


def copy(path: Path, root: Path) -> None:
    """The file itself at the same place, whatever links led to it."""
    beneath(root, path).parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(path, beneath(root, path))


def copy_with_links(path: Path, root: Path, outside: Path) -> None:
    """The file, and each link on the way to it that does not lie in `outside`."""
    while path.is_symlink():
        if not path.is_relative_to(outside):
            beneath(root, path).parent.mkdir(parents=True, exist_ok=True)
            beneath(root, path).symlink_to(path.readlink())
        path = path.parent / path.readlink()
    copy(path, root)


def elf_files(directory: Path) -> Iterator[Path]:
    return (path for path in directory.rglob("*.so*") if path.is_file())


def linked(files: Iterable[Path], outside: Path) -> Iterator[Path]:
    """The libraries that the loader would open for these files, and for those in turn. `outside` has its own."""
    command: list[str | Path] = ["ldd", *files]
    shown = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    if missing := re.findall(r"(\S+) => not found", shown):
        raise SystemExit(f"not in the build stage: {', '.join(sorted(set(missing)))}")
    opened = [Path(path) for path in re.findall(r"(/\S+) \(0x", shown)]
    yield from (path for path in opened if not path.is_relative_to(outside))
    for name in LOADED_BY_NAME:
        yield from (path.parent / name for path in opened if (path.parent / name).exists())


def record_packages(libraries: Iterable[Path], root: Path) -> None:
    """Say which of Debian's packages the libraries are from, where scanners look for it in an image without dpkg."""
    folder = root / "var/lib/dpkg/status.d"
    folder.mkdir(parents=True)
    for package in owners(libraries):
        command = ["dpkg-query", "--status", package]
        status = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        (folder / package.partition(":")[0]).write_text(status)


def owners(paths: Iterable[Path]) -> list[str]:
    """The packages that hold these files; none for what was compiled into the base image."""
    # /lib is a link to /usr/lib; a package may list its files by either name.
    names = [name for path in paths for name in (str(path), f"/usr{path}", str(path).removeprefix("/usr"))]
    command = ["dpkg-query", "--search", *names]
    found = subprocess.run(command, check=False, capture_output=True, text=True).stdout
    lines = [line for line in found.splitlines() if not line.startswith("diversion ")]
    return sorted({package for line in lines for package in line.rpartition(": ")[0].split(", ")})


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
