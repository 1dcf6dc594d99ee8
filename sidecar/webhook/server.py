"""The webhook's two servers: reviews over TLS for the API server, health and metrics for kubelet and Prometheus."""

import json
import logging
import ssl
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Protocol

from aiohttp import web

from sidecar.http.addresses import TcpAddress
from sidecar.inject.options import Options
from sidecar.observe import series_page
from sidecar.webhook import review
from sidecar.webhook.judgement import Outcome, PodDecision, judge, needs_roles
from sidecar.webhook.metrics import WebhookMetrics
from sidecar.webhook.namespace_roles import RolesUnknown

LARGEST_REVIEW = 8 * 1024 * 1024
"""Bytes: an API server takes objects of 3 MiB."""

logger = logging.getLogger("sidecar.webhook.server")


class Roles(Protocol):
    """Where the roles of a namespace are. Raises `RolesUnknown`."""

    async def of(self, namespace: str, /) -> Any: ...


class Webhook:
    """Answers reviews. Whoever asks for the sidecar and cannot have it is refused: nothing is admitted without."""

    def __init__(
        self, options: Options, roles: Roles, metrics: WebhookMetrics, is_stopping: Callable[[], bool]
    ) -> None:
        self._options = options
        self._roles = roles
        self._metrics = metrics
        self._is_stopping = is_stopping

    def application(self) -> web.Application:
        found = web.Application(client_max_size=LARGEST_REVIEW)
        found.router.add_post("/mutate", self._mutate)
        return found

    async def _mutate(self, request: web.Request) -> web.Response:
        began = time.perf_counter()
        try:
            asked = review.asked(_document(await request.read()))
            verdict = await self._verdict(asked)
        except (review.BadReview, web.RequestPayloadError, RecursionError) as error:
            reason = str(error) if isinstance(error, review.BadReview) else "not encoded as it says, or too deep"
            return self._sent(web.json_response({"message": reason}, status=400))
        self._metrics.reviewed(verdict.outcome, time.perf_counter() - began)
        _tell(asked, verdict)
        return self._sent(web.json_response(review.answer(asked, verdict)))

    async def _verdict(self, asked: review.Review) -> PodDecision:
        try:
            roles = await self._roles.of(asked.namespace) if needs_roles(asked.pod) else {}
        except RolesUnknown as unknown:
            return PodDecision(Outcome.REFUSED, asked.pod, (str(unknown),))
        return judge(asked.pod, self._options, roles)

    def _sent(self, response: web.Response) -> web.Response:
        """Once the process is to end, each answer is its connection's last: the API server turns to another replica."""
        if self._is_stopping():
            response.force_close()
        return response


def _document(body: bytes) -> Any:
    """JSON, whatever character set its header names. Raises `BadReview`."""
    try:
        return json.loads(body)
    except ValueError:
        raise review.BadReview("not JSON") from None


def _tell(asked: review.Review, verdict: PodDecision) -> None:
    metadata = asked.pod["metadata"]
    name = str(metadata.get("name") or metadata.get("generateName", ""))
    fields = {"namespace": asked.namespace, "pod": name, "outcome": str(verdict.outcome)}
    reasons = {"reasons": "; ".join(verdict.reasons)} if verdict.reasons else {}
    logger.info("pod reviewed", extra=fields | reasons)


def admin(metrics: WebhookMetrics, is_stopping: Callable[[], bool]) -> web.Application:
    """`/livez`, `/readyz` and `/metrics`."""

    async def livez(_: web.Request) -> web.Response:
        return web.json_response({"alive": True})

    async def readyz(_: web.Request) -> web.Response:
        ready = not is_stopping()
        return web.json_response({"ready": ready}, status=200 if ready else 503)

    async def series(request: web.Request) -> web.Response:
        accept = request.headers.get("Accept", "")
        page = b"".join(series_page.steps(metrics.registry, accept))
        return web.Response(body=page, headers={"Content-Type": series_page.content_type(accept)})

    found = web.Application()
    found.add_routes([web.get("/livez", livez), web.get("/readyz", readyz), web.get("/metrics", series)])
    return found


@asynccontextmanager
async def listening(
    application: web.Application, addresses: Sequence[TcpAddress], tls: ssl.SSLContext | None = None
) -> AsyncIterator[list[str]]:
    """Serve it on these addresses until the block ends; answers under way are finished. Raises `OSError`."""
    runner = web.AppRunner(application, access_log=None, handle_signals=False, shutdown_timeout=5)
    await runner.setup()
    try:
        for address in addresses:
            await web.TCPSite(runner, address.host, address.port, ssl_context=tls).start()
        yield [f"{host}:{port}" for host, port, *_ in runner.addresses]
    finally:
        await runner.cleanup()
