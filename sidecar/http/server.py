"""Puts a face behind sockets, for as long as a block lasts."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from socket import socket

from sidecar.http.addresses import Address
from sidecar.http.connection import Connection
from sidecar.http.limits import Limits
from sidecar.http.listener import listeners
from sidecar.http.messages import Face, RequestObserver
from sidecar.http.pool import Plane
from sidecar.http.transport import Outbox, Transport


def never() -> bool:
    return False


@asynccontextmanager
async def serving(
    face: Face,
    observe: RequestObserver,
    addresses: Sequence[Address],
    limits: Limits | None = None,
    leaving: Callable[[], bool] = never,
) -> AsyncIterator[tuple[Address, ...]]:
    """Answer every request on `addresses` with `face`; gives those bound, with the port that a port of 0 became.

    Raises `CannotListen`, naming the address. Once `leaving()`, each answer is its connection's last, so that nobody
    sends another request as we close. Leaving the block closes the listeners and lets requests in flight end.
    """
    plane = Plane(face, observe, limits or Limits(), leaving)
    outbox = Outbox()

    def welcome(accepted: socket) -> None:
        transport = Transport(accepted, outbox)
        transport.begin(Connection(plane, transport))

    try:
        async with listeners(welcome, addresses) as bound:
            yield bound
    finally:
        await plane.drain()
