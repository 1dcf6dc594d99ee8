"""Runs the load generator (bench/generator), and wrk beside it as the cross-check."""

import asyncio
import itertools
import json
import re
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench.asking import Request
from bench.install import CACHE
from bench.machine import die_with_parent, in_real_time, loads_core, pinned

_numbers = itertools.count()
GENERATOR = CACHE / "generator/generator"


@dataclass(frozen=True, slots=True)
class Load:
    """What the generator saw. Latencies are in milliseconds; `errors` is a count for each kind.

    `asked` counts all requests, those of the warm-up as well. `latencies`: each that there was, and how often.
    """

    seconds: float
    asked: int
    answers: int
    errors: Mapping[str, int]
    ms: Mapping[str, float]
    latencies: Sequence[tuple[float, float]] = field(default=(), repr=False)

    @property
    def per_second(self) -> float:
        return self.answers / self.seconds


@dataclass(frozen=True, slots=True)
class Sample:
    """One request, in seconds: when it began (Unix time), how long it took, and what came of it."""

    start: float
    took: float
    outcome: str

    @property
    def end(self) -> float:
        return self.start + self.took


@dataclass(frozen=True, slots=True)
class Target:
    """A server that answers: its port, what to ask, and a directory for files."""

    port: int
    request: Request
    directory: Path


async def generate(target: Target, *options: str, keep: bool) -> Load:
    """Run to the end. `options` are the generator's own."""
    async with generating(target, *options, keep=keep) as under_way:
        return await under_way


async def generate_in_turn(targets: Sequence[Target], *options: str, keep: bool) -> list[Load]:
    """The same with several servers, each asked in the others' pauses: by a load that waits for no other process."""
    return await _loads(in_real_time(_command(targets, options, keep=keep)))


@asynccontextmanager
async def generating(target: Target, *options: str, keep: bool) -> AsyncIterator["asyncio.Task[Load]"]:
    """The generator under way, for those who change something meanwhile."""
    task = asyncio.create_task(_load(_command([target], options, keep=keep)))
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait([task])


def _command(targets: Sequence[Target], options: Sequence[str], *, keep: bool) -> tuple[str, ...]:
    asked = [part for target in targets for part in _asked(target, keep=keep)]
    return (str(GENERATOR), *asked, *(("-keep",) if keep else ()), *options)


def _asked(target: Target, *, keep: bool) -> Iterator[str]:
    file = target.directory / f"request-{next(_numbers)}"
    file.write_bytes(target.request.as_bytes(keep=keep))
    yield from ("-to", f"127.0.0.1:{target.port}={file}")


async def _load(command: Sequence[str]) -> Load:
    (load,) = await _loads(command)
    return load


async def _loads(command: Sequence[str]) -> list[Load]:
    return [Load(**json.loads(line)) for line in (await _run(command)).splitlines()]


async def _run(command: Sequence[str]) -> bytes:
    child = await asyncio.create_subprocess_exec(
        *pinned(loads_core(), command), stdout=asyncio.subprocess.PIPE, preexec_fn=die_with_parent
    )
    try:
        written, _ = await child.communicate()
    except asyncio.CancelledError:
        child.kill()
        await child.wait()
        raise
    if child.returncode:
        raise RuntimeError(f"{command[0]} ended with {child.returncode}")
    return written


def samples(path: Path) -> list[Sample]:
    lines = (line.split(" ", 2) for line in path.read_text().splitlines())
    return [Sample(int(start) / 1e9, int(took) / 1e9, outcome) for start, took, outcome in lines]


async def wrk(target: Target, *, clients: int, seconds: int, keep: bool) -> float:
    """Requests a second by wrk's count; 0 if it got other answers than 200."""
    headers = {**target.request.headers, "Host": target.request.host} | ({} if keep else {"Connection": "close"})
    options = [option for name, value in headers.items() for option in ("-H", f"{name}: {value}")]
    url = f"http://127.0.0.1:{target.port}{target.request.path}"
    said = (await _run(("wrk", "-t1", f"-c{clients}", f"-d{seconds}", *options, url))).decode()
    found = re.search(r"Requests/sec:\s+([\d.]+)", said)
    return float(found[1]) if found and "Non-2xx" not in said else 0.0
