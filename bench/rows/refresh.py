"""How long a refresh, and a scrape, keep the event loop from serving: its longest turn, measured in the process itself.

By the CPU that a turn took: on two cores that others use as well, the time on the clock tells of them. The kernel
counts interrupts, of whomever, against the thread that they interrupt, so the longest turn of many is chance: what 95%
of refreshes stay within is what we do. A collection of garbage, which does not come with each, is shown apart as well,
and so is a handshake's call of OpenSSL, which nobody can cut into steps.
"""

import asyncio
import time
import urllib.request
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import figures, footprint, python
from bench.machine import SERVERS_CORE
from bench.plan import Plan
from bench.processes import process

LIFE = 3600
"""Of the sessions, in seconds."""
SETTLES_WITHIN = 2.0
"""The first refresh loads what later ones need no more."""
BETWEEN_SCRAPES = 0.3
"""Longer than a page lasts."""
NEARLY_ALL = 0.95
FORMS = ("text/plain", "application/openmetrics-text; version=1.0.0")

Settings = dict[str, str]
Lab = Callable[[], AbstractAsyncContextManager[Settings]]


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn of the loop: when it began (Unix time), and its milliseconds of CPU, of them in OpenSSL's handshake and
    in garbage collections.
    """

    began: float
    took: float
    handshake: float
    collecting: float

    @property
    def ours(self) -> float:
        return self.took - self.handshake


async def measured(directory: Path, plan: Plan) -> list[dict[str, Any]]:
    """One row for each kind of work."""
    often = {"BENCH_REFRESH_EVERY": str(plan.refresh_every), "BENCH_LIFE": str(LIFE)}

    async def wait(_: Settings) -> None:
        await asyncio.sleep(plan.refresh_for)

    async def scrape(settings: Settings) -> None:
        await _scrapes(settings, plan.refresh_for)

    every = plan.refresh_every
    return [
        _row("a refresh by TLS", every, await _turns(footprint.a_lab, directory, often, wait)),
        _row("a refresh by HTTP", every, await _turns(footprint.a_lab_without_tls, directory, often, wait)),
        _row("a scrape", BETWEEN_SCRAPES, await _turns(footprint.a_lab, directory, {}, scrape)),
    ]


async def _turns(
    lab: Lab, directory: Path, changed: Settings, work: Callable[[Settings], Awaitable[None]]
) -> list[Turn]:
    """Of a sidecar of its own while `work` is done and nobody asks for credentials."""
    file = directory / "turns"
    file.parent.mkdir(parents=True, exist_ok=True)
    async with lab() as of_lab:
        settings = of_lab | changed | {"BENCH_TURNS": str(file)}
        command = python.under_test().running("bench.served")
        async with process(command, settings, directory / "log", SERVERS_CORE) as child:
            await asyncio.to_thread(footprint.until_served, child.pid, settings["SIDECAR_LISTEN"])
            await asyncio.sleep(SETTLES_WITHIN)
            began = time.time()
            await work(settings)
            ended = time.time()
    return [turn for turn in _read(file) if began <= turn.began <= ended]


def _read(file: Path) -> list[Turn]:
    lines = (map(float, line.split()) for line in file.read_text().splitlines())
    return [Turn(began, *(part / 1000 for part in parts)) for began, *parts in lines]


async def _scrapes(settings: Settings, seconds: float) -> None:
    for number in range(int(seconds / BETWEEN_SCRAPES)):
        asked = urllib.request.Request(
            f"http://{settings['SIDECAR_ADMIN_LISTEN']}/metrics", headers={"Accept": FORMS[number % len(FORMS)]}
        )
        await asyncio.to_thread(_got, asked)
        await asyncio.sleep(BETWEEN_SCRAPES)


def _got(asked: urllib.request.Request) -> None:
    with urllib.request.urlopen(asked, timeout=5) as answer:
        answer.read()


def _row(work: str, every: float, turns: Sequence[Turn]) -> dict[str, Any]:
    """Of each refresh's, or scrape's, longest turn: the median (`usual_ms`), `held_ms`, and the longest of all."""
    longest = _longest_of_each(turns, every)
    handshakes = [turn.handshake for turn in turns if turn.handshake]
    return {
        "work": work,
        "times": len(longest),
        "held_ms": figures.quantile(longest, NEARLY_ALL),
        "longest_ms": max(longest),
        "usual_ms": figures.median(longest),
        "collecting_ms": max((turn.collecting for turn in turns), default=0.0),
        "handshake_ms": max(handshakes, default=0.0),
    }


def _longest_of_each(turns: Sequence[Turn], every: float) -> list[float]:
    """They lie `every` seconds apart, so a pause of half of that ends one."""
    longest: list[float] = []
    last = 0.0
    for turn in turns:
        if turn.began - last > every / 2:
            longest.append(0.0)
        longest[-1], last = max(longest[-1], turn.ours), turn.began
    return longest
