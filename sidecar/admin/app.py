"""`/livez`, `/readyz` and `/metrics`. Nothing here is secret: probes and scrapers come from outside the pod."""

import logging

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from sidecar.observe.board import Board
from sidecar.observe.metrics import Metrics

BOARD = web.AppKey("BOARD", Board)
METRICS = web.AppKey("METRICS", Metrics)

logger = logging.getLogger("sidecar.admin")


def admin_plane(board: Board, metrics: Metrics) -> web.BaseRunner:
    app = web.Application()
    app[BOARD] = board
    app[METRICS] = metrics
    app.router.add_get("/livez", _livez)
    app.router.add_get("/readyz", _readyz)
    app.router.add_get("/metrics", _metrics)
    return web.AppRunner(app, access_log=None, logger=logger, shutdown_timeout=1)


async def _livez(request: web.Request) -> web.Response:
    """200 while the refresh loop comes round. Credentials do not matter here: a restart would not bring any."""
    alive = request.app[BOARD].alive
    return web.json_response({"alive": alive}, status=200 if alive else 503)


async def _readyz(request: web.Request) -> web.Response:
    """200 only while a credential can be served; the body says how things stand, and what to mend."""
    board = request.app[BOARD]
    return web.json_response(board.snapshot(), status=200 if board.ready else 503)


async def _metrics(request: web.Request) -> web.Response:
    page, content_type = request.app[METRICS].render(request.headers.get("Accept", ""))
    return web.Response(body=page, headers={"Content-Type": content_type})


class _SendersMistakes(logging.Filter):
    """What is not HTTP is no defect of ours: a line at debug, instead of aiohttp's error with a traceback."""

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if not isinstance(error, HttpProcessingError):
            return True
        record.levelno, record.levelname = logging.DEBUG, "DEBUG"
        record.msg, record.args, record.exc_info = "request not understood", (), None
        record.reason = type(error).__name__
        return logger.isEnabledFor(logging.DEBUG)


logger.addFilter(_SendersMistakes())
