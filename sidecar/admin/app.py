"""`/livez`, `/readyz`, `/metrics` and `/status`, as a face: behind limits, for the cluster can ask."""

import json
from typing import Any

from sidecar.admin import documents
from sidecar.admin.status import Status
from sidecar.core.errors import MethodRefused, NoSuchPath, SidecarError
from sidecar.core.model import Instant, Seconds
from sidecar.faces.container import READ_METHODS
from sidecar.faces.problems import problem
from sidecar.http.messages import JSON_HEADERS, Request, Response
from sidecar.observe.metrics import Metrics

PAGE_LASTS: Seconds = 0.25
"""Writing the page takes milliseconds, in which no credential is served; the whole cluster may ask for it."""


class AdminFace:
    """Answers probes, scrapers and people. Unlike the other faces it accepts any Host: no answer holds a secret."""

    name = "admin"

    def __init__(self, status: Status, metrics: Metrics) -> None:
        self._status = status
        self._metrics = metrics
        self._written: tuple[Instant, Response] | None = None
        self._pages = {
            "/livez": self._livez,
            "/readyz": self._readyz,
            "/metrics": self._series,
            "/status": self._page,
            "/status.json": self._document,
        }

    def answer(self, request: Request) -> Response:
        try:
            return self._answer(request)
        except SidecarError as error:
            return problem(error)

    def _answer(self, request: Request) -> Response:
        shown = self._pages.get(request.path)
        if shown is None:
            raise NoSuchPath("There is nothing at this path.", fix=f"Available: {', '.join(self._pages)}.")
        if request.method not in READ_METHODS:
            raise MethodRefused("This endpoint is read-only.", fix="Use GET.", allowed=READ_METHODS)
        return shown(request)

    def _livez(self, _: Request) -> Response:
        """200 while the refresh loop comes round. Credentials do not matter here: a restart would not bring any."""
        alive = self._status.alive
        return _json({"alive": alive}, ok=alive)

    def _readyz(self, _: Request) -> Response:
        """200 only while a credential can be served; the body says how things stand, and what to mend."""
        role = self._status.role()
        return _json(documents.readiness(role), ok=role.ready)

    def _series(self, request: Request) -> Response:
        series, content_type = self._metrics.render(request.headers.get("accept", ""))
        return Response(200, series, {"Content-Type": content_type})

    def _page(self, _: Request) -> Response:
        """For a person, and 200 however things stand: a browser shows it either way."""
        from sidecar.admin.page import headers, page  # noqa: PLC0415 (most sidecars are never looked at)

        now = self._status.clock.now()
        if self._written is None or now >= self._written[0] + PAGE_LASTS:
            self._written = now, Response(200, page(self._status.snapshot()), headers())
        return self._written[1]

    def _document(self, _: Request) -> Response:
        return _json(documents.status(self._status.snapshot()), ok=True)


def _json(document: dict[str, Any], *, ok: bool) -> Response:
    return Response(200 if ok else 503, json.dumps(document).encode(), JSON_HEADERS)
