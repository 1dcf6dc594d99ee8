"""All connections of a server: how many there may be, the one timer that ends slow ones, and the shutdown."""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from math import inf
from typing import Protocol

from sidecar.core.model import Instant, Seconds
from sidecar.http import refusals
from sidecar.http.limits import Limits
from sidecar.http.messages import Response
from sidecar.http.room import ByteBudget, Occupant, Room

logger = logging.getLogger("sidecar.http")


FULL_AGAIN_AFTER: Seconds = 60
"""Between two lines that say so: strangers must not fill the log."""


class PooledConnection(Occupant, Protocol):
    """What a pool asks of a connection. `deadline`: by when it must have moved on."""

    @property
    def deadline(self) -> Instant: ...

    def overdue(self) -> None: ...
    def refuse(self, response: Response) -> None: ...


class ConnectionPool:
    """`clock` is the one that deadlines are counted by. Once `leaving()`, each answer is its connection's last."""

    def __init__(
        self,
        limits: Limits,
        clock: Callable[[], Instant],
        leaving: Callable[[], bool],
        budget: ByteBudget | None = None,
    ) -> None:
        self.limits = limits
        self.clock = clock
        self._leaving = leaving
        self._connections: set[PooledConnection] = set()
        self._emptied: asyncio.Event | None = None  # there from when draining begins
        self._sweeping: asyncio.TimerHandle | None = None
        self._told_full_at: Instant = -inf
        self._room = Room(budget or ByteBudget())
        self.moved = self._room.moved
        self.received = self._room.received

    def __len__(self) -> int:
        return len(self._connections)

    def closing(self) -> bool:
        """No connection outlives its answer any more."""
        return self._emptied is not None or self._leaving()

    def add(self, connection: PooledConnection) -> None:
        """Count it in; or refuse it, if it is one too many and nobody can make room (see `room`)."""
        self._connections.add(connection)
        self._room.moved(connection)
        if self._sweeping is None:
            self._schedule_sweep()
        if len(self) - self._room.refused > self.limits.connections and not self._room.make(connection):
            self._refuse(connection)

    def discard(self, connection: PooledConnection) -> None:
        self._connections.discard(connection)
        self._room.left(connection)
        if self._emptied is not None and not self._connections:
            self._emptied.set()

    def _refuse(self, connection: PooledConnection) -> None:
        now = self.clock()
        if now >= self._told_full_at + FULL_AGAIN_AFTER:
            self._told_full_at = now
            logger.warning(
                "too many connections",
                extra={"limit": self.limits.connections, "fix": "find the client that keeps so many connections open"},
            )
        if connection.spent or self._room.refused >= self.limits.refused_at_once:
            connection.abort()
        else:
            self._room.refuse(connection)
            connection.refuse(refusals.BUSY)

    def sweep(self) -> None:
        """End what is overdue. Comes once a second while anybody is connected, and else not at all."""
        now = self.clock()
        try:
            for connection in [each for each in self._connections if each.deadline <= now]:
                connection.overdue()
        finally:  # whatever one connection does, the others are looked after
            self._schedule_sweep()

    def _schedule_sweep(self) -> None:
        loop = asyncio.get_running_loop()
        self._sweeping = loop.call_later(self.limits.sweep, self.sweep) if self._connections else None

    async def drain(self) -> None:
        """Let what is under way end, for a while; then end it."""
        self._emptied = emptied = asyncio.Event()
        try:
            for connection in [each for each in self._connections if each.idle]:
                connection.close()
            if self._connections:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self.limits.drain):
                        await emptied.wait()
        finally:  # also where we are cancelled meanwhile
            self._end_all()

    def _end_all(self) -> None:
        for connection in tuple(self._connections):
            connection.abort()
        self._room.close()
        if self._sweeping is not None:
            self._sweeping.cancel()
