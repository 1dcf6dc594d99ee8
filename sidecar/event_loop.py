"""The event loop of `serve`: asyncio's own, without the threads that it keeps."""

import asyncio
import contextlib
import socket
from typing import Any

from sidecar.core.daemon_thread import in_daemon_thread


class Loop(asyncio.SelectorEventLoop):
    """Looks names up as `in_daemon_thread` does: asyncio's own look-ups hold up the end until a name server answers."""

    async def getaddrinfo(
        self,
        host: bytes | str | None,
        port: bytes | str | int | None,
        *,
        family: int = 0,
        type: int = 0,  # noqa: A002 (asyncio's name)
        proto: int = 0,
        flags: int = 0,
    ) -> list[Any]:
        with contextlib.suppress(socket.gaierror):
            return socket.getaddrinfo(host, port, family, type, proto, flags | socket.AI_NUMERICHOST)
        return await in_daemon_thread(socket.getaddrinfo, host, port, family, type, proto, flags)
