"""All servers, started and left alone: memory and CPU."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from bench.launch import Server
from bench.plan import Plan
from bench.processes import cpu_seconds, memory_mib
from bench.stand import Stand, a_stand


async def measured(
    servers: Sequence[Server], directory: Path, plan: Plan, token_bytes: Mapping[str, int]
) -> list[dict[str, Any]]:
    """Raises `DidNotStart`."""
    async with AsyncExitStack() as stack:
        stands: dict[str, Stand] = {}
        for number, server in enumerate(servers):
            stand = a_stand(server, directory / str(number), token_bytes=token_bytes[server.name])
            stands[server.name] = await stack.enter_async_context(stand)
        await asyncio.sleep(plan.settle)
        before = {name: cpu_seconds(stand.processes) for name, stand in stands.items()}
        await asyncio.sleep(plan.idle_for)
        return [_row(name, stand, before[name], plan.idle_for) for name, stand in stands.items()]


def _row(name: str, stand: Stand, before: float, seconds: float) -> dict[str, Any]:
    resident, proportional = memory_mib(stand.processes)
    return {
        "server": name,
        "processes": len(stand.processes),
        "rss_mib": resident,
        "pss_mib": proportional,
        "cpu_ms_per_s": (cpu_seconds(stand.processes) - before) / seconds * 1000,
    }
