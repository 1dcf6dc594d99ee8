"""Two sidecars that live through the same history: one recognises requests, the other reads and judges each anew."""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

from sidecar.core.broker import Broker
from sidecar.core.clock import SystemClock
from sidecar.core.errors import StsUnavailable
from sidecar.core.model import DEFAULT_ROLE, Credentials, Instant, Seconds, UnixTime
from sidecar.core.refresh import Failed, Issued, RefreshPolicy
from sidecar.faces.authorization import AuthorizationTokens, NoAuthorization
from sidecar.faces.container import ContainerFace
from sidecar.faces.guards import Guard
from sidecar.faces.imds import ImdsFace
from sidecar.faces.imds_tokens import SessionTokens
from sidecar.faces.routes import Routes
from sidecar.http.connection import Connection, State
from sidecar.http.handler import RequestHandler
from sidecar.http.limits import Limits
from sidecar.http.messages import Face, Request, Response
from sidecar.http.pool import ConnectionPool
from sidecar.http.serializer import Serializer
from tests.doubles import EPOCH, credentials
from tests.faces.imds_kit import POD
from tests.faces.kit import served_role
from tests.http.scene import FakeTransport

LIMITS = Limits(total=300, idle=200)
HOSTS = frozenset({"127.0.0.1"})
FIXED = "fixed-token"
MIN_LIFE: Seconds = 900


class Clock(SystemClock):
    """Set by hand, each of its two hands alone."""

    def __init__(self) -> None:
        self.at: Instant = 0.5
        self.ahead: Seconds = 0

    def now(self) -> Instant:
        return self.at

    def wall(self) -> UnixTime:
        return EPOCH + self.at + self.ahead


@dataclass
class Outside:
    """What both have in common: time, the token's file, and whether they have been told to end."""

    clock: Clock
    token: str = "token-0"
    leaving: bool = False

    def next_credentials(self, life: Seconds) -> Credentials:
        return credentials(issued_at=self.clock.now(), life=life)


class Sidecar:
    """Two faces over one broker, and connections without sockets. `recognises`: whether it does."""

    def __init__(self, outside: Outside, *, recognises: bool) -> None:
        self.outside = outside
        self.counted: Counter[tuple[str, str, int]] = Counter()
        clock = outside.clock
        policy = RefreshPolicy()
        self.broker = Broker(
            role=DEFAULT_ROLE,
            source=mock.Mock(),
            clock=clock,
            jitter=lambda: 0.5,
            observe=lambda *_: None,
            policy=policy,
        )
        self.tokens = AuthorizationTokens(fixed=FIXED, file=Path("/token"), clock=clock)
        self.tokens._read = self._read_token  # type: ignore[assignment]
        self.container = ContainerFace(self._routes(), Guard(HOSTS, self.tokens))
        imds = ImdsFace(
            self.broker,
            Guard(HOSTS, NoAuthorization()),
            SessionTokens(b"a key", clock.now),
            instance=POD,
            v1=True,
            min_life=MIN_LIFE,
            policy=policy,
            now=clock.now,
        )
        self.pool = ConnectionPool(LIMITS, clock.now, lambda: outside.leaving)
        self._turns_end: list[Callable[[], None]] = []
        self._handlers = [self._handler(self.container, recognises), self._handler(imds, recognises)]
        self.connections: list[tuple[Connection, FakeTransport]] = []

    async def _read_token(self, *_: object) -> str:
        return self.outside.token

    def _routes(self) -> Routes:
        return Routes([served_role(self.broker)], DEFAULT_ROLE)

    def _handler(self, face: Face, recognises: bool) -> RequestHandler:
        serializer = Serializer(self.outside.clock.wall)
        with mock.patch("sidecar.http.handler.Serializer", return_value=serializer):
            handler = RequestHandler(face, self._observe, self.pool, self._turns_end.append)
        if not recognises:
            handler.recognised.find = lambda *_: None  # type: ignore[method-assign]
        return handler

    def _observe(self, face: str, request: Request | None, response: Response, seconds: float, times: int = 1) -> None:
        assert seconds >= 0
        self.counted[face, "" if request is None else f"{request.method} {request.path}", response.status] += times

    # --- what happens to it ---------------------------------------------------------------------------------------

    def connect(self, face: int) -> None:
        transport = FakeTransport()
        connection = transport.receiver = Connection(self._handlers[face], self.pool, transport)
        connection.connection_made()
        self.connections.append((connection, transport))

    def receive(self, which: int, data: bytes) -> None:
        connection, transport = self.connections[which % len(self.connections)]
        if connection.state is not State.CLOSED and transport.reads and not transport.at_end:
            connection.data_received(data)

    def receive_eof(self, which: int) -> None:
        connection, transport = self.connections[which % len(self.connections)]
        if connection.state is not State.CLOSED and not transport.at_end:
            transport.at_end = True
            connection.eof_received()

    def stall(self, which: int) -> None:
        self.connections[which % len(self.connections)][1].stalled = True

    def read_on(self, which: int) -> None:
        _, transport = self.connections[which % len(self.connections)]
        transport.stalled = False
        if transport.receiver is not None:
            transport.flush()

    def vanish(self, which: int) -> None:
        self.connections[which % len(self.connections)][1].abort()

    def issue(self, issued: Credentials) -> None:
        self.broker._apply(Issued(self.outside.clock.now(), issued, 0))

    def fail(self) -> None:
        self.broker._apply(Failed(self.outside.clock.now(), StsUnavailable("It is away.", fix="Wait.")))

    def reload(self) -> None:
        self.container.routes = self._routes()

    def reload_with_no_role(self) -> None:
        self.container.routes = Routes([], DEFAULT_ROLE)

    def sweep(self) -> None:
        for connection in [each for each in self.pool._connections if each.deadline <= self.outside.clock.now()]:
            connection.overdue()

    def end_turn(self) -> None:
        ends, self._turns_end[:] = self._turns_end[:], []
        for end in ends:
            end()

    async def end(self) -> None:
        for which in range(len(self.connections)):
            self.vanish(which)
        for handler in self._handlers:
            await handler.close()

    # --- what can be seen of it -----------------------------------------------------------------------------------

    def remembered_statuses(self) -> set[int]:
        known = [each for handler in self._handlers for each in handler.recognised._known.values()]
        return {each.response.status for each in known}

    def seen(self) -> list[tuple[State, Instant, bytes, bool, bool]]:
        return [
            (connection.state, connection.since, transport.sent + transport.unsent, transport.reads, transport.eof)
            for connection, transport in self.connections
        ]


async def settle() -> None:
    for _ in range(6):
        await asyncio.sleep(0)
