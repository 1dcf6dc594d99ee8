"""The p99 beside the peers', in short slices of time that alternate between the servers.

All servers are up, and one at a time is asked. What disturbs the machine disturbs neighbours in time alike, so the
ratio of two neighbouring slices is compared, not their values. Each row is measured in turn, and again, until the
interval of its median ratio lies on one side of the limit, or the time is over.
"""

import statistics
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import figures
from bench.launch import Kind, Server
from bench.load import Load, generate
from bench.plan import Plan
from bench.rows.throughput import FIXED_CLIENTS, WAYS
from bench.stand import Stand, a_stand
from bench.targets import NOISE

KEEPS_UP = 0.5
"""A peer must answer at least this share of what the fastest does."""
UNANSWERED = 10_000.0
"""Milliseconds, for a slice in which nothing was answered at all: the load's own limit."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One way to ask: so many clients as fast as they can, or so many requests a second."""

    way: str
    column: str
    value: int

    def key(self, server: str) -> dict[str, Any]:
        return {"server": server, "connections": self.way, self.column: self.value}


async def measured(
    servers: Sequence[Server], directory: Path, plan: Plan, token_bytes: Mapping[str, int]
) -> AsyncIterator[tuple[str, dict[str, Any]]]:
    """Yields the name of a table and a row of it. Raises `DidNotStart`."""
    async with AsyncExitStack() as stack:
        stands = {}
        for number, server in enumerate(servers):
            stand = a_stand(server, directory / str(number), token_bytes=token_bytes[server.name])
            stands[server.name] = await stack.enter_async_context(stand)
        ours = [server.name for server in servers if server.kind is Kind.OURS]
        comparisons = [_Comparison(_Slices(cell, stands, plan), ours) for cell in _cells(plan)]
        await _compare(comparisons, plan)
        for comparison in comparisons:
            for table, row in comparison.rows():
                yield table, row


async def _compare(comparisons: Sequence["_Comparison"], plan: Plan) -> None:
    """Everything as often as an interval needs, then what is not told yet, for as long as there is time."""
    ends = time.monotonic() + plan.p99_for
    for comparison in comparisons:
        await comparison.begin()
    for _ in range(plan.least_slices):
        for comparison in comparisons:
            await comparison.again()
    while untold := [comparison for comparison in comparisons if comparison.untold]:
        for comparison in untold:
            if time.monotonic() > ends:
                return
            await comparison.again()


def _cells(plan: Plan) -> list[Cell]:
    closed = [Cell(way, "clients", count) for way in WAYS for count in plan.clients]
    return closed + [Cell(way, "rate", rate) for way in WAYS for rate in plan.rates]


class _Slices:
    """What one cell's slices have found, by server."""

    def __init__(self, cell: Cell, stands: Mapping[str, Stand], plan: Plan) -> None:
        self.cell = cell
        self.servers = list(stands)
        self._stands = stands
        self._plan = plan
        self._found: dict[str, list[Load]] = {name: [] for name in stands}

    async def take(self, name: str) -> float:
        """One more slice of a server; gives its p99 in ms."""
        options = self._at_a_rate() if self.cell.column == "rate" else self._as_fast_as_can_be()
        load = await generate(self._stands[name].target, *options, keep=WAYS[self.cell.way])
        self._found[name].append(load)
        return load.ms["p99"] or UNANSWERED

    def _as_fast_as_can_be(self) -> tuple[str, ...]:
        warm = self._plan.slice_warm + self.cell.value / 2000  # that many connections take a while to come about
        return "-clients", str(self.cell.value), "-warm", f"{warm}s", "-for", f"{self._plan.slice_for}s"

    def _at_a_rate(self) -> tuple[str, ...]:
        length, rate = self._plan.fixed_for(self.cell.value), str(self.cell.value)
        return "-clients", str(FIXED_CLIENTS), "-rate", rate, "-warm", f"{self._plan.slice_warm}s", "-for", f"{length}s"

    def median(self, name: str) -> dict[str, Any]:
        loads = self._found[name]
        return {
            "rounds": len(loads),
            "errors": figures.sums([load.errors for load in loads]),
            **{name: statistics.median(load.ms[name] for load in loads) for name in loads[0].ms},
        }

    def p99(self, name: str) -> float:
        return statistics.median(load.ms["p99"] or UNANSWERED for load in self._found[name])

    def best(self, peers: Sequence[str]) -> str:
        """The peer with the lowest p99, of those that keep up: who leaves most clients waiting answers a few fast."""
        rates = {name: statistics.median(load.per_second for load in self._found[name]) for name in peers}
        return min((name for name in peers if rates[name] >= KEEPS_UP * max(rates.values())), key=self.p99)


class _Comparison:
    """One cell: each of ours beside the peer with the lowest p99."""

    def __init__(self, slices: _Slices, ours: Sequence[str]) -> None:
        self._slices = slices
        self._peers = [name for name in slices.servers if name not in ours]
        self._peer = ""
        self._backwards = False
        self._ratios: dict[str, list[float]] = {name: [] for name in ours}

    async def begin(self) -> None:
        """Find the peer."""
        for name in self._peers:
            await self._slices.take(name)
        self._peer = self._slices.best(self._peers)

    @property
    def untold(self) -> list[str]:
        return [name for name, ratios in self._ratios.items() if not figures.is_told(ratios, NOISE)]

    async def again(self) -> None:
        """One more slice of the peer and of each of ours that is not told yet, in turns from either end."""
        names = [*self.untold, self._peer]
        self._backwards = not self._backwards
        found = {name: await self._slices.take(name) for name in names[:: -1 if self._backwards else 1]}
        for name in names[:-1]:
            self._ratios[name].append(found[name] / found[self._peer])

    def rows(self) -> Iterator[tuple[str, dict[str, Any]]]:
        cell = self._slices.cell
        for name in self._ratios:
            yield "p99", cell.key(name) | self._row(name)
        if cell.column == "rate":
            for name in self._slices.servers:
                yield "fixed", cell.key(name) | self._slices.median(name)

    def _row(self, name: str) -> dict[str, Any]:
        ratios = self._ratios[name]
        low, high = figures.interval_of_median(ratios) or (min(ratios), max(ratios))
        return {
            "peer": self._peer,
            "p99": self._slices.p99(name),
            "peers_p99": self._slices.p99(self._peer),
            "ratio": statistics.median(ratios),
            "low": low,
            "high": high,
            "slices": len(ratios),
        }
