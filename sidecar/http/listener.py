"""Listens on addresses for as long as a block lasts."""

import asyncio
import errno
import logging
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from time import sleep
from typing import Any

from sidecar.core.model import Seconds
from sidecar.http.addresses import Address, TcpAddress, UnixAddress
from sidecar.http.binding import BACKLOG, Ipv6Absent, bind
from sidecar.http.platform import READ, acceptor, let_nobody_begin, waits_for_first_bytes
from sidecar.http.turns import Turns

ACCEPTED_AT_ONCE = 32
"""Connections accepted before others are looked after."""
CROWD = 8
"""Connections that came at once."""
GATHERS_FOR: Seconds = 0.0003
"""How long we let more of a crowd come before the next look. To be woken, and to work beside a client that works at the
same connections, costs more than to answer; a network card waits a moment before it interrupts for the same reason.
"""
LAST_BYTES_WITHIN: Seconds = 0.05
"""At the end, for the first bytes of those who have connected: a moment for whoever is running at all."""
RETRY_ACCEPT_AFTER: Seconds = 1
"""Without free file descriptors or memory there is no use in trying again at once."""

OUT_OF_DESCRIPTORS = (errno.EMFILE, errno.ENFILE)

logger = logging.getLogger("sidecar.http")

ConnectionHandler = Callable[[socket.SocketType], None]
"""Takes an accepted connection over: a socket that blocks, and is its to close."""


@asynccontextmanager
async def listeners(
    handle: ConnectionHandler, addresses: Sequence[Address], turns: Turns
) -> AsyncIterator[tuple[Address, ...]]:
    """Hand every connection to one of `addresses` to `handle`; gives the addresses bound.

    Raises `CannotListen`, naming the address. Leaving the block closes the listeners, not the connections: those that
    the kernel has let in by then are handed over still.
    """
    opened: list[Listener] = []
    absent: list[Ipv6Absent] = []
    try:
        for address in addresses:
            try:
                opened += [Listener(bound, handle, turns) for bound in await bind(address)]
            except Ipv6Absent as error:
                absent.append(error)
        _tell(absent, served=bool(opened))
        yield tuple(listener.address for listener in opened)
    finally:
        await asyncio.gather(*[listener.end() for listener in opened])


def _tell(absent: Sequence[Ipv6Absent], *, served: bool) -> None:
    """One setting suits clusters with IPv6 and without. What is lacking is said, as long as something is served."""
    for error in absent:
        if not served:
            raise error
        logger.warning("address not served", extra={"reason": error.cause, "fix": error.fix})


class Listener:
    """Accepts connections whenever there are any, and closes `bound` in the end.

    Ours rather than asyncio's, which registers every connection with the loop before it reads from it: much work for a
    client that asks once and leaves.
    """

    def __init__(self, bound: socket.socket, handle: ConnectionHandler, turns: Turns) -> None:
        bound.setblocking(False)
        self._bound = bound
        self._accept_one = acceptor(bound)
        self._came = 0
        self._handle = handle
        self._turns = turns
        self._loop = asyncio.get_running_loop()
        self._resuming: asyncio.TimerHandle | None = None
        self._accepting = True
        self._resume()

    @property
    def address(self) -> Address:
        name: Any = self._bound.getsockname()
        return UnixAddress(Path(name)) if isinstance(name, str) else TcpAddress(name[0], name[1])

    def _resume(self) -> None:
        self._turns.watch(self._bound, READ, lambda _: self._accept())

    def _accept(self, most: int = ACCEPTED_AT_ONCE) -> None:
        if CROWD <= self._came < ACCEPTED_AT_ONCE:  # at once, and then there were none left
            sleep(GATHERS_FOR)
        self._came = 0
        for _ in range(most):
            try:
                accepted = self._accept_one()
            except BlockingIOError:
                return
            except ConnectionAbortedError:
                continue
            except OSError as error:
                self._pause(error)
                return
            self._accepting = True
            self._came += 1
            self._handle(accepted)

    def _pause(self, error: OSError) -> None:
        """Try again in a moment. Logged once, until a connection has been accepted again."""
        if self._accepting:
            fix = "raise the limit on open files" if error.errno in OUT_OF_DESCRIPTORS else "check the node's network"
            logger.warning("cannot accept connections", extra={"reason": error.strerror, "fix": fix})
        self._accepting = False
        self._turns.forget(self._bound)
        self._cancel_resuming()
        self._resuming = self._loop.call_later(RETRY_ACCEPT_AFTER, self._resume)

    def _cancel_resuming(self) -> None:
        if self._resuming is not None:
            self._resuming.cancel()

    def end(self) -> "asyncio.Future[None]":
        """Let nobody else in, accept what is on its way, then close: whether anybody waits for it or not."""
        ended: asyncio.Future[None] = self._loop.create_future()
        let_nobody_begin(self._bound)
        self._loop.call_later(LAST_BYTES_WITHIN if waits_for_first_bytes(self._bound) else 0, self._end, ended)
        return ended

    def _end(self, ended: "asyncio.Future[None]") -> None:
        try:
            self._accept(BACKLOG)
        finally:
            self._turns.forget(self._bound)
            self._cancel_resuming()
            self._bound.close()
            if not ended.done():
                ended.set_result(None)
