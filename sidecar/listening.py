"""Listens on addresses for as long as a block lasts."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from sidecar.errors import SidecarError
from sidecar.values import Address, TcpAddress, UnixAddress

BACKLOG = 1024
"""Connections that the kernel keeps while we are busy: a burst of cron jobs and forked workers waits, none fails."""


class CannotListen(SidecarError):
    """An address cannot be bound."""


@asynccontextmanager
async def listeners(
    protocol: Callable[[], asyncio.BaseProtocol], addresses: Sequence[Address]
) -> AsyncIterator[tuple[Address, ...]]:
    """Accept connections on all `addresses`, each with a `protocol` of its own; gives the addresses bound.

    Raises `CannotListen`, naming the address. Leaving the block closes the listeners, not the connections.
    """
    servers: list[asyncio.Server] = []
    try:
        for address in addresses:
            servers += [await _bind(protocol, address)]
        yield tuple(_bound(socket.getsockname()) for server in servers for socket in server.sockets)
    finally:
        for server in servers:
            server.close()


async def _bind(protocol: Callable[[], asyncio.BaseProtocol], address: Address) -> asyncio.Server:
    loop = asyncio.get_running_loop()
    try:
        match address:
            case TcpAddress(host=host, port=port):
                return await loop.create_server(protocol, host, port, backlog=BACKLOG)
            case UnixAddress(path=path):
                return await loop.create_unix_server(protocol, path, backlog=BACKLOG)
    except OSError as error:
        raise CannotListen(
            f"Cannot listen on {address}: {error.strerror or type(error).__name__}.",
            fix="Choose an address of this pod and a free port in the SIDECAR_..._LISTEN that names it "
            "(a port below 1024 needs the pod sysctl net.ipv4.ip_unprivileged_port_start, or NET_BIND_SERVICE).",
        ) from None


def _bound(name: Any) -> Address:
    """The address behind a socket's own name: a path, or a tuple that begins with host and port."""
    if isinstance(name, str):
        return UnixAddress(Path(name))
    return TcpAddress(name[0], name[1])
