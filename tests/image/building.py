"""Builds the image without a container engine: the Dockerfile's own lines, each run in a root of its stage.

A stage on a base image gets this machine's system, read-only, in place of the base; its Python is the one that runs
the tests. A stage on `scratch` has nothing that the Dockerfile did not copy into it.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.image.context import copy_context
from tests.image.dockerfile import ROOT, Instruction, Stage, stages

NOBODY = 65532
PYTHON = Path(sys.base_prefix)
SYSTEM = [Path(name) for name in ("/usr", "/bin", "/sbin", "/lib", "/lib64", "/etc", "/opt", "/var/lib/dpkg")]
TOOLS = {
    "python": f'exec {Path(sys.executable).resolve()} "$@"',
    "pip": f'exec {sys.executable} -m pip "$@"',
}
"""What the base image has and this machine may have under other names."""


def build(directory: Path) -> Path:
    """Build all stages in `directory`; gives the root of the last, which is the image."""
    context = directory / "context"
    copy_context(ROOT, _files(), context)
    _write_tools(directory / "tools")
    roots = {"": context}
    for stage in stages((ROOT / "Dockerfile").read_text()):
        roots[stage.name or "image"] = _Building(stage, directory, roots).run()
    return roots["image"]


def _files() -> list[str]:
    """All files of the project that could be sent: those git knows or would take."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.splitlines()
    return [name for name in listed if (ROOT / name).is_file()]


def _write_tools(directory: Path) -> None:
    directory.mkdir()
    for name, script in TOOLS.items():
        (directory / name).write_text(f"#!/bin/sh\n{script}\n")
        (directory / name).chmod(0o755)


class _Building:
    """One stage: its root so far, its working directory, its variables and its user."""

    def __init__(self, stage: Stage, directory: Path, roots: dict[str, Path]) -> None:
        self._stage = stage
        self._tools = directory / "tools"
        self._roots = roots
        self._root = directory / (stage.name or "image")
        self._root.mkdir()
        self._workdir = "/"
        self._user = ""

    def run(self) -> Path:
        steps = {"COPY": self._copy, "RUN": self._run, "WORKDIR": self._enter, "USER": self._become}
        for instruction in self._stage.instructions:
            if step := steps.get(instruction.name):
                step(instruction)
        return self._root

    def _enter(self, instruction: Instruction) -> None:
        self._workdir = instruction.text
        self._inside(instruction.text).mkdir(parents=True, exist_ok=True)

    def _become(self, instruction: Instruction) -> None:
        self._user = instruction.text

    def _inside(self, path: str) -> Path:
        return self._root / os.path.join(self._workdir, path).lstrip("/")  # noqa: PTH118 (an absolute path wins)

    def _copy(self, instruction: Instruction) -> None:
        origin, *words = instruction.text.split() if "--from=" in instruction.text else ("", *instruction.text.split())
        *sources, target = words
        for source in sources:
            found = self._roots[origin.removeprefix("--from=")] / source.lstrip("/")
            if found.is_dir():
                shutil.copytree(found, self._inside(target), symlinks=True, dirs_exist_ok=True)
            else:
                self._inside(target).mkdir(parents=True, exist_ok=True)
                shutil.copy2(found, self._inside(target))

    def _run(self, instruction: Instruction) -> None:
        command = instruction.exec_form if instruction.in_exec_form else ["/bin/sh", "-c", instruction.text]
        inside = self._scratch() if self._stage.base == "scratch" else self._on_base()
        subprocess.run(["bwrap", *inside, "--chdir", self._workdir, "--", *command], check=True)

    def _scratch(self) -> list[str]:
        return [*in_root(self._root), *as_user(self._user), *environment(self._stage.pairs("ENV"))]

    def _on_base(self) -> list[str]:
        own = [path for path in (*SYSTEM, PYTHON, Path(sys.prefix), self._tools) if path.exists()]
        shown = [word for path in own for word in ("--ro-bind", str(path), str(path))]
        path = f"{self._tools}:/usr/sbin:/usr/bin:/sbin:/bin"
        chroot = ["--cap-add", "CAP_SYS_CHROOT"]  # which a build has, and ldconfig needs
        return [*in_root(self._root), *as_user("0"), *chroot, "--tmpfs", "/tmp", *shown, "--setenv", "PATH", path]


def in_root(root: Path) -> list[str]:
    """bwrap's words for: all you see is `root`, and a kernel's own file systems."""
    return ["--bind", str(root), "/", "--proc", "/proc", "--dev", "/dev", "--die-with-parent"]


def as_user(user: str) -> list[str]:
    """bwrap's words for: be `UID:GID`, or `UID` with the group of that number."""
    uid, _, gid = user.partition(":")
    return ["--unshare-user", "--uid", uid, "--gid", gid or uid]


def environment(variables: dict[str, str]) -> list[str]:
    """bwrap's words for: these variables and no others."""
    return ["--clearenv", *(word for name, value in variables.items() for word in ("--setenv", name, value))]
