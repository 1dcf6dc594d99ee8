"""The event loop of `serve`: uvloop without the threads of libuv."""

import contextlib
import socket
from typing import Any

import uvloop

from sidecar.core.daemon_thread import in_daemon_thread


class Loop(uvloop.Loop):
    """Looks names up as `in_daemon_thread` does: where libuv cannot start its four threads, it aborts the process."""

    async def getaddrinfo(  # type: ignore[override]
        self,
        host: str | None,
        port: int,
        *,
        family: int = 0,
        type: int = 0,  # noqa: A002 (asyncio's name)
        proto: int = 0,
        flags: int = 0,
    ) -> list[Any]:
        with contextlib.suppress(socket.gaierror):
            return socket.getaddrinfo(host, port, family, type, proto, flags | socket.AI_NUMERICHOST)
        return await in_daemon_thread(socket.getaddrinfo, host, port, family, type, proto, flags)
