"""The whole run, in order: sizes, the outage in the background, the rounds, then one row after another."""

import asyncio
import importlib.util
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench import figures, footprint, growth, python, roles
from bench.launch import Kind, Server
from bench.plan import Missing, Plan
from bench.rows import burst, idle, outage, p99, refresh, sigterm, throughput
from bench.servers import SERVERS
from bench.stand import a_stand
from bench.world import DidNotStart

TOKEN_BYTES = 400
KEYS = {
    "throughput": ("server", "connections", "clients"),
    "wrk": ("server", "connections", "clients"),
    "startup": ("server",),
}
FLEET = "bench.fleet"


class Run:
    """What has been found so far. A server that does not start is named in `missing`, and left out from then on."""

    def __init__(self, plan: Plan, directory: Path, missing: Mapping[str, str]) -> None:
        self._plan = plan
        self._directory = directory
        self._token_bytes: dict[str, int] = {}
        self._rows: dict[str, list[dict[str, Any]]] = {}
        self._documents: dict[str, int] = {}
        self._figures: dict[str, float] = {}
        self.missing = dict(missing)

    async def everything(self) -> dict[str, Any]:
        """All tables, as they stand in results.json."""
        await asyncio.to_thread(python.compile_imported)
        await self._sizes()
        async with self._outage():
            for number in range(self._plan.rounds):
                await self._round(number)
            await self._p99()
            await self._holds()
            for row, measure in (("burst", self._burst), ("sigterm", self._sigterm)):
                for server in self._for(row):
                    _say(f"{row}: {server.name}")
                    await self._unless_it_fails(server, measure(server))
            await self._idle()
            await self._footprint()
            await self._growth()
        return self._results() | {"footprint": self._figures, "fleet": await self._fleet()}

    def _results(self) -> dict[str, Any]:
        tables = {
            name: figures.medians(rows, KEYS[name]) if name in KEYS else rows for name, rows in self._rows.items()
        }
        servers: list[dict[str, Any]] = [
            {"server": server.name, "kind": server.kind.value, "version": server.version}
            | {"document_bytes": self._documents.get(server.name), "not_for": server.not_for, "note": server.note}
            for server in SERVERS
        ]
        return {"plan": asdict(self._plan), "servers": servers, "missing": self.missing, **tables}

    def _for(self, row: str) -> list[Server]:
        """Those that take part in a row, if it is wanted at all."""
        if row not in self._plan.rows:
            return []
        return [server for server in self._present() if row not in server.not_for]

    def _present(self) -> list[Server]:
        return [server for server in SERVERS if server.name not in self.missing]

    def _place(self, *names: object) -> Path:
        return self._directory.joinpath("-".join(map(str, names)))

    def _add(self, table: str, row: dict[str, Any]) -> None:
        self._rows.setdefault(table, []).append(row)

    async def _unless_it_fails(self, server: Server, measure: Awaitable[None]) -> None:
        try:
            await measure
        except DidNotStart as error:
            self.missing[server.name] = Missing.NOT_STARTED.value
            _say(f"{server.name} did not start: {error}")

    # --- documents of one size -------------------------------------------------------------------------------------

    async def _sizes(self) -> None:
        """Have each server answer with as many bytes as the sidecar does."""
        for number, server in enumerate(self._present()):
            _say(f"first answer: {server.name}")
            await self._unless_it_fails(server, self._size(server, self._place("size", number)))
        wanted = next(iter(self._documents.values()), 0)
        for name, size in self._documents.items():
            self._token_bytes[name] = TOKEN_BYTES + wanted - size

    async def _size(self, server: Server, directory: Path) -> None:
        async with a_stand(server, directory, token_bytes=TOKEN_BYTES) as stand:
            self._documents[server.name] = stand.first.size

    # --- rounds ----------------------------------------------------------------------------------------------------

    async def _round(self, number: int) -> None:
        """Every server once, alone; every other round in the opposite order."""
        order = self._present()[:: -1 if number % 2 else 1]
        for place, server in enumerate(order):
            if {"throughput", "idle"} & set(self._plan.rows):
                _say(f"round {number + 1} of {self._plan.rounds}: {server.name}")
                directory = self._place("round", number, place)
                await self._unless_it_fails(server, self._server_in(server, directory, first=number == 0))

    async def _server_in(self, server: Server, directory: Path, *, first: bool) -> None:
        async with a_stand(server, directory, token_bytes=self._token_bytes[server.name]) as stand:
            self._documents[server.name] = stand.first.size
            self._add("startup", {"server": server.name, "served_after_s": stand.served_after})
            if "throughput" not in self._plan.rows:
                return
            async for row in throughput.measured(server, stand, self._plan):
                self._add("throughput", row)
            if first:
                async for row in throughput.by_wrk(server, stand):
                    self._add("wrk", row)

    # --- single rows -----------------------------------------------------------------------------------------------

    async def _p99(self) -> None:
        servers = self._for("fixed")
        if not {Kind.OURS, Kind.PEER} <= {server.kind for server in servers}:
            return
        _say("p99: all, in turn")
        async for table, row in p99.measured(servers, self._place("p99"), self._plan, self._token_bytes):
            self._add(table, row)

    async def _holds(self) -> None:
        if "refresh" in self._plan.rows:
            _say("longest holds of the event loop")
            self._rows["holds"] = await refresh.measured(self._place("refresh"), self._plan)

    async def _burst(self, server: Server) -> None:
        directory = self._place("burst", SERVERS.index(server))
        self._add("burst", await burst.measured(server, directory, self._token_bytes[server.name]))

    async def _sigterm(self, server: Server) -> None:
        for way, keep in throughput.WAYS.items():
            directory = self._place("sigterm", SERVERS.index(server), way)
            self._add("sigterm", await sigterm.measured(server, directory, self._token_bytes[server.name], keep=keep))

    async def _idle(self) -> None:
        servers = self._for("idle")
        if servers:
            _say(f"idle: all, {self._plan.idle_for:.0f} s")
            self._rows["idle"] = await idle.measured(servers, self._place("idle"), self._plan, self._token_bytes)

    @asynccontextmanager
    async def _outage(self) -> AsyncIterator[None]:
        """Begun before the block and awaited after it."""
        servers = self._for("outage")
        if servers:
            _say(f"outage: all, in the background, {self._plan.outage_life} s")
        async with asyncio.TaskGroup() as group:
            for server in servers:
                under_way = asyncio.Event()
                group.create_task(self._unless_it_fails(server, self._outage_of(server, under_way)))
                await under_way.wait()
            yield
            if servers:
                _say("outage: waiting for the credentials to expire")

    async def _outage_of(self, server: Server, under_way: asyncio.Event) -> None:
        directory, life = self._place("outage", SERVERS.index(server)), self._plan.outage_life
        try:
            row = await outage.measured(server, directory, life, self._token_bytes[server.name], under_way)
        finally:
            under_way.set()
        self._add("outage", row)

    # --- what others measure ---------------------------------------------------------------------------------------

    async def _footprint(self) -> None:
        if "footprint" not in self._plan.rows:
            return
        _say("footprint of irsa-sidecar")
        rows = await footprint.measure(self._plan.footprint_rounds)
        self._figures |= {
            f"{name}, {unit}".rstrip(", "): figures.median(row[name, unit] for row in rows) for name, unit in rows[0]
        }
        one, many = await roles.measure(self._plan.footprint_rounds)
        self._figures[f"RSS of {roles.MORE} more roles, MiB"] = many[roles.RSS] - one[roles.RSS]
        self._rows["imports"] = [asdict(cost) for cost in await footprint.accounted(rows)]

    async def _growth(self) -> None:
        if "growth" not in self._plan.rows:
            return
        _say("growth of irsa-sidecar")
        found = await growth.measure(self._plan.growth_requests, self._plan.growth_refreshes)
        requests = sum(found.done.requests.values())
        self._rows["growth"] = [
            {"figure": name, "before": before, "after": after} for name, (before, after) in growth.rows(found).items()
        ]
        self._figures |= {
            "growth, MiB": found.rss,
            "growth, requests": requests,
            "growth, refreshes": found.done.refreshes,
            "growth, token rotations": found.done.rotations,
        }

    async def _fleet(self) -> str:
        """What the simulation of ten thousand pods prints."""
        if "fleet" not in self._plan.rows or importlib.util.find_spec(FLEET) is None:
            return ""
        _say("fleet")
        child = await asyncio.create_subprocess_exec(sys.executable, "-m", FLEET, stdout=asyncio.subprocess.PIPE)
        written, _ = await child.communicate()
        return written.decode()


def _say(what: str) -> None:
    print(f"  {time.strftime('%H:%M:%S')} {what}", file=sys.stderr, flush=True)
