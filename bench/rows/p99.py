"""The p99 beside the best peer's, in short slices of time.

All servers are up, of each peer a second process too. What disturbs the machine disturbs neighbours in time alike, so
slices are taken in rounds: at a fixed rate all servers are asked in the same seconds, each in the others' pauses, and
at real-time priority; else each has a slice after the other. The peer is chosen by slices that are not compared
afterwards: the one that was lucky there need not be so again. Each row is measured in turn, and then always the one
that is known least, until the time is over.
"""

import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, Protocol

from bench import figures, targets
from bench.launch import Kind, Server
from bench.load import Load, generate, generate_in_turn
from bench.machine import real_time
from bench.plan import Plan
from bench.rows.throughput import FIXED_CLIENTS, WAYS
from bench.stand import Stand, a_stand

P99 = 0.99
KEEPS_UP = 0.5
"""A peer must answer at least this share of what the fastest does."""
UNANSWERED = 10_000.0
"""Milliseconds, for a slice in which nothing was answered at all: the load's own limit."""
CHOICES = 2
"""Slices of each peer, at the least: in turns from either end."""
AGAIN = ", a second process"


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
        for number, (name, server) in enumerate(_processes(servers)):
            stand = a_stand(server, directory / str(number), token_bytes=token_bytes[server.name])
            stands[name] = await stack.enter_async_context(stand)
        ours = [server.name for server in servers if server.kind is Kind.OURS]
        peers = [server.name for server in servers if server.kind is not Kind.OURS]
        comparisons = [Comparison(_Asking(cell, stands, plan), ours, peers) for cell in _cells(plan)]
        await _compare(comparisons, plan)
        for comparison in comparisons:
            for table, row in comparison.rows():
                yield table, row


def _processes(servers: Sequence[Server]) -> Iterator[tuple[str, Server]]:
    """Of each peer two: how much they differ is what a difference means."""
    for server in servers:
        yield server.name, server
        if server.kind is not Kind.OURS:
            yield server.name + AGAIN, server


async def _compare(comparisons: Sequence["Comparison"], plan: Plan) -> None:
    """Everything as often as an interval needs, then the widest of the intervals, for as long as there is time."""
    ends = time.monotonic() + plan.p99_for
    for comparison in comparisons:
        await comparison.choose()
    for _ in range(plan.least_turns):
        for comparison in comparisons:
            await comparison.again()
    while time.monotonic() < ends and (untold := [one for one in comparisons if not one.is_told]):
        await max(untold, key=lambda comparison: comparison.width).again()


def _cells(plan: Plan) -> list[Cell]:
    closed = [Cell(way, "clients", count) for way in WAYS for count in plan.clients]
    return closed + [Cell(way, "rate", rate) for way in WAYS for rate, _ in plan.rates]


class _Asking:
    """Asks servers in one cell's way."""

    def __init__(self, cell: Cell, stands: Mapping[str, Stand], plan: Plan) -> None:
        self.cell = cell
        self._stands = stands
        self._plan = plan
        self._is_paced = cell.column == "rate"
        self.slices_at_once = dict(plan.rates)[cell.value] if self._is_paced else 1

    async def choice(self, names: Sequence[str]) -> dict[str, Load]:
        """A slice of each, without the slowest in the way of the others: at a high rate one after the other."""
        if self._is_paced and self.cell.value > self._plan.slow:
            return {name: load for one in names for name, load in (await self.slice([one])).items()}
        return await self.slice(names)

    async def slice(self, names: Sequence[str]) -> dict[str, Load]:
        """What each of these servers does in a slice of time."""
        stands, keep = [self._stands[name] for name in names], WAYS[self.cell.way]
        if self._is_paced:
            with real_time(pid for stand in stands for pid in stand.processes):
                loads = await generate_in_turn([stand.target for stand in stands], *self._options(), keep=keep)
        else:
            loads = [await generate(stand.target, *self._options(), keep=keep) for stand in stands]
        return dict(zip(names, loads, strict=True))

    def _options(self) -> tuple[str, ...]:
        plan, value = self._plan, self.cell.value
        if self.cell.column == "clients":
            warm = plan.slice_warm + value / 2000  # that many connections take a while to come about
            return "-clients", str(value), "-warm", f"{warm}s", "-for", f"{plan.slice_for}s"
        rate = "-clients", str(FIXED_CLIENTS), "-rate", str(value)
        return *rate, "-warm", f"{plan.slice_warm}s", "-for", f"{plan.rate_slice_for}s"


Ask = Callable[[Sequence[str]], Awaitable[dict[str, Load]]]


class Asking(Protocol):
    """Asks servers in one cell's way: to choose one, and to compare them."""

    cell: Cell
    slices_at_once: int

    async def choice(self, names: Sequence[str]) -> dict[str, Load]: ...

    async def slice(self, names: Sequence[str]) -> dict[str, Load]: ...


class Comparison:
    """One cell: each of ours beside the best peer, and that one beside its second process."""

    def __init__(self, asking: Asking, ours: Sequence[str], peers: Sequence[str]) -> None:
        self._asking = asking
        self._ours = ours
        self._peers = peers
        self._peer = ""
        self._backwards = False
        self._random = Random(repr(asking.cell))
        self._choice: dict[str, list[Load]] = {name: [] for name in peers}
        self._found: dict[str, list[Load]] = {}
        self._judged: list[dict[str, Any]] = []

    async def choose(self) -> None:
        """Find the peer to compare with."""
        while any(len(loads) < CHOICES for loads in self._choice.values()):
            await self._take(self._choice, self._asking.choice)
        self._peer = best(self._choice)
        self._found = {name: [] for name in (*self._ours, self._peer, self._peer + AGAIN)}

    async def again(self) -> None:
        """Another few slices of each."""
        await self._take(self._found, self._asking.slice)
        self._judged.clear()

    async def _take(self, into: Mapping[str, list[Load]], ask: Ask) -> None:
        """In turns from either end."""
        for _ in range(self._asking.slices_at_once):
            self._backwards = not self._backwards
            loads = await ask(list(into)[:: -1 if self._backwards else 1])
            for name, load in loads.items():
                into[name].append(load)

    @property
    def is_told(self) -> bool:
        """All of ours are no worse for certain. One that looks worse is measured on: that may be chance."""
        return all(row["high"] <= targets.MARGIN for row in self._judgements)

    @property
    def width(self) -> float:
        """Of the wider interval, as a ratio of its ends: who looks better and who looks worse are measured on alike."""
        return max(float(row["high"] / row["low"]) for row in self._judgements)

    def rows(self) -> Iterator[tuple[str, dict[str, Any]]]:
        cell = self._asking.cell
        for name, row in zip(self._ours, self._judgements, strict=True):
            yield "p99", cell.key(name) | row
        if cell.column == "rate":
            every = self._choice | {name: self._found[name] for name in (*self._ours, self._peer)}
            for name in (*self._ours, *self._peers):
                yield "fixed", cell.key(name) | _together(every[name])

    @property
    def _judgements(self) -> Sequence[dict[str, Any]]:
        """Of each of ours. An interval takes a while to compute: once a turn."""
        if not self._judged:
            self._judged = [self._row(name) for name in self._ours]
        return self._judged

    def _row(self, name: str) -> dict[str, Any]:
        one, peer, again = (_latencies(self._found[who]) for who in (name, self._peer, self._peer + AGAIN))
        low, high = figures.interval_of_ratio(one, peer, P99, self._random)
        of_one, of_peer = figures.Slices(one), figures.Slices(peer)
        return {
            "peer": self._peer,
            "p99": of_one.quantile(P99),
            "peers_p99": of_peer.quantile(P99),
            "ratio": figures.ratio(of_one, of_peer, P99),
            "low": low,
            "high": high,
            "peer_to_itself": figures.ratio(figures.Slices(again), of_peer, P99),
            "slices": len(one),
            "answers": sum(load.answers for load in self._found[name]),
        }


def best(found: Mapping[str, Sequence[Load]]) -> str:
    """The server with the lowest p99, of those that keep up: who leaves most clients waiting answers a few fast."""
    rates = {name: statistics.median(load.per_second for load in loads) for name, loads in found.items()}
    keeping_up = [name for name, rate in rates.items() if rate >= KEEPS_UP * max(rates.values())]
    return min(keeping_up, key=lambda name: figures.Slices(_latencies(found[name])).quantile(P99))


def _latencies(loads: Sequence[Load]) -> list[figures.Latencies]:
    return [load.latencies or [(UNANSWERED, 1)] for load in loads]


def _together(loads: Sequence[Load]) -> dict[str, Any]:
    every = figures.Slices(_latencies(loads))
    shares = {"p50": 0.5, "p99": P99, "p99.9": 0.999, "max": 1}
    return {
        "rounds": len(loads),
        "errors": figures.sums([load.errors for load in loads]),
        **{name: every.quantile(share) for name, share in shares.items()},
    }
