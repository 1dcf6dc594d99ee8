"""Puts a face behind aiohttp's low-level server: no routes, no middlewares, no access log, one handler."""

import logging
from time import perf_counter

from aiohttp import web

from sidecar.messages import Face, Request, RequestObserver

KEEP_ALIVE_SECONDS = 75
REQUESTS_END_WITHIN_SECONDS = 2
"""How long requests in flight may take once the listener closes; ours take 0.8 s at the most."""

logger = logging.getLogger("sidecar.wire")


def data_plane(face: Face, observe: RequestObserver) -> web.BaseRunner:
    """A runner that answers every request with `face`."""

    async def handle(received: web.BaseRequest) -> web.Response:
        started = perf_counter()
        response = await face.answer(_request(received))
        observe(face.name, response.status, perf_counter() - started)
        # Server: say no more about ourselves than the answer does.
        headers = {**response.headers, "Server": "irsa-sidecar"}
        return web.Response(status=response.status, body=response.body, headers=headers)

    server = web.Server(handle, access_log=None, logger=logger, keepalive_timeout=KEEP_ALIVE_SECONDS)
    return web.ServerRunner(server, shutdown_timeout=REQUESTS_END_WITHIN_SECONDS)


def _request(received: web.BaseRequest) -> Request:
    headers = {name.lower(): value for name, value in received.headers.items()}
    return Request(received.method, received.rel_url.raw_path, headers)
