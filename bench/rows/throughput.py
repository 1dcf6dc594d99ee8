"""As fast as answers come: requests a second, latencies and CPU, by clients and by connections."""

from collections.abc import AsyncIterator
from typing import Any

from bench.launch import Server
from bench.load import Load, generate, wrk
from bench.plan import Plan
from bench.processes import cpu_seconds
from bench.stand import Stand

WAYS = {"kept": True, "new": False}
"""Connections: kept between requests, or a new one for each."""
FIXED_CLIENTS = 64
WRK_CLIENTS = 16


async def measured(server: Server, stand: Stand, plan: Plan) -> AsyncIterator[dict[str, Any]]:
    """The rows of one round of one server."""
    for way, keep in WAYS.items():
        for clients in plan.clients:
            row = await _closed_loop(stand, plan, clients, keep=keep)
            yield {"server": server.name, "connections": way, "clients": clients, **row}


async def by_wrk(server: Server, stand: Stand) -> AsyncIterator[dict[str, Any]]:
    """The cross-check: another program's count of the same."""
    for way, keep in WAYS.items():
        per_second = await wrk(stand.target, clients=WRK_CLIENTS, seconds=1, keep=keep)
        yield {"server": server.name, "connections": way, "clients": WRK_CLIENTS, "per_second": per_second}


async def _closed_loop(stand: Stand, plan: Plan, clients: int, *, keep: bool) -> dict[str, Any]:
    warm = plan.warm + clients / 2000  # that many connections take a while to come about
    options = ("-clients", str(clients), "-warm", f"{warm}s", "-for", f"{plan.throughput_for}s")
    before = cpu_seconds(stand.processes)
    load = await generate(stand.target, *options, keep=keep)
    used = cpu_seconds(stand.processes) - before
    return _row(load) | {"cpu_us": used * 1e6 / load.asked}


def _row(load: Load) -> dict[str, Any]:
    return {"per_second": load.per_second, "answers": load.answers, "errors": dict(load.errors), **load.ms}
