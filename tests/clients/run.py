"""`make clients`: makes the programs, runs every cell of the table, prints it, and fails on any that is unexpected.

Names of clients as arguments (or their beginnings) try those alone, and leave docs/clients.md as it is.
"""

# ruff: noqa: T201 (a command line prints)
import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.clients import install, network_pods, table
from tests.clients.catalogue import CLIENTS, EVERY_CLIENT, WITH_A_ROLE_EACH, Client
from tests.clients.cells import Cell, Outcome, tried
from tests.clients.expected import is_expected
from tests.clients.faces import (
    ACROSS_A_REFRESH,
    LINK_LOCAL,
    LINK_LOCAL_SHORT,
    LINK_LOCAL_V1,
    LOOPBACK,
    LOOPBACK_SHORT,
    LOOPBACK_V1,
    NAMED_SHORT,
    ONE_RUN,
    WITH_ROLES,
    Column,
)
from tests.clients.install import CannotInstall
from tests.clients.network_pods import NotReady, Scenario

LANES = {LOOPBACK: 2, LINK_LOCAL: 1, LOOPBACK_V1: 1, LINK_LOCAL_V1: 1} | {
    LOOPBACK_SHORT: 8,
    LINK_LOCAL_SHORT: 5,
    NAMED_SHORT: 3,
}
"""Pods of each scenario. Two cores bear three that work at a time; one that waits for a refresh costs little."""
TOGETHER = ((LOOPBACK, LINK_LOCAL), (LOOPBACK_V1, LINK_LOCAL_V1), (LOOPBACK_SHORT, LINK_LOCAL_SHORT, NAMED_SHORT))

NOTHING_RAN = 2


def main(argv: Sequence[str]) -> int:
    """Returns 0 if every cell came out as expected, 1 if not, 2 if there is nothing that can be run."""
    if os.geteuid():
        return _refused("`make clients` makes network namespaces: run it as root.")
    chosen = [client for client in EVERY_CLIENT if not argv or client.name.startswith(tuple(argv))]
    if not chosen:
        return _refused(f"No such client. There are: {', '.join(client.name for client in EVERY_CLIENT)}.")
    started = time.monotonic()
    try:
        outcomes = asyncio.run(run(chosen))
    except* (CannotInstall, NotReady) as failed:
        print(*failed.exceptions, sep="\n", file=sys.stderr)
    else:
        everyone = len(chosen) == len(EVERY_CLIENT)
        return _report(outcomes, publish=everyone, took=time.monotonic() - started)
    return NOTHING_RAN


def _refused(reason: str) -> int:
    print(reason, file=sys.stderr)
    return NOTHING_RAN


def _report(outcomes: Sequence[Outcome], *, publish: bool, took: float) -> int:
    print(table.as_markdown(outcomes))
    unexpected = [outcome for outcome in outcomes if not is_expected(outcome)]
    for outcome in unexpected:
        print(f"\nUNEXPECTED  {table.line(outcome)}\n{outcome.why}")
    if publish and not unexpected:
        table.publish(outcomes)
    print(f"\n{len(outcomes)} cells, {len(unexpected)} unexpected, {took:.0f} s")
    return 1 if unexpected else 0


async def run(clients: Sequence[Client]) -> list[Outcome]:
    """The outcomes of all cells of `clients`. Raises `CannotInstall` and `NotReady`, in groups."""
    await install.everything(clients)
    outcomes: list[Outcome] = []
    with tempfile.TemporaryDirectory(prefix="irsa-clients-") as directory:
        for scenarios in TOGETHER:
            async with asyncio.TaskGroup() as group:
                for scenario in scenarios:
                    cells = _cells(scenario, clients)
                    for _ in range(LANES[scenario]):
                        group.create_task(_lane(scenario, Path(directory), cells, outcomes))
    return outcomes


def _cells(scenario: Scenario, clients: Sequence[Client]) -> Iterator[Cell]:
    for client in clients:
        for column, face in _columns(client):
            if column is scenario:
                yield Cell(scenario, client, face)


def _columns(client: Client) -> Iterator[Column]:
    if client in CLIENTS:
        yield from (*ONE_RUN, *ACROSS_A_REFRESH)
    if client in WITH_A_ROLE_EACH:
        yield from WITH_ROLES


async def _lane(scenario: Scenario, directory: Path, cells: Iterator[Cell], outcomes: list[Outcome]) -> None:
    """One pod, which takes one cell after another, as long as there are any."""
    async with network_pods.running(scenario, directory) as pod:
        for cell in cells:
            outcome = await tried(cell, pod, install.command(cell.client))
            outcomes.append(outcome)
            print(table.line(outcome), flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
