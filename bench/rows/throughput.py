"""As fast as answers come, and at a fixed rate: requests a second and latencies, by clients and by connections."""

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


async def measured(server: Server, stand: Stand, plan: Plan) -> AsyncIterator[tuple[str, dict[str, Any]]]:
    """Yields the name of a table and a row of it, for one round of one server."""
    for way, keep in WAYS.items():
        if "throughput" in plan.rows and "throughput" not in server.not_for:
            for clients in plan.clients:
                row = await _closed_loop(stand, plan, clients, keep=keep)
                yield "throughput", {"server": server.name, "connections": way, "clients": clients, **row}
        if "fixed" in plan.rows and "fixed" not in server.not_for:
            for rate in plan.rates:
                row = await _open_loop(stand, plan, rate, keep=keep)
                yield "fixed", {"server": server.name, "connections": way, "rate": rate, **row}


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


async def _open_loop(stand: Stand, plan: Plan, rate: int, *, keep: bool) -> dict[str, Any]:
    many = ("-clients", str(FIXED_CLIENTS), "-rate", str(rate))
    options = (*many, "-warm", f"{plan.warm}s", "-for", f"{plan.fixed_for(rate)}s")
    return _row(await generate(stand.target, *options, keep=keep))


def _row(load: Load) -> dict[str, Any]:
    return {"per_second": load.per_second, "answers": load.answers, "errors": dict(load.errors), **load.ms}
