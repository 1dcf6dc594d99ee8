"""`/livez`, `/readyz`, `/metrics` and `/status`, as a face: behind limits, for the cluster can ask."""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

from sidecar.admin import documents
from sidecar.admin.shared_pages import Shared, SharedInSteps
from sidecar.admin.status import Status
from sidecar.core.errors import HostRefused, MethodRefused, NoSuchPath, SidecarError
from sidecar.faces.container import READ_METHODS
from sidecar.faces.guards import host_name
from sidecar.faces.problems import problem
from sidecar.http.addresses import LOOPBACK_NAMES
from sidecar.http.messages import JSON_HEADERS, Reply, Request, Response
from sidecar.observe import series_page
from sidecar.observe.metrics import Metrics

ONLY_IN_THE_POD = (
    "Facts about the pod are shown in the pod only.",
    "Use `kubectl port-forward` and open http://localhost:<port>/status, or `irsa-sidecar healthcheck` in the pod.",
)
ROLE_PAGES = "/status/"
"""What follows is the name of a role."""
Pages = dict[str, Callable[[Request], Reply]]


class PublicAdminFace:
    """Answers probes and scrapers, from wherever they come: no fact is in it that they do not need."""

    name = "admin"
    rich = ("/status", "/status.json")

    def __init__(self, status: Status, metrics: Metrics) -> None:
        self._status = status
        self._series = SharedInSteps(
            status.clock,
            lambda accept: series_page.steps(metrics.registry, accept),
            lambda accept: {"Content-Type": series_page.content_type(accept)},
        )
        self._pages: Pages = {"/livez": self._livez, "/readyz": self._readyz, "/metrics": self._metrics}

    def answer(self, request: Request) -> Reply:
        try:
            return self._answer(request)
        except SidecarError as error:
            return problem(error)

    def _answer(self, request: Request) -> Reply:
        shown = self._pages.get(request.path)
        if shown is None:
            raise self._refused(request.path)
        if request.method not in READ_METHODS:
            raise _read_only()
        return shown(request)

    def _refused(self, path: str) -> SidecarError:
        if path in self.rich or path.startswith(ROLE_PAGES):
            return HostRefused(ONLY_IN_THE_POD[0], fix=ONLY_IN_THE_POD[1])
        return NoSuchPath("There is nothing at this path.", fix=f"Available: {', '.join((*self._pages, *self.rich))}.")

    def _livez(self, _: Request) -> Response:
        """200 while the refresh loop comes round. Credentials do not matter here: a restart would not bring any."""
        alive = self._status.alive
        return _json({"alive": alive}, ok=alive)

    def _readyz(self, _: Request) -> Response:
        """200 only while a credential can be served."""
        ready = self._status.ready
        return _json({"ready": ready}, ok=ready)

    def _metrics(self, request: Request) -> Reply:
        accept = request.headers.get("accept", "")
        return self._series(series_page.OPENMETRICS if series_page.OPENMETRICS in accept else "")


class AdminFace:
    """The same, and for those in the pod all that helps: why it is not ready, and the status page."""

    name = "admin"

    def __init__(self, public: PublicAdminFace, status: Status) -> None:
        self._public = public
        self._status = status
        self._page = Shared(status.clock, lambda name: _page(status, name))
        self._document = Shared(status.clock, lambda _: _json(documents.status(status.snapshot()), ok=True))
        self._pages: Pages = {
            "/readyz": self._readyz,
            "/status": lambda _: self._page(),
            "/status.json": lambda _: self._document(),
        }

    def answer(self, request: Request) -> Reply:
        shown = self._pages.get(request.path) or self._of_role(request.path)
        if shown is None or not _is_from_the_pod(request):
            return self._public.answer(request)
        return shown(request) if request.method in READ_METHODS else problem(_read_only())

    def _of_role(self, path: str) -> Callable[[Request], Reply] | None:
        """A page about one role in particular."""
        name = unquote(path.removeprefix(ROLE_PAGES))
        if not path.startswith(ROLE_PAGES):
            return None
        return lambda _: self._page(name) if name in self._status.names else self._no_role()

    def _no_role(self) -> Response:
        names = ", ".join(sorted(self._status.names))
        return problem(NoSuchPath("There is no role of this name.", fix=f"Roles: {names}."))

    def _readyz(self, _: Request) -> Response:
        """The body says how things stand, and what to mend."""
        status = self._status
        return _json(documents.readiness(status.readiness(), status.config_file()), ok=status.ready)


def _read_only() -> MethodRefused:
    return MethodRefused("This endpoint is read-only.", fix="Use GET.", allowed=READ_METHODS)


def _is_from_the_pod(request: Request) -> bool:
    """The peer is in the pod already (see `serving`), perhaps as a person's browser: a web page there that rebinds DNS
    names its own domain.
    """
    forwarded = "x-forwarded-for" in request.headers or "forwarded" in request.headers
    return not forwarded and host_name(request.headers.get("host", "")) in LOOPBACK_NAMES


def _page(status: Status, name: str) -> Response:
    """For a person, and 200 however things stand: a browser shows it either way."""
    from sidecar.admin.page import headers, page  # noqa: PLC0415 (most sidecars are never looked at)

    return Response(200, page(status.snapshot(name), "../" if name else ""), headers())


def _json(document: dict[str, Any], *, ok: bool) -> Response:
    return Response(200 if ok else 503, json.dumps(document).encode(), JSON_HEADERS)
