"""Starts the built image as a container runtime would: its entry point, variables and user, and a read-only root."""

import asyncio
import os
import signal
import subprocess
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.image.building import NOBODY, as_user, environment, in_root
from tests.image.dockerfile import Stage
from tests.waiting import HANGS_AFTER

STEPS_DOWN = os.geteuid() == 0
"""Root becomes the image's user, so that the files in the image are another's; anybody else stays who they are."""
USER = NOBODY if STEPS_DOWN else None
GROUPS: list[str | int] | None = [] if STEPS_DOWN else None


@dataclass(frozen=True, slots=True)
class Volume:
    """A directory of this machine, and where the container sees it."""

    source: Path
    mount: str
    writable: bool = False


@dataclass(frozen=True, slots=True)
class Image:
    root: Path
    stage: Stage
    volumes: Sequence[Volume] = ()
    variables: Mapping[str, str] = field(default_factory=dict)

    def container(self, *volumes: Volume, **variables: str) -> "Image":
        """The same with a pod's volumes and variables; makes the places to mount them, as a runtime does."""
        for volume in volumes:
            (self.root / volume.mount.lstrip("/")).mkdir(parents=True, exist_ok=True)
        return Image(self.root, self.stage, volumes, variables)

    @property
    def entry_point(self) -> list[str]:
        return self.stage.last("ENTRYPOINT").exec_form

    @property
    def command(self) -> list[str]:
        return self.stage.last("CMD").exec_form

    @property
    def healthcheck(self) -> list[str]:
        text = self.stage.last("HEALTHCHECK")
        return type(text)("CMD", text.text.partition(" CMD ")[2]).exec_form

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """A program in the container, to its end."""
        return subprocess.run(
            self._sandbox(command),
            check=False,
            capture_output=True,
            text=True,
            timeout=HANGS_AFTER,
            user=USER,
            group=USER,
            extra_groups=GROUPS,
        )

    @asynccontextmanager
    async def started(self, *command: str) -> AsyncIterator["Started"]:
        """The image as it starts when nobody says otherwise."""
        sandboxed = self._sandbox(command or [*self.entry_point, *self.command])
        process = await asyncio.create_subprocess_exec(*sandboxed, user=USER, group=USER, extra_groups=GROUPS)
        try:
            yield Started(process)
        finally:
            if process.returncode is None:
                process.kill()  # bwrap takes its child along
            await process.wait()

    def _sandbox(self, command: Sequence[str]) -> list[str]:
        volumes = [
            word
            for volume in self.volumes
            for word in ("--bind" if volume.writable else "--ro-bind", str(volume.source), volume.mount)
        ]
        alone = ["--unshare-pid", "--as-pid-1", "--unshare-ipc", "--unshare-uts", "--new-session"]
        user = as_user(self.stage.last("USER").text)
        variables = environment(self.stage.pairs("ENV") | dict(self.variables))
        inside = [*in_root(self.root), *volumes, "--remount-ro", "/", *user, *alone, *variables, "--chdir", "/"]
        return ["bwrap", *inside, "--", *command]


@dataclass(frozen=True, slots=True)
class Started:
    process: asyncio.subprocess.Process

    async def stop(self) -> int:
        """SIGTERM to the container's first process; gives its exit code."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        os.kill(int(children[0]), signal.SIGTERM)
        return await asyncio.wait_for(self.process.wait(), HANGS_AFTER)


async def until_ready(container: Image) -> None:
    async with asyncio.timeout(HANGS_AFTER):
        while (await asyncio.to_thread(container.run, *container.healthcheck)).returncode != 0:
            await asyncio.sleep(0.1)
