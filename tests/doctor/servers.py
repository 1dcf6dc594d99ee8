"""HTTP servers on loopback, for a doctor that asks: some answer, some say nothing."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web
from aiohttp.test_utils import TestServer


@dataclass
class Page:
    """What one path of a server answers."""

    body: object
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


@asynccontextmanager
async def a_server(pages: Mapping[str, Page]) -> AsyncIterator[str]:
    """An HTTP server on loopback; gives its URL. `{url}` in a JSON text stands for it."""

    async def answer(request: web.Request) -> web.Response:
        page = pages.get(request.path)
        if page is None:
            return web.Response(status=404)
        if isinstance(page.body, bytes):
            return web.Response(body=page.body, status=page.status, headers=page.headers)
        return web.json_response(page.body, status=page.status, headers=page.headers)

    app = web.Application()
    app.router.add_route("*", "/{anything:.*}", answer)
    server = TestServer(app)
    await server.start_server()
    try:
        yield str(server.make_url("")).rstrip("/")
    finally:
        await server.close()


@asynccontextmanager
async def a_silent_server() -> AsyncIterator[int]:
    """Takes connections and says nothing."""
    gone = asyncio.Event()

    async def listen(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await gone.wait()
        writer.close()

    server = await asyncio.start_server(listen, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        gone.set()
        server.close()
        await server.wait_closed()
