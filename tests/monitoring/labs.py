"""Worlds for a fleet: several labs, each with faults of its own, served from a thread."""

import asyncio
import threading
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from sidecar.lab.app import Lab, running
from sidecar.lab.faults import Faults
from sidecar.lab.settings import LabSettings
from sidecar.lab.state import StateDirectory
from tests.waiting import HANGS_AFTER

ANY_PORT = ("127.0.0.1", 0)


@dataclass(frozen=True, slots=True)
class Plan:
    """How a lab shall be. `faults`: those that are on from the start, by name."""

    session_lifetime: float | None = None
    faults: tuple[str, ...] = ()


@contextmanager
def labs(directory: Path, plans: Mapping[str, Plan]) -> Iterator[dict[str, Lab]]:
    """Labs by name, until the block ends."""
    found: dict[str, Lab] = {}
    ready, done = threading.Event(), asyncio.Event()
    loop = asyncio.new_event_loop()

    async def live() -> None:
        async with AsyncExitStack() as stack:
            for name, plan in plans.items():
                state = StateDirectory(directory / name)
                state.create()
                for fault in plan.faults:
                    Faults(state).start(fault)
                settings = LabSettings(state.root, ANY_PORT, ANY_PORT, ANY_PORT, session_lifetime=plan.session_lifetime)
                found[name] = await stack.enter_async_context(running(settings, lambda event: None))
            ready.set()
            await done.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=[live()])
    thread.start()
    try:
        assert ready.wait(HANGS_AFTER)
        yield found
    finally:
        loop.call_soon_threadsafe(done.set)
        thread.join()
        loop.close()
