"""Processes that end with the block that started them, and a client's program: one line in, one line out."""

import asyncio
import json
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.waiting import HANGS_AFTER

ENDS_WITHIN = 5.0


class Failed(Exception):
    """A program gave no answer. The text is what it wrote on standard error."""


@asynccontextmanager
async def process(
    command: Sequence[str], environment: Mapping[str, str], log: Path, *, stdin: int = DEVNULL, stdout: int = DEVNULL
) -> AsyncIterator[Process]:
    """Run `command` with nothing but `environment`; what it says on standard error goes to `log`."""
    with log.open("ab") as stderr:
        child = await asyncio.create_subprocess_exec(
            *command, env=environment, stdin=stdin, stdout=stdout, stderr=stderr, start_new_session=True
        )
    try:
        yield child
    finally:
        await _end(child)


async def _end(child: Process) -> None:
    """A program ends with its input; what has none is asked to end by a signal."""
    if child.stdin:
        child.stdin.close()
    else:
        child.terminate()
    try:
        await asyncio.wait_for(child.wait(), ENDS_WITHIN)
    except TimeoutError:
        child.kill()
        await child.wait()


@dataclass(frozen=True, slots=True)
class Answer:
    """What a client's program says of one call."""

    who: str
    access_key_id: str
    client: str
    version: str


class Program:
    """A client's program, under way."""

    def __init__(self, child: Process, log: Path) -> None:
        self._child = child
        self._log = log

    async def ask(self) -> Answer:
        """Have it call GetCallerIdentity. Raises `Failed`."""
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        try:
            async with asyncio.timeout(HANGS_AFTER):
                self._child.stdin.write(b"\n")
                await self._child.stdin.drain()
                line = await self._child.stdout.readline()
        except (TimeoutError, BrokenPipeError, ConnectionResetError) as error:
            raise Failed(self._said() or type(error).__name__) from error
        if not line:
            raise Failed(self._said() or "it ended without a word")
        told: dict[str, Any] = json.loads(line)
        return Answer(**told)

    def _said(self) -> str:
        return self._log.read_text(errors="replace").strip()[-2000:]


@asynccontextmanager
async def program(command: Sequence[str], environment: Mapping[str, str], log: Path) -> AsyncIterator[Program]:
    async with process(command, environment, log, stdin=PIPE, stdout=PIPE) as child:
        yield Program(child, log)
