"""Puts a face behind sockets, for as long as a block lasts."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial

from sidecar.listening import listeners
from sidecar.messages import Face, RequestObserver
from sidecar.values import Address
from sidecar.wire.connection import Connection
from sidecar.wire.limits import Limits
from sidecar.wire.plane import Plane


@asynccontextmanager
async def serving(
    face: Face, observe: RequestObserver, addresses: Sequence[Address], limits: Limits | None = None
) -> AsyncIterator[tuple[Address, ...]]:
    """Answer every request on `addresses` with `face`; gives those bound, with the port that a port of 0 became.

    Raises `CannotListen`, naming the address. Leaving the block closes the listeners and lets requests in flight end.
    """
    plane = Plane(face, observe, limits or Limits())
    try:
        async with listeners(partial(Connection, plane), addresses) as bound:
            yield bound
    finally:
        await plane.drain()
