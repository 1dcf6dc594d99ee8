"""One GET, whole and small: how the doctor asks the issuer, STS and the sidecar."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

import aiohttp

from sidecar.core.model import Seconds
from sidecar.sts.progress import CallProgress
from sidecar.sts.route import Route

MAXIMUM_BODY = 1 << 20
"""Bytes: a JWKS may hold two hundred keys."""


class TooLarge(aiohttp.ClientError):
    """More than any of the servers that we ask has to say."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """An answer. The body may hold credentials."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    seconds: Seconds


async def get(
    http: aiohttp.ClientSession, route: Route, *, within: Seconds, progress: CallProgress | None = None
) -> Fetched:
    """GET without following redirects. Raises `aiohttp.ClientError`, `TimeoutError`, `OSError`."""
    started = time.monotonic()
    timeout = aiohttp.ClientTimeout(total=within)
    async with http.get(
        route.endpoint, timeout=timeout, allow_redirects=False, trace_request_ctx=progress, **route.arguments()
    ) as answer:
        body = bytearray()
        async for chunk in answer.content.iter_chunked(MAXIMUM_BODY):
            body += chunk
            if len(body) > MAXIMUM_BODY:
                raise TooLarge
        return Fetched(answer.status, dict(answer.headers), bytes(body), time.monotonic() - started)


def why(error: Exception) -> str:
    """What went wrong, without foreign text: it may quote a proxy's password."""
    reason = getattr(getattr(error, "os_error", error), "strerror", None)
    if isinstance(reason, str):
        return reason
    return next((words for kind, words in _WORDS.items() if isinstance(error, kind)), "no connection")


_WORDS: Mapping[type[Exception], str] = {
    TooLarge: "an answer larger than 1 MiB",
    aiohttp.ClientHttpProxyError: "the proxy refused",
    aiohttp.ClientSSLError: "no TLS connection",
    aiohttp.ServerDisconnectedError: "the connection was closed without an answer",
    aiohttp.ClientResponseError: "no HTTP answer",
    aiohttp.ClientPayloadError: "half an answer",
    TimeoutError: "no answer in time",
}
"""What is said of an error for which the system has no words."""
