"""A connection without a socket: a transport that a test holds, and time by hand."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from sidecar.core.model import Seconds
from sidecar.http.connection import Connection, State
from sidecar.http.handler import RequestHandler
from sidecar.http.limits import Limits
from sidecar.http.messages import Face, Request, Response
from sidecar.http.pool import ConnectionPool
from sidecar.http.transport import Receiver
from tests.http.peer import ManualClock, Mirror

LIMITS = Limits()


@dataclass
class FakeTransport:
    """Sends everything, or nothing while the client is `stalled`."""

    receiver: Receiver | None = None
    stalled: bool = False
    at_end: bool = False
    unread: bool = False
    reads: bool = True
    unsent: bytes = b""
    sent: bytes = b""
    eof: bool = False
    closes: bool = False
    pauses: list[bool] = field(default_factory=list)

    def _caller(self) -> Receiver:
        assert self.receiver is not None
        return self.receiver

    def pause_reading(self) -> None:
        self.reads = False

    def resume_reading(self) -> None:
        self.reads = True

    def write(self, data: bytes) -> None:
        self.unsent += data
        self.flush()

    def flush(self) -> None:
        """What the kernel has room for."""
        if self.unsent and self.stalled:
            if not self.pauses:
                self.pauses.append(True)
                self._caller().pause_writing()
            return
        self.sent, self.unsent = self.sent + self.unsent, b""
        if self.pauses:
            self.pauses.clear()
            self._caller().resume_writing()
        if self.closes:
            self.abort()

    def write_eof(self) -> None:
        self.eof = True
        self.flush()

    def end(self, data: bytes) -> None:
        self.unsent += data
        self.close()

    def close(self) -> None:
        self.closes = True
        self.flush()

    def abort(self) -> None:
        caller, self.receiver = self.receiver, None
        if caller is not None:
            caller.connection_lost()


class Scene:
    """A connection to a mirror, or to another face."""

    def __init__(self, face: Face | None = None) -> None:
        self.clock, self.face, self.transport = ManualClock(), Mirror(), FakeTransport()
        self.answered: list[int] = []
        self.took: list[Seconds] = []
        self.turns_end: list[Callable[[], None]] = []
        self.pool = ConnectionPool(LIMITS, self.clock, lambda: False)
        handler = RequestHandler(face or self.face, self._observe, self.pool, self.turns_end.append)
        self.connection = Connection(handler, self.pool, self.transport)
        self.transport.receiver = self.connection
        self.connection.connection_made()

    def _observe(
        self,
        face: str,  # noqa: ARG002 (the observer's shape)
        request: Request | None,  # noqa: ARG002
        response: Response,
        seconds: Seconds,
        times: int = 1,
    ) -> None:
        self.answered += [response.status] * times
        self.took += [seconds] * times

    @property
    def state(self) -> State:
        return self.connection.state

    async def until_it_is(self, state: State) -> None:
        for _ in range(20):
            if self.state is state:
                return
            await asyncio.sleep(0)
        raise AssertionError(f"it is {self.state}")

    def receive(self, data: bytes) -> None:
        self.connection.data_received(data)

    def receive_eof(self) -> None:
        self.transport.at_end = True
        self.connection.eof_received()
