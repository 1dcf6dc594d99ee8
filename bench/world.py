"""The world around one server: a directory, what stands for AWS there, and how to take it away."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.machine import loads_core
from bench.processes import process
from bench.upstream import READY, STATE, calls_noted
from sidecar.lab.faults import Faults
from sidecar.lab.state import StateDirectory

PATIENCE = 20.0
HOUR = 3600


class DidNotStart(Exception):
    """A process was not ready in time, or ended. The text is the end of what it said."""


@dataclass(frozen=True, slots=True)
class World:
    """`sts` is the lab's, `fake` the small fake's; `life` is that of the sessions, in seconds."""

    directory: Path
    sts: str
    fake: str
    token_file: str
    life: int
    token_bytes: int

    @property
    def faults(self) -> Faults:
        return Faults(StateDirectory(self.directory / STATE))

    @property
    def log(self) -> Path:
        return self.directory / "log"

    def calls(self) -> list[float]:
        """When (Unix time) credentials were asked for here."""
        return calls_noted(self.directory)

    def said(self) -> str:
        return self.log.read_text(errors="replace").strip()[-600:] if self.log.exists() else ""


@asynccontextmanager
async def a_world(directory: Path, *, life: int = HOUR, token_bytes: int = 400) -> AsyncIterator[World]:
    """Raises `DidNotStart`."""
    await asyncio.to_thread(directory.mkdir, parents=True)
    command = (sys.executable, "-m", "bench.upstream", str(directory), str(life), str(token_bytes))
    log = directory / "upstream.log"
    async with process(command, os.environ, log, loads_core()) as child:
        ready = directory / READY
        deadline = asyncio.get_running_loop().time() + PATIENCE
        while not ready.exists():
            if child.returncode is not None or asyncio.get_running_loop().time() > deadline:
                raise DidNotStart(log.read_text()[-600:])
            await asyncio.sleep(0.02)
        found = json.loads(ready.read_text())
        yield World(directory, found["sts"], found["fake"], found["token_file"], life, token_bytes)
