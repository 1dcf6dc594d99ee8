"""One form on its way to STS and the answer on its way back; each failure in between is named."""

import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import aiohttp

from sidecar.core.errors import StsUnavailable, StsUnreachable
from sidecar.core.others_first import others_first
from sidecar.core.ports import Clock
from sidecar.sts.answer import MAXIMUM_ANSWER, Answer, http_date, refusal_in
from sidecar.sts.progress import CallProgress
from sidecar.sts.route import Route
from sidecar.sts.transport_failures import FailedCall, TransportFailure
from sidecar.sts.wording import FIX_NOT_STS

FORM = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
PROXYS_OWN = frozenset({403, 407, 502, 503, 504})
"""What a proxy answers where it lets nobody through, or finds nobody behind it."""

Trust = Callable[[], Awaitable[ssl.SSLContext | Literal[True]]]
"""Gives the context for a call that begins now; True for the session's own."""


async def the_sessions_own() -> Literal[True]:
    """For those whose trust does not change."""
    return True


@dataclass(frozen=True, slots=True)
class SentForm:
    """A form as it leaves: its bytes, and headers that go with it. Both hold secrets."""

    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=lambda: FORM, repr=False)


class StsPost:
    """Sends a form to STS and reads the answer, whatever it says."""

    def __init__(self, http: aiohttp.ClientSession, clock: Clock, trust: Trust = the_sessions_own) -> None:
        self._http = http
        self._clock = clock
        self._trust = trust

    async def __call__(self, form: SentForm, route: Route) -> Answer:
        """Raises `StsUnreachable`, saying which part of the way failed, and `StsUnavailable` for too long an answer."""
        progress = CallProgress()
        try:
            answer = await self._ask(form, route, progress)
            await others_first()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            call = FailedCall(route, self._clock.wall(), connected=progress.connected)
            raise _unreachable(call.explained(error)) from None
        if _is_of_proxy(answer, route):
            raise _unreachable(FailedCall(route, self._clock.wall()).proxy_refusal(answer.status))
        return answer

    async def _ask(self, form: SentForm, route: Route, progress: CallProgress) -> Answer:
        async with self._http.post(
            route.endpoint,
            data=form.body,
            ssl=await self._trust(),
            allow_redirects=False,
            trace_request_ctx=progress,
            **_with_headers(route.arguments(), form.headers),
        ) as response:
            return Answer(
                status=response.status,
                body=await _body(response),
                date=http_date(response.headers.get("Date")),
                request_id=_request_id(response.headers),
            )


def _with_headers(arguments: dict[str, Any], headers: Mapping[str, str]) -> dict[str, Any]:
    """The way to a proxy may have a header of its own."""
    return arguments | {"headers": {**headers, **arguments.get("headers", {})}}


async def _body(response: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for chunk in response.content.iter_chunked(MAXIMUM_ANSWER):
        body += chunk
        if len(body) > MAXIMUM_ANSWER:
            raise StsUnavailable(
                f"The STS endpoint sent more than {MAXIMUM_ANSWER} bytes.", fix=FIX_NOT_STS, status=response.status
            )
    return bytes(body)


def _request_id(headers: Mapping[str, str]) -> str:
    """By AWS's name for the header, or by S3's, which MinIO, Ceph and SeaweedFS use."""
    named = (headers.get(header, "") for header in ("x-amzn-RequestId", "x-amz-request-id"))
    return next(filter(None, named), "")[:64]


def _is_of_proxy(answer: Answer, route: Route) -> bool:
    """A proxy speaks for itself on the way to an http endpoint; to https it only opens a tunnel, or refuses."""
    through = route.proxy is not None and not route.tunnelled
    return through and answer.status in PROXYS_OWN and refusal_in(answer) is None


def _unreachable(failure: TransportFailure) -> StsUnreachable:
    return StsUnreachable(failure.cause, fix=failure.fix)
