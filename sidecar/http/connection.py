"""One client's connection: what state it is in, and what leads from each state to the next.

Rule 1: whatever changes the state goes through `_move`, so that `TRANSITIONS` tells all that can happen.
Rule 2: what can be computed from the state, the parser or the transport is not stored beside them.
Rule 3: no I/O and no clock here. Bytes come from a `Transport` and go to it; the handler tells the time.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from enum import Enum, auto
from functools import partial
from operator import attrgetter

from sidecar.core.model import Instant, Seconds
from sidecar.http import refusals
from sidecar.http.handler import RequestHandler
from sidecar.http.limits import Limits
from sidecar.http.messages import ParsedRequest, Repeatable, Response
from sidecar.http.parser import RequestParser
from sidecar.http.pool import ConnectionPool
from sidecar.http.recognised import Recognised
from sidecar.http.serializer import CONNECTION_CLOSE, CONNECTION_KEEP_ALIVE, CONTINUE
from sidecar.http.transport import Transport

logger = logging.getLogger("sidecar.http")


class State(Enum):
    __hash__ = object.__hash__  # Enum's own hashes the name, which takes longer than all else here
    IDLE = auto()  # between requests: nobody loses anything if the connection closes now
    RECEIVING = auto()  # a part of a request has arrived
    ANSWERING = auto()  # the face needs time for its answer
    CANCELLING = auto()  # it has taken too long, and was told to stop
    SENDING = auto()  # the client does not read our answer as fast as we write it
    FINISHING = auto()  # the same with the last answer, after which we linger
    LINGERING = auto()  # our half is closed; what still comes is dropped, so that the client reads our answer, no reset
    CLOSING = auto()  # the socket closes once all is sent
    CLOSED = auto()


class Event(Enum):
    __hash__ = object.__hash__
    REQUEST_BEGAN = auto()
    FACE_WAITS = auto()  # it has no answer at once; all answers before it are sent by now
    ANSWERED = auto()  # an answer is written that others may follow
    ANSWERED_LAST = auto()  # the last answer is written, and all that the client sent was read
    CUT_OFF = auto()  # the last answer is written while the client may still be sending
    STALLED = auto()  # the client does not read: the kernel has no room for more
    CAUGHT_UP = auto()  # it has read on: all is sent
    TIMED_OUT = auto()  # in the one state in which that is not the end
    NOTHING_LEFT = auto()  # to answer: the connection closes
    LOST = auto()


# Each by its own name: to look a member up in its enum takes as long as to call a function.
IDLE, RECEIVING, ANSWERING, CANCELLING, SENDING, FINISHING, LINGERING, CLOSING, CLOSED = State
REQUEST_BEGAN, FACE_WAITS, ANSWERED, ANSWERED_LAST, CUT_OFF, STALLED, CAUGHT_UP, TIMED_OUT, NOTHING_LEFT, LOST = Event

_LOST = {LOST: CLOSED}
_ANSWERED = {ANSWERED: IDLE, ANSWERED_LAST: CLOSING, CUT_OFF: LINGERING} | _LOST
_READY = _ANSWERED | {FACE_WAITS: ANSWERING, STALLED: SENDING}

TRANSITIONS: Mapping[State, Mapping[Event, State]] = {
    IDLE: _READY | {REQUEST_BEGAN: RECEIVING, NOTHING_LEFT: CLOSING},
    RECEIVING: _READY,
    ANSWERING: _ANSWERED | {TIMED_OUT: CANCELLING},
    CANCELLING: _ANSWERED,
    SENDING: _LOST | {CAUGHT_UP: IDLE},
    LINGERING: _LOST | {STALLED: FINISHING, NOTHING_LEFT: CLOSING},
    FINISHING: _LOST | {CAUGHT_UP: LINGERING, NOTHING_LEFT: CLOSING},
    CLOSING: _LOST | {STALLED: CLOSING},
    CLOSED: {},
}
ENDING = frozenset({FINISHING, LINGERING, CLOSING, CLOSED})  # the last answer is written
SPENT = frozenset({SENDING, FINISHING, LINGERING, CLOSING})  # what is left to do is the client's: to read
TIME_LIMITS: Mapping[State, Callable[[Limits], Seconds]] = {
    IDLE: attrgetter("idle"),
    RECEIVING: attrgetter("read"),
    ANSWERING: attrgetter("answer"),
    CANCELLING: attrgetter("linger"),
    SENDING: attrgetter("write"),
    FINISHING: attrgetter("write"),
    LINGERING: attrgetter("linger"),
    CLOSING: attrgetter("write"),
    CLOSED: lambda _: 0,
}  # how long a connection may stay in a state, counted from each move into it


class IllegalTransition(Exception):
    """A defect of ours: the state stays what it was."""


class Connection:
    """Requests in, answers out in the same order, and an end in every case."""

    __slots__ = ("_closes_after", "_handler", "_held", "_parser", "_pool", "_task", "_transport", "since", "state")

    def __init__(self, handler: RequestHandler, pool: ConnectionPool, transport: Transport) -> None:
        self.state = IDLE
        self.since: Instant = handler.clock()
        self._closes_after: Instant = self.since + handler.limits.total
        self._handler = handler
        self._held = handler.recognised.in_this_turn  # here, for it is looked up for every request
        self._parser = RequestParser(handler.limits)
        self._pool = pool
        self._task: asyncio.Task[Response] | None = None
        self._transport = transport

    @property
    def idle(self) -> bool:
        return self.state is IDLE

    @property
    def receiving(self) -> bool:
        return self.state is RECEIVING

    @property
    def spent(self) -> bool:
        return self.state in SPENT

    @property
    def deadline(self) -> Instant:
        return self.since + TIME_LIMITS[self.state](self._handler.limits)

    def _move(self, event: Event) -> None:
        try:
            state = TRANSITIONS[self.state][event]
        except KeyError:
            raise IllegalTransition(f"{event.name} in {self.state.name}") from None
        self.since = self._handler.clock()
        if state is not self.state:
            self.state = state
            self._pool.moved(self)

    def was_answered(self) -> None:
        """Before it begins: its one request is answered, and what the kernel has no room for is the transport's."""
        self._move(ANSWERED_LAST)

    # --- what the transport calls
    def connection_made(self) -> None:
        self._pool.add(self)

    def data_received(self, data: bytes) -> None:
        if self.state is IDLE:
            known = self._held.get(data)
            if known is not None and known.asked_at < self._closes_after:  # the way of most requests
                known.times += 1
                self.since = known.asked_at
                self._transport.write(known.answer)
                return
            now = self._handler.clock()
            if now < self._closes_after and (known := self._handler.recognised.find(data, now)):
                if known.last:
                    self._give_last(known.answer)
                else:
                    self.since = now
                    self._transport.write(known.answer)
                return
        self._parser.feed(data)
        self._proceed()
        if self.state is RECEIVING:
            self._pool.received(self, self._parser.unfinished)

    def eof_received(self) -> None:
        """A client may close its half and still read (RFC 9112, section 9.6): what it asked before is answered."""
        if self.state in ENDING:
            self.close()
            return
        self._parser.feed_eof()
        self._proceed()

    def pause_writing(self) -> None:
        self._move(STALLED)

    def resume_writing(self) -> None:
        self._move(CAUGHT_UP)
        self._proceed()

    def connection_lost(self) -> None:
        self._move(LOST)
        self._parser.close()
        if self._task is not None:
            self._task.cancel()
        self._pool.discard(self)

    # --- what the pool calls
    def overdue(self) -> None:
        """End what has lasted too long, as politely as can be."""
        if self.state is IDLE:
            self.close()
        elif self.state is RECEIVING:
            self.refuse(refusals.TOO_SLOW)
        elif self.state is ANSWERING and self._task is not None:
            self._move(TIMED_OUT)
            self._task.cancel()
        else:
            self.abort()

    def refuse(self, response: Response) -> None:
        """Answer for the server, then end: after a refusal nobody knows where the next request would begin."""
        self._handler.observe(None, response, 0)
        answer = self._handler.serialize(response, CONNECTION_CLOSE, body=not self._parser.refuses_head)
        (self._close_after if self._transport.at_end else self._linger_after)(answer)

    def close(self) -> None:
        """Send what is written, then close."""
        self._move(NOTHING_LEFT)
        self._transport.close()

    def abort(self) -> None:
        self._transport.abort()

    # --- answering
    def _must_close(self, asked_at: Instant) -> bool:
        """The next answer is the last, whatever the client says."""
        return asked_at >= self._closes_after or self._pool.closing()

    def _proceed(self) -> None:
        """Answer what has arrived, one after another, until one must wait; then see to what comes next."""
        requests = self._parser.requests
        while requests and FACE_WAITS in TRANSITIONS[self.state]:
            self._answer(requests.pop(0))
        if self.state in ENDING:
            return
        if requests:  # the client's own buffers are where more of them belong
            self._transport.pause_reading()
            return
        self._transport.resume_reading()
        if not self._parser.between_requests:
            self._await_next()

    def _await_next(self) -> None:
        if self.state is IDLE and self._parser.midway:
            self._move(REQUEST_BEGAN)
        elif self.state is IDLE:  # no request will follow
            self.close()
        if self.state is RECEIVING and self._parser.take_continue():
            self._transport.write(CONTINUE)

    def _answer(self, item: ParsedRequest | Response) -> None:
        if isinstance(item, Response):
            logger.debug("request not understood", extra={"status": item.status})
            self.refuse(item)
            return
        asked_at = self._handler.clock()
        answer = self._handler.ask(item.request)
        if not isinstance(answer, asyncio.Task):
            self._send(item, answer, asked_at)
            return
        self._move(FACE_WAITS)
        self._task = answer
        answer.add_done_callback(partial(self._take_answer, item, asked_at))

    def _take_answer(self, item: ParsedRequest, asked_at: Instant, task: asyncio.Task[Response]) -> None:
        self._task = None
        if self.state is CLOSED:
            return
        self._send(item, self._handler.outcome(task), asked_at)
        self._proceed()

    def _send(self, item: ParsedRequest, answer: Response | Repeatable, asked_at: Instant) -> None:
        handler, must_close = self._handler, self._must_close(asked_at)
        response = answer.response if isinstance(answer, Repeatable) else answer
        handler.observe(item.request, response, handler.clock() - asked_at)
        last = must_close or not item.keep_alive
        date = handler.date()
        data = handler.serialize(response, _on_the_connection(item, last=last), body=item.request.method != "HEAD")
        if isinstance(answer, Repeatable) and not must_close:
            known = Recognised(item.request, response, data, last, date, answer.holds)
            handler.recognised.remember(item.alone, known)
        if last:
            self._give_last(data)
            return
        self._move(ANSWERED)
        self._transport.write(data)

    def _give_last(self, answer: bytes) -> None:
        unread = self._transport.unread or self._parser.overrun
        (self._linger_after if unread else self._close_after)(answer)

    def _close_after(self, answer: bytes) -> None:
        self._move(ANSWERED_LAST)
        self._transport.end(answer)

    def _linger_after(self, answer: bytes) -> None:
        self._move(CUT_OFF)
        self._transport.write(answer)
        self._transport.write_eof()
        self._transport.resume_reading()


def _on_the_connection(item: ParsedRequest, *, last: bool) -> bytes:
    """What the answer says of it."""
    if last:
        return CONNECTION_CLOSE
    return CONNECTION_KEEP_ALIVE if item.http_1_0 else b""
