"""The event loop of `serve`: asyncio's own, without the threads that it keeps."""

import asyncio
import contextlib
import socket
from asyncio import sslproto
from typing import Any

from sidecar.core.daemon_thread import in_daemon_thread
from sidecar.core.others_first import others_first

sslproto.SSLProtocol.max_size = 16 * 1024
"""Bytes of the buffer that each TLS connection has from its beginning: one record's, and more than STS answers. asyncio
has 256 KiB, which are written over at once.
"""


class Loop(asyncio.SelectorEventLoop):
    """Lets others go first before each connection that it makes: the objects of TLS are a step of their own.

    Looks names up as `in_daemon_thread` does: asyncio's own look-ups hold up the end until a name server answers.
    """

    async def create_connection(self, *args: Any, **options: Any) -> Any:
        await others_first()
        return await super().create_connection(*args, **options)

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

    def default_exception_handler(self, context: dict[str, Any]) -> None:
        """The message and where it was raised: asyncio adds the reprs of tasks and arguments, and those quote texts."""
        told: dict[str, Any] = {"message": _message(context)}
        if "exception" in context:
            told["exception"] = context["exception"]
        super().default_exception_handler(told)


def _message(context: dict[str, Any]) -> str:
    """With the name of the task where it is about one, and without the arguments where it is about a callback."""
    before, callback, _ = str(context.get("message", "")).partition(" callback ")
    message = f"{before}{callback}".rstrip()
    task = context.get("task") or context.get("future")
    return f"{message}: {task.get_name()}" if isinstance(task, asyncio.Task) else message
