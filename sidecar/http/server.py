"""Puts a face behind sockets, for as long as a block lasts."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from socket import socket
from time import monotonic

from sidecar.core.model import Instant
from sidecar.http.addresses import Address
from sidecar.http.connection import Connection
from sidecar.http.handler import RequestHandler
from sidecar.http.limits import Limits
from sidecar.http.listener import listeners
from sidecar.http.messages import Face, RequestObserver
from sidecar.http.pool import ConnectionPool
from sidecar.http.socket_transport import SocketTransport, WriteQueue


def never() -> bool:
    return False


@asynccontextmanager
async def serving(
    face: Face,
    observe: RequestObserver,
    addresses: Sequence[Address],
    limits: Limits | None = None,
    leaving: Callable[[], bool] = never,
    *,
    clock: Callable[[], Instant] = monotonic,
) -> AsyncIterator[tuple[Address, ...]]:
    """Answer every request on `addresses` with `face`; gives those bound, with the port that a port of 0 became.

    Raises `CannotListen`, naming the address. Once `leaving()`, each answer is its connection's last, so that nobody
    sends another request as we close. Leaving the block closes the listeners and lets requests in flight end.
    `clock` counts the time of connections, in seconds.
    """
    limits = limits or Limits()
    handler = RequestHandler(face, observe, limits, clock)
    pool = ConnectionPool(limits, clock, leaving)
    queue = WriteQueue()

    def accept(accepted: socket) -> None:
        transport = SocketTransport(accepted, queue)
        transport.begin(Connection(handler, pool, transport))

    try:
        async with listeners(accept, addresses) as bound:
            yield bound
    finally:
        await pool.drain()
        await handler.close()
