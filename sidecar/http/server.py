"""Puts a face behind sockets, for as long as a block lasts."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from socket import SocketType
from time import monotonic

from sidecar.core.model import Instant
from sidecar.http.addresses import Address, is_of_this_machine
from sidecar.http.connection import Connection
from sidecar.http.handler import RequestHandler
from sidecar.http.limits import Limits
from sidecar.http.listener import listeners
from sidecar.http.messages import Face, RequestObserver
from sidecar.http.pool import ConnectionPool
from sidecar.http.room import ByteBudget
from sidecar.http.socket_transport import SocketTransport
from sidecar.http.turns import Turns
from sidecar.http.visits import first_bytes, unsent_answer


def never() -> bool:
    return False


def everybody(_: SocketType) -> bool:
    return True


@asynccontextmanager
async def serving(
    face: Face,
    observe: RequestObserver,
    addresses: Sequence[Address],
    limits: Limits | None = None,
    leaving: Callable[[], bool] = never,
    *,
    clock: Callable[[], Instant] = monotonic,
    strangers: Face | None = None,
    budget: ByteBudget | None = None,
    admits: Callable[[SocketType], bool] = everybody,
) -> AsyncIterator[tuple[Address, ...]]:
    """Answer every request on `addresses` with `face`; gives those bound, with the port that a port of 0 became.

    Raises `CannotListen`, naming the address. Once `leaving()`, each answer is its connection's last, so that nobody
    sends another request as we close. Leaving the block closes the listeners and lets requests in flight end.
    `clock` counts the time of connections, in seconds. `strangers`: what answers peers outside the pod, if not `face`.
    `budget`: shared with other servers. `admits`: whether a connection is looked at.
    """
    limits = limits or Limits()
    turns = Turns()
    pool = ConnectionPool(limits, clock, leaving, budget)
    handler = RequestHandler(face, observe, pool, turns.at_end)
    outer = handler if strangers is None else RequestHandler(strangers, observe, pool, turns.at_end)

    def accept(accepted: SocketType) -> None:
        if not admits(accepted):
            accepted.close()
            return
        asked = handler if outer is handler or _is_near(accepted) else outer
        try:
            first = first_bytes(accepted)
        except OSError:  # it has gone
            accepted.close()
            return
        unsent = unsent_answer(accepted, first, asked.recognised) if first else None
        if unsent == b"":
            accepted.close()
            return
        transport = SocketTransport(accepted, turns)
        connection = Connection(asked, pool, transport)
        if unsent is None:
            transport.begin(connection, first)
            return
        connection.was_answered()
        transport.begin(connection, None)
        transport.end(unsent)

    async with AsyncExitStack() as ending:  # each, whatever becomes of those before it
        ending.callback(turns.close)
        ending.push_async_callback(outer.close)
        ending.push_async_callback(handler.close)
        ending.push_async_callback(pool.drain)
        yield await ending.enter_async_context(listeners(accept, addresses, turns))


def _is_near(accepted: SocketType) -> bool:
    try:
        return is_of_this_machine(accepted.getpeername())
    except OSError:  # it has gone
        return False
