"""One client's connection: requests in, answers out in the same order, and an end in every case.

Whatever a connection waits for, `deadline` says until when; the plane's sweep calls `overdue` after it.
"""

import asyncio
import logging
from functools import partial
from time import monotonic

from sidecar.http import refusals
from sidecar.http.messages import Response
from sidecar.http.parser import Reader, Received
from sidecar.http.pool import Plane
from sidecar.http.serializer import CLOSE, CONTINUE, KEEP_ALIVE
from sidecar.http.transport import Transport

logger = logging.getLogger("sidecar.http")


class Connection:
    __slots__ = (
        *("_arriving", "_blocked", "_ended", "_half_closed", "_held", "_leaves_at", "_plane", "_reader", "_task"),
        *("_transport", "deadline"),
    )

    def __init__(self, plane: Plane, transport: Transport) -> None:
        self._plane = plane
        self._transport = transport
        self._reader = Reader(plane.limits, plane.seen)
        self._task: asyncio.Task[Response] | None = None
        self._arriving = False  # a request has begun to arrive, and its deadline runs
        self._blocked = False  # the client does not read
        self._held = False  # we do not read
        self._half_closed = False  # the client has sent all it will
        self._ended = False  # the last answer is written

    @property
    def idle(self) -> bool:
        """Between requests: nobody loses anything if it closes now."""
        return not (self._ended or self._task or self._blocked or self._reader.midway or self._reader.arrived)

    # --- what the transport calls ---------------------------------------------------------------------------------

    def connection_made(self) -> None:
        now = monotonic()
        self._leaves_at = now + self._plane.limits.total
        self.deadline = now + self._plane.limits.idle
        if refusal := self._plane.opened(self):
            self._refuse(refusal)

    def data_received(self, data: bytes) -> None:
        if self._ended:  # a refused client may finish its sentence
            return
        self._reader.feed(data)
        self._work()

    def eof_received(self) -> bool:
        """A client may close its half and still read (RFC 9112, section 9.6); True keeps ours open."""
        self._half_closed = True
        if self._reader.midway and not self._ended:
            self._reader.close()
            self._reader.arrived.append(refusals.INCOMPLETE)
            self._work()
        return not (self._ended or self.idle)

    def pause_writing(self) -> None:
        self._blocked = True
        self.deadline = monotonic() + self._plane.limits.write

    def resume_writing(self) -> None:
        self._blocked = False
        if not self._ended:
            limits = self._plane.limits
            self.deadline = monotonic() + (limits.answer if self._task else limits.idle)
            self._work(answered=True)

    def connection_lost(self) -> None:
        self._ended = True
        self._reader.close()
        self._drop_task()
        self._plane.lost(self)

    # --- what the plane calls -------------------------------------------------------------------------------------

    def overdue(self) -> None:
        """End whatever has lasted too long, as politely as can be."""
        if self._ended or self._blocked:
            self.abort()
        elif self._task:
            self._hurry(self._task)
        elif self._reader.midway:
            self._refuse(refusals.TOO_SLOW)
        else:
            self.close()

    def _hurry(self, task: asyncio.Task[Response]) -> None:
        if task.cancelling():  # it was told already
            self.abort()
            return
        task.cancel()
        self.deadline += self._plane.limits.linger

    def close(self) -> None:
        """Send what is written, then close."""
        self._ended = True
        self.deadline = monotonic() + self._plane.limits.write
        self._transport.close()

    def abort(self) -> None:
        self._ended = True
        self._transport.abort()

    # --- answering ------------------------------------------------------------------------------------------------

    def _work(self, *, answered: bool = False) -> None:
        """Answer what has arrived, one after another, until one must wait or the client stops reading.

        `answered`: an answer has just gone out, so that the time for the next request begins.
        """
        arrived = self._reader.arrived
        while arrived and not (self._task or self._blocked or self._ended):
            self._answer(arrived.pop(0))
            answered = True
        if self._ended:
            return
        if self._task or self._blocked:
            self._hold(bool(arrived))
            return
        self._await_more(answered)

    def _answer(self, item: Received | Response) -> None:
        if isinstance(item, Response):
            logger.debug("request not understood", extra={"status": item.status})
            self._refuse(item)
            return
        asked_at = monotonic()
        answer = self._plane.ask(item.request)
        if isinstance(answer, Response):
            self._send(item, answer, asked_at)
            return
        self._task = answer
        self.deadline = asked_at + self._plane.limits.answer
        answer.add_done_callback(partial(self._finish, item, asked_at))

    def _finish(self, item: Received, asked_at: float, task: asyncio.Task[Response]) -> None:
        if task is not self._task:  # dropped: nobody waits for it
            return
        self._task = None
        self._send(item, self._plane.outcome(task), asked_at)
        self._work(answered=True)

    def _send(self, item: Received, response: Response, asked_at: float) -> None:
        plane, now = self._plane, monotonic()
        plane.observe(response.status, now - asked_at)
        body = item.request.method != "HEAD"
        if not item.stays or plane.draining or plane.leaving() or asked_at >= self._leaves_at:
            self._end(plane.render(response, CLOSE, body=body))
            return
        if not self._blocked:  # else the answer before this one must be read first, and its deadline runs
            self.deadline = now + plane.limits.idle
        self._transport.write(plane.render(response, KEEP_ALIVE if item.old else b"", body=body))

    def _end(self, answer: bytes, *, abruptly: bool = False) -> None:
        """Send the last answer and close; `abruptly`: while the client may still be sending."""
        transport, limits = self._transport, self._plane.limits
        self._ended = True
        if self._half_closed or not (abruptly or self._reader.overrun or self._held or transport.more_waits):
            self.deadline = monotonic() + limits.write
            transport.end(answer)
            return
        # Closing with unread bytes resets the connection, and the client might never read our answer.
        self.deadline = monotonic() + limits.linger
        transport.write(answer)
        transport.write_eof()
        self._hold(False)

    def _refuse(self, response: Response) -> None:
        """Answer for the server, then end: after a refusal nobody knows where the next request would begin."""
        if self._ended:
            return
        self._plane.observe(response.status, 0)
        self._end(self._plane.render(response, CLOSE, body=not self._reader.reads_head), abruptly=True)

    def _await_more(self, answered: bool) -> None:
        if self._held:
            self._hold(False)
        if self._half_closed:
            self.close()
            return
        reader = self._reader
        if reader.owes_continue:
            reader.owes_continue = False
            self._transport.write(CONTINUE)
        if reader.midway and (answered or not self._arriving):
            self.deadline = monotonic() + self._plane.limits.read
        self._arriving = reader.midway

    def _hold(self, held: bool) -> None:
        """Stop reading while requests wait their turn: the client's own buffers are where more of them belong."""
        if held == self._held:
            return
        self._held = held
        if held:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    def _drop_task(self) -> None:
        task, self._task = self._task, None
        if task:
            task.cancel()
