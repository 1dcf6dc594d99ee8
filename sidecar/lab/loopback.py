"""Listens on loopback addresses, and serves an app there until a block ends."""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

LoopbackAddress = tuple[str, int]

_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_SHUTDOWN_TIMEOUT = 0.5
"""Seconds that open requests get when the lab stops; a hanging one would never end by itself."""


class NotLoopback(ValueError):
    """An address that other machines could reach. The lab gives credentials to every caller."""


def parse_address(text: str) -> LoopbackAddress:
    """`127.0.0.1:9922` or `[::1]:9922`; port 0 takes a free one. Raises ValueError."""
    host, colon, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not colon or not port.isdigit() or int(port) > 65535:  # noqa: PLR2004 (the largest port)
        raise ValueError(f"{text!r} is not HOST:PORT, such as 127.0.0.1:9922.")
    if host not in _LOOPBACK:
        raise NotLoopback(f"{host!r} is not loopback. The lab gives credentials to every caller: use 127.0.0.1.")
    return host, int(port)


def bind(address: LoopbackAddress) -> socket.socket:
    """A bound socket, so that its port is known before the app is served. Raises OSError that names the address."""
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    bound = socket.socket(family)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind(address)
    except OSError as error:
        bound.close()
        where = f"{address[0]}:{address[1]}"
        raise OSError(error.errno, f"cannot listen on {where}: {error.strerror}; choose another port") from error
    return bound


def url_of(bound: socket.socket) -> str:
    host, port = bound.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


@asynccontextmanager
async def serving(app: web.Application, bound: socket.socket) -> AsyncIterator[str]:
    """Serves the app on the socket; gives its URL. A handler whose client goes away is cancelled."""
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=_SHUTDOWN_TIMEOUT)
    await runner.setup()
    try:
        await web.SockSite(runner, bound).start()
        yield url_of(bound)
    finally:
        await runner.cleanup()
        bound.close()
