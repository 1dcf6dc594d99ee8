"""Questions to several servers at the same time, and an end to all of them: one that hangs holds up no other."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from sidecar.core.findings import Finding
from sidecar.core.model import Seconds
from sidecar.doctor.findings import failed

Begin = Callable[[Coroutine[Any, Any, Any]], asyncio.Task[Any]]


@asynccontextmanager
async def asked_at_once() -> AsyncIterator[Begin]:
    """What begins a question; those without an answer end with the block."""
    tasks: list[asyncio.Task[Any]] = []

    def begin(question: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        tasks.append(asyncio.ensure_future(question))
        return tasks[-1]

    try:
        yield begin
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class Deadline:
    """One for all questions, from now on."""

    def __init__(self, within: Seconds) -> None:
        self._within = within
        self._ends_at = asyncio.get_running_loop().time() + within

    async def findings(self, check: str, asked: asyncio.Task[list[Finding]]) -> list[Finding]:
        """Its findings; else that there was no time for an answer."""
        await asyncio.wait([asked], timeout=max(0, self._ends_at - asyncio.get_running_loop().time()))
        if asked.done():
            return asked.result()
        return [
            failed(
                check,
                f"no end within {self._within:.0f} s",
                "The doctor stopped waiting: what this check asks is too slow, or what it depends on is.",
                "Mend what failed before it; else ask again, and look at the network, the proxy and the node's load.",
            )
        ]
