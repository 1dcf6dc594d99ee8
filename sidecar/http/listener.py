"""Listens on addresses for as long as a block lasts."""

import asyncio
import contextlib
import errno
import logging
import os
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from sidecar.core.daemon_thread import in_daemon_thread
from sidecar.core.errors import SidecarError
from sidecar.core.model import Seconds
from sidecar.http.addresses import Address, TcpAddress, UnixAddress
from sidecar.http.platform import prepare_listening

BACKLOG = 4096
"""Connections that the kernel keeps while we are busy: a burst of cron jobs and forked workers waits, none fails.
The kernel's own limit, net.core.somaxconn, is 4096 where nobody has changed it."""
ACCEPTED_AT_ONCE = 64
"""Connections accepted before others get a turn."""
FIRST_BYTES_WITHIN: Seconds = 1
"""How long the kernel waits for a client's first bytes before it shows us the connection all the same."""
RETRY_ACCEPT_AFTER: Seconds = 1
"""Without free file descriptors or memory there is no use in trying again at once."""

OUT_OF_DESCRIPTORS = (errno.EMFILE, errno.ENFILE)
ABSENT = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)
"""`localhost` is often said to be ::1 as well where there is no IPv6."""

logger = logging.getLogger("sidecar.http")

ConnectionHandler = Callable[[socket.socket], None]
"""Takes an accepted connection over: a socket that blocks, and is its to close."""


class CannotListen(SidecarError):
    """An address cannot be bound."""


@asynccontextmanager
async def listeners(handle: ConnectionHandler, addresses: Sequence[Address]) -> AsyncIterator[tuple[Address, ...]]:
    """Hand every connection to one of `addresses` to `handle`; gives the addresses bound.

    Raises `CannotListen`, naming the address. Leaving the block closes the listeners, not the connections: those that
    the kernel has let in by then are handed over still.
    """
    opened: list[Listener] = []
    try:
        for address in addresses:
            opened += [Listener(bound, handle) for bound in await _bind(address)]
        yield tuple(listener.address for listener in opened)
    finally:
        await asyncio.gather(*[listener.end() for listener in opened])


class Listener:
    """Accepts connections whenever there are any, and closes `bound` in the end.

    Ours rather than asyncio's, which registers every connection with the loop before it reads from it: much work for a
    client that asks once and leaves.
    """

    def __init__(self, bound: socket.socket, handle: ConnectionHandler) -> None:
        bound.setblocking(False)
        self._bound = bound
        self._handle = handle
        self._loop = asyncio.get_running_loop()
        self._resuming: asyncio.TimerHandle | None = None
        self._accepting = True
        self._resume()

    @property
    def address(self) -> Address:
        name: Any = self._bound.getsockname()
        return UnixAddress(Path(name)) if isinstance(name, str) else TcpAddress(name[0], name[1])

    def _resume(self) -> None:
        self._loop.add_reader(self._bound.fileno(), self._accept)

    def _accept(self, most: int = ACCEPTED_AT_ONCE) -> None:
        for _ in range(most):
            try:
                accepted, _ = self._bound.accept()
            except BlockingIOError:
                return
            except ConnectionAbortedError:
                continue
            except OSError as error:
                self._pause(error)
                return
            self._accepting = True
            self._handle(accepted)

    def _pause(self, error: OSError) -> None:
        """Try again in a moment. Logged once, until a connection has been accepted again."""
        if self._accepting:
            fix = (
                "raise the limit on open files"
                if error.errno in OUT_OF_DESCRIPTORS
                else "see what ails the node's network"
            )
            logger.warning("cannot accept connections", extra={"reason": error.strerror, "fix": fix})
        self._accepting = False
        self._loop.remove_reader(self._bound.fileno())
        self._cancel_resuming()
        self._resuming = self._loop.call_later(RETRY_ACCEPT_AFTER, self._resume)

    def _cancel_resuming(self) -> None:
        if self._resuming is not None:
            self._resuming.cancel()

    def end(self) -> "asyncio.Future[None]":
        """Accept what the kernel has let in, then close: whether anybody waits for it or not."""
        ended: asyncio.Future[None] = self._loop.create_future()
        self._loop.call_soon(self._end, ended)
        return ended

    def _end(self, ended: "asyncio.Future[None]") -> None:
        try:
            self._accept(BACKLOG)
        finally:
            self._loop.remove_reader(self._bound.fileno())
            self._cancel_resuming()
            self._bound.close()
            if not ended.done():
                ended.set_result(None)


async def _bind(address: Address) -> Sequence[socket.socket]:
    try:
        match address:
            case TcpAddress():
                return await _bind_tcp(address)
            case UnixAddress(path=path):
                return [_bind_unix(path)]
    except OSError as error:
        raise CannotListen(
            f"Cannot listen on {address}: {_reason(error)}.",
            fix="Choose an address of this pod and a free port in the SIDECAR_..._LISTEN that names it "
            "(a port below 1024 needs the pod sysctl net.ipv4.ip_unprivileged_port_start, or NET_BIND_SERVICE).",
        ) from None


async def _bind_tcp(address: TcpAddress) -> Sequence[socket.socket]:
    """One socket, or two for `localhost` where there is IPv6."""
    named = await in_daemon_thread(
        socket.getaddrinfo, address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )
    found = list(dict.fromkeys(named))  # a hosts file may name an address twice
    bound: list[socket.socket] = []
    with contextlib.ExitStack() as closing:
        for family, _, _, _, place in found:
            try:
                bound += [closing.enter_context(socket.create_server(place, family=family, backlog=BACKLOG))]
            except OSError as error:
                if error.errno not in ABSENT or (not bound and place is found[-1][4]):
                    raise
        for each in bound:
            prepare_listening(each, FIRST_BYTES_WITHIN)
        closing.pop_all()
    return bound


def _bind_unix(path: Path) -> socket.socket:
    """Takes the place of a socket that a killed predecessor left."""
    if path.is_socket():
        path.unlink()
    with contextlib.ExitStack() as closing:
        bound = closing.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
        bound.bind(str(path))
        bound.listen(BACKLOG)
        closing.pop_all()
        return bound


def _reason(error: OSError) -> str:
    return os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror or str(error)
