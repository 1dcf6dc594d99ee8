"""One server, started on its core in a world of its own, until the block ends."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.asking import Answer, Request, ask
from bench.launch import Launch, Server
from bench.load import Target
from bench.machine import SERVERS_CORE
from bench.processes import listening_ports, process, tree
from bench.world import HOUR, PATIENCE, DidNotStart, World, a_world


@dataclass(frozen=True, slots=True)
class Stand:
    """A server that has been started. `served_after` is in seconds from its start to its first 200."""

    world: World
    pid: int
    port: int
    request: Request
    first: Answer
    served_after: float

    @property
    def target(self) -> Target:
        return Target(self.port, self.request, self.world.directory)

    @property
    def processes(self) -> list[int]:
        return tree(self.pid)


@asynccontextmanager
async def a_stand(server: Server, directory: Path, *, token_bytes: int = 400, life: int = HOUR) -> AsyncIterator[Stand]:
    """A server that has answered 200 once. Raises `DidNotStart`."""
    async with a_world(directory, life=life, token_bytes=token_bytes) as world:
        launch = server.launch(world)
        began = time.monotonic()
        async with started(launch, world) as (pid, asked_for):
            port, request, first = await asyncio.to_thread(_until_served, pid, asked_for, launch, world)
            yield Stand(world, pid, port, request, first, time.monotonic() - began)


@asynccontextmanager
async def started(launch: Launch, world: World) -> AsyncIterator[tuple[int, int]]:
    """The process id, and the port if it is known."""
    async with process(launch.command, launch.environment, world.log, SERVERS_CORE) as child:
        yield child.pid, launch.port


def until_listening(pid: int, port: int) -> int:
    """The port, once the server listens. Raises `DidNotStart`."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and Path(f"/proc/{pid}/fd").exists():
        open_now = [found for one in tree(pid) for found in listening_ports(one)]
        if port in open_now:
            return port
        if not port and open_now:
            return open_now[0]
        time.sleep(0.002)
    raise DidNotStart("nothing listens")


def _until_served(pid: int, port: int, launch: Launch, world: World) -> tuple[int, Request, Answer]:
    deadline = time.monotonic() + PATIENCE
    try:
        port = until_listening(pid, port)
        while time.monotonic() < deadline:
            request = launch.request(port)
            if (answer := ask(port, request)).status == 200:
                return port, request, answer
            time.sleep(0.002)
    except DidNotStart as error:
        raise DidNotStart(world.said() or str(error)) from error
    raise DidNotStart(world.said() or "no answer with status 200")
