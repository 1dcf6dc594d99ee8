"""Listens on addresses for as long as a block lasts."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import web

from sidecar.errors import SidecarError
from sidecar.values import Address, TcpAddress, UnixAddress


class CannotListen(SidecarError):
    """An address cannot be bound."""


@asynccontextmanager
async def listening(runner: web.BaseRunner, addresses: Sequence[Address]) -> AsyncIterator[tuple[Address, ...]]:
    """Serve `runner` on all `addresses`; gives those bound, with the port that a port of 0 became.

    Raises `CannotListen`, naming the address. Leaving the block closes the listeners and lets requests in flight end.
    """
    await runner.setup()
    try:
        for address in addresses:
            await _bind(runner, address)
        yield tuple(_bound(name) for name in runner.addresses)
    finally:
        await runner.cleanup()


async def _bind(runner: web.BaseRunner, address: Address) -> None:
    site: web.BaseSite
    match address:
        case TcpAddress(host=host, port=port):
            site = web.TCPSite(runner, host, port)
        case UnixAddress(path=path):
            site = web.UnixSite(runner, path)
    try:
        await site.start()
    except OSError as error:
        raise CannotListen(
            f"Cannot listen on {address}: {error.strerror or type(error).__name__}.",
            fix="Choose an address of this pod and a free port in SIDECAR_LISTEN or SIDECAR_ADMIN_LISTEN "
            "(below 1024 needs NET_BIND_SERVICE or net.ipv4.ip_unprivileged_port_start).",
        ) from None


def _bound(name: Any) -> Address:
    """The address behind a socket's own name: a path, or a tuple that begins with host and port."""
    if isinstance(name, str):
        return UnixAddress(Path(name))
    return TcpAddress(name[0], name[1])
