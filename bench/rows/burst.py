"""Two hundred first requests at once, while STS takes half a second: how often it is asked, how long clients wait."""

import asyncio
from pathlib import Path
from typing import Any

from bench.launch import Server
from bench.load import Target, generate
from bench.stand import started, until_listening
from bench.world import a_world

CLIENTS = 200
STS_TAKES = 0.5


async def measured(server: Server, directory: Path, token_bytes: int) -> dict[str, Any]:
    """Raises `DidNotStart`."""
    async with a_world(directory, token_bytes=token_bytes) as world:
        world.faults.start("slow", str(STS_TAKES))
        launch = server.launch(world)
        async with started(launch, world) as (pid, port):
            listens_on = await asyncio.to_thread(until_listening, pid, port)
            request = await asyncio.to_thread(launch.request, listens_on)
            before = len(world.calls())
            everyone = ("-clients", str(CLIENTS), "-count", str(CLIENTS))
            load = await generate(Target(listens_on, request, directory), *everyone, keep=False)
        return {
            "server": server.name,
            "clients": CLIENTS,
            "sts_takes_ms": STS_TAKES * 1000,
            "calls": len(world.calls()),
            "before_it_could_be_asked": before,
            "answers": load.answers,
            "slowest_ms": load.ms["max"],
            "errors": dict(load.errors),
        }
