"""Makes the peers and the load generator from locked dependencies, in `.cache/bench`, once for each state of a folder.

What cannot be made is named in the results, and the reason is printed; the rest is measured.
"""

import asyncio
import hashlib
import os
import re
import shutil
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
CACHE = HERE.parent / ".cache" / "bench"
AT_ONCE = 2

PACKAGES = {
    "wrk": "wrk",
    "go": "golang-go",
    "npm": "npm",
    "taskset": "util-linux",
}
"""Debian's package for each program that is needed here."""

# No `pip check` behind it: metadataproxy's own list of requirements is of 2018, and ours replaces it.
PIP = (
    (sys.executable, "-m", "venv", "venv"),
    ("venv/bin/python", "-m", "pip", "install", "-q", "--no-deps", "--require-hashes", "-r", "requirements.txt"),
)
NPM = (("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"),)
GO = ("go", "build", "-modcacherw", "-buildvcs=false", "-trimpath")


@dataclass(frozen=True, slots=True)
class Build:
    """One thing to make: its folder here, and the commands that run in the copy of it."""

    folder: str
    steps: tuple[Sequence[str], ...]

    @property
    def name(self) -> str:
        return Path(self.folder).name

    @property
    def made(self) -> Path:
        return CACHE / self.name


BUILDS = (
    Build("generator", ((*GO, "-o", "generator", "."),)),
    Build("peers/go-server", ((*GO, "-o", "go-server", "."),)),
    Build("peers/imds-broker", NPM),
    Build("peers/aws-vault", ((*GO, "-mod=readonly", "-o", "aws-vault", "github.com/99designs/aws-vault/v7"),)),
    Build("peers/metadataproxy", PIP),
)


class CannotMake(Exception):
    """A command failed. The text is the end of what it wrote, without addresses."""


async def everything(builds: Iterable[Build] = BUILDS) -> list[str]:
    """Make all; gives the names of those that could not be made."""
    CACHE.mkdir(parents=True, exist_ok=True)
    await _programs()
    slots = asyncio.Semaphore(AT_ONCE)
    failed: list[str] = []
    async with asyncio.TaskGroup() as group:
        for build in builds:
            group.create_task(_made(build, slots, failed))
    return failed


async def _programs() -> None:
    missing = sorted({package for program, package in PACKAGES.items() if shutil.which(program) is None})
    if not missing:
        return
    if os.geteuid() != 0:
        sys.exit(f"`make bench` needs: apt-get install {' '.join(missing)}")
    await _run(("apt-get", "update", "-q"), CACHE)
    await _run(("apt-get", "install", "-qy", "--no-install-recommends", *missing), CACHE)


async def _made(build: Build, slots: asyncio.Semaphore, failed: list[str]) -> None:
    source, stamp = HERE / build.folder, build.made / ".made-from"
    state = _state(source, build)
    if stamp.exists() and stamp.read_text() == state:
        return
    async with slots:
        print(f"making {build.name}", flush=True)
        shutil.rmtree(build.made, ignore_errors=True)
        shutil.copytree(source, build.made)
        try:
            for step in build.steps:
                await _run(step, build.made)
        except CannotMake as error:
            print(f"{build.name} could not be made: {error}", file=sys.stderr, flush=True)
            failed.append(build.name)
            return
    stamp.write_text(state)


def _state(source: Path, build: Build) -> str:
    digest = hashlib.sha256(repr(build).encode())
    for path in sorted(source.rglob("*")):
        if path.is_file():
            digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()


async def _run(command: Sequence[str], directory: Path) -> None:
    child = await asyncio.create_subprocess_exec(
        *command,
        cwd=directory,
        env=os.environ | {"CGO_ENABLED": "0", "DEBIAN_FRONTEND": "noninteractive"},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    written, _ = await child.communicate()
    if child.returncode:
        raise CannotMake(without_addresses(written.decode(errors="replace")))


def without_addresses(text: str) -> str:
    """The last two lines of what a tool wrote, in one, without the registry that it spoke to."""
    lines = [re.sub(r"\S*://\S*\s*", "", line).strip() for line in text.strip().splitlines()]
    return "; ".join(line for line in lines if line)[-400:]
