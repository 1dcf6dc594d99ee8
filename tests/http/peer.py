"""A connection's two ends: a client that writes bytes as they are, and a face that shows what reached it."""

import asyncio
import contextlib
import json
import socket
import struct
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast
from unittest import mock

from sidecar.core.model import Instant, Seconds
from sidecar.http import binding
from sidecar.http import server as http_server
from sidecar.http.addresses import TcpAddress
from sidecar.http.connection import Connection, State
from sidecar.http.limits import Limits
from sidecar.http.messages import Repeatable, Reply, Request, Response
from sidecar.http.pool import ConnectionPool, PooledConnection
from sidecar.http.refusals import SUPPORTED_METHODS
from tests.waiting import HANGS_AFTER

HOST = b"Host: 127.0.0.1\r\n"
END = b"\r\n"
LENGTHS = {"/large": 300_000, "/huge": 20_000_000}
QUICK = Limits(sweep=0.005)
"""The limits of the service, looked at often: tests move the clock, and do not wait for it."""


def request(method: str = "GET", target: str = "/", *headers: str, version: str = "1.1", host: bool = True) -> bytes:
    """A request's head, and nothing in it that is not asked for."""
    lines = (f"{method} {target} HTTP/{version}", *(("Host: 127.0.0.1",) if host else ()), *headers)
    return "".join(f"{line}\r\n" for line in lines).encode("latin-1") + END


@dataclass(frozen=True, slots=True)
class Answer:
    """`headers` with lower-case names."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def document(self) -> Any:
        return json.loads(self.body)

    @property
    def closes(self) -> bool:
        return self.headers.get("connection") == "close"


class Peer:
    """A client."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._transport = cast("asyncio.Transport", writer.transport)

    def send(self, data: bytes) -> None:
        self._writer.write(data)

    async def send_slowly(self, *parts: bytes) -> None:
        """Each part in a packet of its own."""
        for part in parts:
            self._writer.write(part)
            await self._writer.drain()
            await asyncio.sleep(0.005)  # nothing tells a client that the other side has read

    async def ask(self, data: bytes, *, body: bool = True) -> Answer:
        self.send(data)
        return await self.answer(body=body)

    async def answer(self, *, body: bool = True) -> Answer:
        """The next whole answer; `body`: whether one follows, which after HEAD and 100 it does not."""
        async with asyncio.timeout(HANGS_AFTER):
            head = await self._reader.readuntil(END + END)
            status, *lines = head.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
            length = int(headers.get("content-length", "0")) if body else 0
            return Answer(int(status.split(" ")[1]), headers, await self._reader.readexactly(length))

    async def rest(self) -> bytes:
        """All that comes until the server closes."""
        async with asyncio.timeout(HANGS_AFTER):
            return await self._reader.read()

    async def see_the_end(self) -> None:
        """Until the server has closed, politely or not, whatever it had still to say."""
        with contextlib.suppress(ConnectionResetError):
            await self.rest()

    def finish(self) -> None:
        """Close our half: nothing more will be sent."""
        self._writer.write_eof()

    @property
    def unsent(self) -> int:
        """Bytes that the other side has no room for."""
        return self._transport.get_write_buffer_size()

    def stop_reading(self) -> None:
        self._transport.pause_reading()

    def read_on(self) -> None:
        self._transport.resume_reading()

    def reset(self) -> None:
        """Vanish as a killed process does."""
        connected = self._writer.get_extra_info("socket")
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._transport.abort()

    async def close(self) -> None:
        self._writer.close()
        try:
            await self._writer.wait_closed()
        except OSError:
            return  # the server was first


@dataclass(eq=False)
class Mirror:
    """A face that answers with what it was asked. `/wait` takes until `may_go`, `/stubborn` even if cancelled."""

    name = "mirror"
    seen: list[Request] = field(default_factory=list)
    waiting: asyncio.Event = field(default_factory=asyncio.Event)
    may_go: asyncio.Event = field(default_factory=asyncio.Event)
    cancelled: asyncio.Event = field(default_factory=asyncio.Event)

    def answer(self, request: Request) -> Reply:
        if request.method not in SUPPORTED_METHODS:
            return Response(405, b"{}", {"Allow": "PUT" if request.path == "/put" else "GET, HEAD, PUT"})
        self.seen.append(request)
        match request.path:
            case "/wait":
                return self._wait(request)
            case "/stubborn":
                return self._insist(request)
            case "/late":
                return _late()
            case "/defect":
                raise RuntimeError("a secret")
            case "/large" | "/huge":
                return Response(200, b"x" * LENGTHS[request.path], {})
        return _mirrored(request)

    async def _wait(self, request: Request) -> Response:
        self.waiting.set()
        try:
            await self.may_go.wait()
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        return _mirrored(request)

    async def _insist(self, request: Request) -> Response:
        while not self.may_go.is_set():
            try:
                await self.may_go.wait()
            except asyncio.CancelledError:
                self.cancelled.set()
        return _mirrored(request)


class Repeating(Mirror):
    """A mirror whose good answers may be given again."""

    def answer(self, request: Request) -> Reply:
        answer = super().answer(request)
        good = isinstance(answer, Response) and answer.status == 200
        return Repeatable(answer, lambda: True) if good and isinstance(answer, Response) else answer


def _mirrored(request: Request) -> Response:
    return Response(200, json.dumps({"method": request.method, "path": request.path}).encode(), {})


async def _late() -> Response:
    """As a broker does it: a time-out that begins before the first wait."""
    try:
        async with asyncio.timeout(0.02):
            await asyncio.Event().wait()
    except TimeoutError:
        return Response(503, b"{}", {"Retry-After": "1"})
    raise AssertionError("nobody sets that event")


class Watched(ConnectionPool):
    """A pool that counts its sweeps."""

    newest: "Watched"

    def __init__(self, *collaborators: Any) -> None:
        super().__init__(*collaborators)
        self.sweeps = 0
        Watched.newest = self

    @property
    def connections(self) -> Collection[PooledConnection]:
        return self._connections

    def sweep(self) -> None:
        self.sweeps += 1
        super().sweep()


@dataclass
class ManualClock:
    """Time passes when it is told to."""

    now: Instant = 0

    def __call__(self) -> Instant:
        return self.now


@dataclass(eq=False)
class MirrorServer:
    """A served mirror, and clients for it. `answered`: the statuses that the observer was told."""

    face: Mirror
    pool: Watched
    clock: ManualClock
    port: int
    answered: list[int]
    peers: list[Peer] = field(default_factory=list)
    outlived: bool = False

    async def peer(self) -> Peer:
        peer = Peer(*await asyncio.open_connection("127.0.0.1", self.port, limit=2**20))
        self.peers.append(peer)
        return peer

    def outlive(self) -> None:
        """The test lets its clients and waiting requests go itself, after the server has gone."""
        self.outlived = True

    async def let_go(self) -> None:
        self.face.may_go.set()
        for peer in self.peers:
            await peer.close()

    async def ask(self, data: bytes, *, body: bool = True) -> Answer:
        """Over a new connection."""
        return await (await self.peer()).ask(data, body=body)

    @property
    def states(self) -> list[State]:
        """Of the connections that the server holds."""
        return [cast("Connection", each).state for each in self.pool.connections]

    async def until_it_is(self, *states: State) -> None:
        await self.until(lambda: self.states == list(states))

    async def later(self, seconds: Seconds) -> None:
        """Let time pass, and the server look at its deadlines."""
        self.clock.now += seconds
        sweeps = self.pool.sweeps
        await self.until(lambda: self.pool.sweeps > sweeps)

    async def until(self, happens: Callable[[], bool]) -> None:
        async with asyncio.timeout(HANGS_AFTER):
            while not happens():
                await asyncio.sleep(0.005)


@asynccontextmanager
async def mirror_server(
    limits: Limits | None = None,
    leaving: Callable[[], bool] = http_server.never,
    clock: Callable[[], Instant] | None = None,
    face: Mirror | None = None,
    first_bytes_within: Seconds = 0,
) -> AsyncIterator[MirrorServer]:
    """`clock`: another than the manual one. `face`: another than a plain mirror. `first_bytes_within`: as in `binding`;
    for 0, clients that send nothing are seen at once.
    """
    mirror, answered, manual, caught = face or Mirror(), list[int](), ManualClock(), list[str]()
    loop = asyncio.get_running_loop()
    if loop.get_exception_handler() is None:  # an error that nobody handles is a failure
        loop.set_exception_handler(
            lambda _, context: caught.append(f"{context['message']}: {context.get('exception')}")
        )

    def observe(face: str, request: Request | None, response: Response, seconds: float, times: int = 1) -> None:
        assert (face, seconds >= 0) == ("mirror", True)
        answered.extend([response.status] * times)

    with (
        mock.patch.object(http_server, "ConnectionPool", Watched),
        mock.patch.object(binding, "FIRST_BYTES_WITHIN", first_bytes_within),
    ):
        async with http_server.serving(
            mirror, observe, [TcpAddress("127.0.0.1", 0)], limits or QUICK, leaving, clock=clock or manual
        ) as (address,):
            assert isinstance(address, TcpAddress)
            server = MirrorServer(mirror, Watched.newest, manual, address.port, answered)
            try:
                yield server
            finally:
                if not server.outlived:
                    await server.let_go()
    assert caught == []
