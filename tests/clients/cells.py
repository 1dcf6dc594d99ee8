"""One cell: one client by one face, in a pod of one scenario."""

import asyncio
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.clients.catalogue import Client
from tests.clients.faces import Face, application
from tests.clients.network_pods import Kind, Pod, Scenario, bare
from tests.clients.processes import Answer, Failed, Program, program

HALF_PAST = 0.5
"""Calls come in the middle of a second, for sessions end with one: some SDKs sign with what has a millisecond left."""


@dataclass(frozen=True, slots=True)
class Cell:
    """What is tried."""

    scenario: Scenario
    client: Client
    face: Face

    @property
    def across_a_refresh(self) -> bool:
        return self.scenario.session_lifetime is not None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it. `requests`: those that the sidecar answered. `why`: the client's words if it failed."""

    cell: Cell
    works: bool
    version: str = ""
    requests: int = 0
    kinds: frozenset[Kind] = frozenset()
    why: str = ""


async def tried(cell: Cell, pod: Pod, command: Sequence[str]) -> Outcome:
    """Run the cell in `pod`, where nothing else runs meanwhile."""
    before = await pod.requests()
    with tempfile.TemporaryDirectory(dir=pod.home) as home:
        environment = bare(Path(home)) | application(cell.face, pod)
        try:
            async with program(pod.inside(*command), environment, Path(home) / "stderr") as running:
                answer = await _called(running, cell)
        except Failed as error:
            return Outcome(cell, works=False, why=str(error))
    made = await pod.requests() - before
    if elsewhere := {kind.face for kind in made} - cell.face.counted_as:
        return Outcome(cell, works=False, why=f"It asked elsewhere: {', '.join(elsewhere)}.")
    return Outcome(cell, works=True, version=answer.version, requests=made.total(), kinds=frozenset(made))


async def _called(running: Program, cell: Cell) -> Answer:
    """One good answer, or where sessions are short, all answers up to the first with another key. Raises `Failed`."""
    first = last = await _good(running, cell.face.who)
    lifetime = cell.scenario.session_lifetime
    if lifetime is None:
        return first
    try:
        async with asyncio.timeout(2 * lifetime):
            while last.access_key_id == first.access_key_id:
                await asyncio.sleep(1 - (time.time() - HALF_PAST) % 1)
                last = await _good(running, cell.face.who)
    except TimeoutError as error:
        raise Failed("It went on with its first key.") from error
    return last


async def _good(running: Program, who: str) -> Answer:
    answer = await running.ask()
    if not answer.who.startswith(who):
        raise Failed(f"It is somebody else: {answer.who}.")
    return answer
