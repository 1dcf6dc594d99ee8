"""`/livez`, `/readyz` and `/metrics`, as a face: behind the same limits as others, for it is open to the cluster."""

import json
from typing import Any

from sidecar.errors import MethodRefused, NoSuchPath, SidecarError
from sidecar.faces.problems import HEADERS, problem
from sidecar.messages import Request, Response
from sidecar.observe.board import Board
from sidecar.observe.metrics import Metrics

METHODS = ("GET", "HEAD")


class AdminFace:
    """Answers probes and scrapers. To it, and to nobody else, every Host is right: it tells no secret."""

    name = "admin"

    def __init__(self, board: Board, metrics: Metrics) -> None:
        self._board = board
        self._metrics = metrics
        self._pages = {"/livez": self._livez, "/readyz": self._readyz, "/metrics": self._page}

    async def answer(self, request: Request) -> Response:
        try:
            return self._answer(request)
        except SidecarError as error:
            return problem(error)

    def _answer(self, request: Request) -> Response:
        page = self._pages.get(request.path)
        if page is None:
            raise NoSuchPath("Nothing is served at this path.", fix=f"There are {', '.join(self._pages)}.")
        if request.method not in METHODS:
            raise MethodRefused("There is nothing to change here.", fix="Use GET.", allowed=METHODS)
        return page(request)

    def _livez(self, _: Request) -> Response:
        """200 while the refresh loop comes round. Credentials do not matter here: a restart would not bring any."""
        alive = self._board.alive
        return _json({"alive": alive}, ok=alive)

    def _readyz(self, _: Request) -> Response:
        """200 only while a credential can be served; the body says how things stand, and what to mend."""
        return _json(self._board.snapshot(), ok=self._board.ready)

    def _page(self, request: Request) -> Response:
        page, content_type = self._metrics.render(request.headers.get("accept", ""))
        return Response(200, page, {"Content-Type": content_type})


def _json(document: dict[str, Any], *, ok: bool) -> Response:
    return Response(200 if ok else 503, json.dumps(document).encode(), HEADERS)
