"""One exchange of a token over real sockets, with servers and proxies that do what a script says."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import cast

import aiohttp
import pytest

from sidecar.core.clock import SystemClock
from sidecar.core.errors import StsUnreachable
from sidecar.core.model import Credentials
from sidecar.sts.exchange import StsCall, StsExchange, sts_session
from sidecar.sts.tls import tls_context
from tests.doubles import ROLE_ARN, a_token
from tests.recorded import recorded
from tests.waiting import HANGS_AFTER

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
ISSUED = recorded("issued")
ANSWER = (
    b"HTTP/1.1 200 OK\r\nDate: Fri, 15 Jan 2027 08:00:00 GMT\r\nContent-Type: text/xml\r\nConnection: close\r\n"
    + b"Content-Length: %d\r\n\r\n" % len(ISSUED)
    + ISSUED
)


@asynccontextmanager
async def listening(serve: Serve, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """A server on 127.0.0.1; gives its port."""
    serving: set[asyncio.Task[None]] = set()

    async def quietly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.add(cast("asyncio.Task[None]", asyncio.current_task()))
        with suppress(OSError, asyncio.IncompleteReadError):
            await serve(reader, writer)
        await _closed(writer)

    async with await asyncio.start_server(quietly, "127.0.0.1", 0, ssl=tls) as server:
        yield server.sockets[0].getsockname()[1]
        if serving:
            await asyncio.wait(serving, timeout=HANGS_AFTER)


async def _closed(writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        writer.close()
        await writer.wait_closed()


@contextmanager
def blocking(tls: ssl.SSLContext) -> Iterator[int]:
    """A TLS server that issues credentials to everybody, and sends its alerts: asyncio's keeps them. Gives its port."""
    with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor(1) as pool:
        pool.submit(_issue, listener, tls)
        yield listener.getsockname()[1]
        socket.create_connection(listener.getsockname()).close()


def _issue(listener: socket.socket, tls: ssl.SSLContext) -> None:
    with suppress(OSError), listener.accept()[0] as accepted:
        accepted.settimeout(HANGS_AFTER)
        with tls.wrap_socket(accepted, server_side=True) as secured:
            secured.recv(1 << 16)
            secured.sendall(ANSWER)


async def head(reader: asyncio.StreamReader) -> str:
    return (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")


async def sts(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Issues credentials to everybody."""
    await head(reader)
    writer.write(ANSWER)
    await writer.drain()


async def hangs_up(_: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
    """Accepts, and closes at once."""


async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    """Accepts, and says nothing until the client goes."""
    while await reader.read(1000):
        pass


def saying(answer: bytes) -> Serve:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1000)
        writer.write(answer)
        await writer.drain()

    return serve


class Proxy:
    """Answers each request with `status`; for 200 it opens the tunnel to this machine's port. Remembers the heads."""

    def __init__(self, status: int = 200) -> None:
        self._status = status
        self.heads: list[str] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.heads.append(await head(reader))
        writer.write(f"HTTP/1.1 {self._status} Said\r\n{'Content-Length: 0' * (self._status != 200)}\r\n\r\n".encode())
        if self._status == 200:
            await _tunnel(int(self.heads[0].split()[1].rpartition(":")[2]), reader, writer)


async def _tunnel(port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    to_server = await asyncio.open_connection("127.0.0.1", port)
    await asyncio.gather(_copy(reader, to_server[1]), _copy(to_server[0], writer))


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while some := await source.read(1 << 16):
            target.write(some)
    await _closed(target)


async def called(endpoint: str, *, trusting: Path | None = None, proxy: str | None = None) -> Credentials:
    """What comes of one call. `trusting`: a CA bundle."""
    async with sts_session(tls_context(trusting)) as http:
        return await StsExchange(http, StsCall(endpoint, ROLE_ARN, 3600, proxy=proxy), SystemClock())(a_token())


async def failure(
    endpoint: str, *, trusting: Path | None = None, proxy: str | None = None, within: float = 10
) -> StsUnreachable:
    """Why a call fails. `within`: seconds that the whole of it may take, 10 in production."""
    async with sts_session(tls_context(trusting)) as http:
        http._timeout = aiohttp.ClientTimeout(total=within)
        with pytest.raises(StsUnreachable) as caught:
            await StsExchange(http, StsCall(endpoint, ROLE_ARN, 3600, proxy=proxy), SystemClock())(a_token())
    return caught.value
