"""Answers a request: calls the face, counts the request, and turns the answer into bytes."""

import asyncio
import logging
import traceback
from collections.abc import Coroutine
from functools import partial
from typing import Any

from sidecar.http import refusals
from sidecar.http.messages import Face, Repeatable, Request, RequestObserver, Response
from sidecar.http.pool import ConnectionPool
from sidecar.http.recognised import AtTurnsEnd, RecognisedRequests
from sidecar.http.serializer import Serializer

logger = logging.getLogger("sidecar.http")


class RequestHandler:
    """One face, and what all its connections share."""

    def __init__(self, face: Face, observe: RequestObserver, pool: ConnectionPool, at_turns_end: AtTurnsEnd) -> None:
        self.limits = pool.limits
        self.clock = pool.clock
        serializer = Serializer()
        self.serialize = serializer.serialize
        self.date = serializer.date
        self.observe = partial(observe, face.name)
        """Told of every answer: the request, the response, and seconds from the one to the other."""
        self.recognised = RecognisedRequests(serializer.date, self.observe, pool.closing, at_turns_end)
        self._face = face
        self._tasks: set[asyncio.Task[Response]] = set()
        self._defects: set[tuple[str, str]] = set()

    def ask(self, request: Request) -> Response | Repeatable | asyncio.Task[Response]:
        """The face's answer, or the task that will have it."""
        try:
            answer = self._face.answer(request)
        except Exception as error:  # noqa: BLE001 (a defect in a face must not take the server with it)
            return self._defect(error)
        return answer if isinstance(answer, Response | Repeatable) else self._start(answer)

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
        return task.result() if error is None else self._defect(error)

    async def close(self) -> None:
        """Forget all, cancel whatever the face still does, and see it end."""
        self.recognised.forget()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _defect(self, error: BaseException) -> Response:
        """Logs each once: it comes back with every request. Neither the text of a foreign exception nor its arguments
        are logged: they may quote what it was working on.
        """
        last = traceback.extract_tb(error.__traceback__)[-1]
        reason, place = type(error).__name__, f"{last.filename}:{last.lineno}"
        if (reason, place) not in self._defects:
            self._defects.add((reason, place))
            logger.error("face failed", extra={"reason": reason, "place": place})
        return refusals.DEFECT
