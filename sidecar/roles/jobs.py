"""Coroutines that run side by side, begun and ended while the others go on."""

import asyncio
from collections.abc import Callable, Coroutine, Hashable, Mapping
from typing import Any, NoReturn

Job = Callable[[], Coroutine[Any, Any, NoReturn]]


class Jobs:
    """A set of jobs that never end by themselves. A defect in one ends them all, and `run` with it."""

    def __init__(self) -> None:
        self._wanted: dict[Hashable, Job] = {}
        self._tasks: dict[Hashable, asyncio.Task[NoReturn]] = {}
        self._group: asyncio.TaskGroup | None = None

    def set(self, wanted: Mapping[Hashable, Job]) -> None:
        """From now on these, each known by its key: those that run go on, others begin, in this order, or end."""
        self._wanted = dict(wanted)
        if self._group is not None:
            self._settle(self._group)

    async def run(self) -> NoReturn:
        """Until cancelled."""
        async with asyncio.TaskGroup() as self._group:
            self._settle(self._group)
            await asyncio.Event().wait()
        raise AssertionError("nothing sets that event")

    def _settle(self, group: asyncio.TaskGroup) -> None:
        for key in self._tasks.keys() - self._wanted.keys():
            self._tasks.pop(key).cancel()
        for key, job in self._wanted.items():
            if key not in self._tasks:
                self._tasks[key] = group.create_task(job(), name=job.__qualname__)
