"""What all connections share: the face, the count, the clock that ends the slow ones, the way out."""

import asyncio
import contextlib
import logging
import traceback
from collections.abc import Callable, Coroutine
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Any

from sidecar.http import refusals
from sidecar.http.limits import Limits
from sidecar.http.messages import Face, Request, RequestObserver, Response
from sidecar.http.parser import Seen
from sidecar.http.serializer import Renderer

if TYPE_CHECKING:
    from sidecar.http.connection import Connection

logger = logging.getLogger("sidecar.http")


class Plane:
    """One face, served. `draining`, or once `leaving()`: no connection outlives its answer any more."""

    def __init__(self, face: Face, observe: RequestObserver, limits: Limits, leaving: Callable[[], bool]) -> None:
        self.limits = limits
        self.seen = Seen()
        self.render = Renderer().render
        self.draining = False
        self.leaving = leaving
        self.observe = partial(observe, face.name)
        """Told of every answer: status, and seconds from question to answer."""
        self._face = face
        self._tasks: set[asyncio.Task[Response]] = set()
        self._connections: set[Connection] = set()
        self._sweeping: asyncio.TimerHandle | None = None
        self._empty = asyncio.Event()
        self._full = False

    # --- answers --------------------------------------------------------------------------------------------------

    def ask(self, request: Request) -> Response | asyncio.Task[Response]:
        """The face's answer, or the task that will have it."""
        try:
            answer = self._face.answer(request)
        except Exception as error:  # noqa: BLE001 (a defect in a face must not take the server with it)
            return _defect(error)
        return answer if isinstance(answer, Response) else self._start(answer)

    def _start(self, answer: Coroutine[Any, Any, Response]) -> asyncio.Task[Response]:
        task = asyncio.get_running_loop().create_task(answer, name="answer a request")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def outcome(self, task: asyncio.Task[Response]) -> Response:
        """The answer of a task that is done."""
        if task.cancelled():
            return refusals.OVERDUE
        error = task.exception()
        return task.result() if error is None else _defect(error)

    # --- connections ----------------------------------------------------------------------------------------------

    def opened(self, connection: "Connection") -> Response | None:
        """Count it in; the refusal if it is one too many. Who has been idle for longest makes room first."""
        self._connections.add(connection)
        if self._sweeping is None:
            self._sweep()
        if len(self._connections) > self.limits.connections:
            return self._make_room(connection)
        self._full = False
        return None

    def _make_room(self, connection: "Connection") -> Response | None:
        idle = min((other for other in self._connections if other.idle), key=lambda other: other.deadline, default=None)
        if idle is not None and idle is not connection:
            idle.close()
            return None
        return self._refuse(connection)

    def _refuse(self, connection: "Connection") -> Response:
        if not self._full:
            self._full = True
            logger.warning(
                "too many connections",
                extra={"limit": self.limits.connections, "fix": "find the client that opens them and keeps them busy"},
            )
        if len(self._connections) > self.limits.connections + self.limits.refused_at_once:
            connection.abort()
        return refusals.BUSY

    def lost(self, connection: "Connection") -> None:
        self._connections.discard(connection)
        if self.draining and not self._connections:
            self._empty.set()

    def _sweep(self) -> None:
        """End what is overdue. Looks once a second while anybody is connected, and else not at all."""
        now, loop = monotonic(), asyncio.get_running_loop()
        try:
            for connection in [each for each in self._connections if each.deadline <= now]:
                connection.overdue()
        finally:  # whatever one connection does, the others are looked after
            self._sweeping = loop.call_later(self.limits.sweep, self._sweep) if self._connections else None

    async def drain(self) -> None:
        """Let what is under way end, for a while; then end it."""
        self.draining = True
        for connection in [each for each in self._connections if each.idle]:
            connection.close()
        if self._connections:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self.limits.drain):
                    await self._empty.wait()
        for connection in tuple(self._connections):
            connection.abort()
        if self._sweeping is not None:
            self._sweeping.cancel()
        await self._end_tasks()

    async def _end_tasks(self) -> None:
        """Cancel whatever still runs, and see it end."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


def _defect(error: BaseException) -> Response:
    """Neither the text of a foreign exception nor its arguments are logged: they may quote what it was working on."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    logger.error("face failed", extra={"reason": type(error).__name__, "place": f"{place.filename}:{place.lineno}"})
    return refusals.DEFECT
