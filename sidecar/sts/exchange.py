"""AssumeRoleWithWebIdentity over HTTP: one unsigned form, one answer, every failure named."""

import os
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import aiohttp
from multidict import CIMultiDictProxy

from sidecar import __version__
from sidecar.core.errors import ExchangeFailed, StsUnavailable, StsUnreachable
from sidecar.core.model import Credentials, Seconds, Token, UnixTime
from sidecar.core.ports import Clock
from sidecar.sts.answer import MAXIMUM_ANSWER, Answer, credentials_in, http_date
from sidecar.sts.refusal import failure_of
from sidecar.sts.resolver import Resolver
from sidecar.sts.session_name import session_name_for

CONNECT_WITHIN: Seconds = 3
ANSWER_WITHIN: Seconds = 10
"""STS itself gives the issuer 5 s to hand out its keys."""
_OK = 200

HEADERS = {
    "Accept-Encoding": "identity",  # an answer is 2 KiB; what is not compressed cannot unfold beyond its cap
    "User-Agent": f"irsa-sidecar/{__version__}",
}


SkewObserver = Callable[[Seconds], None]
"""Sees how far STS's clock is ahead of the node's, at each answer that tells. Must not raise."""


def no_observer(_: Seconds) -> None:
    """For those who do not want to know."""


@dataclass(frozen=True, slots=True)
class StsCall:
    """Where to ask and for what. `proxy` may hold a password."""

    endpoint: str
    role_arn: str
    duration: int
    """DurationSeconds."""
    session_name: str | None = None
    """RoleSessionName; None names the pod, from the token's claims."""
    proxy: str | None = field(default=None, repr=False)


def sts_session(tls: ssl.SSLContext | Literal[True]) -> aiohttp.ClientSession:
    """An HTTP client for calls that are half an hour apart: no connection, cookie or DNS answer is kept between them.

    `tls`: whom to trust; True for the system's certificate authorities.
    Nothing is taken from the environment: a netrc entry would turn into an Authorization header, and STS refuses a call
    that carries credentials (aws/aws-sdk-php#1725).
    """
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(ssl=tls, force_close=True, use_dns_cache=False, resolver=Resolver()),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=ANSWER_WITHIN, sock_connect=CONNECT_WITHIN),
        headers=HEADERS,
        auto_decompress=False,
        trust_env=False,
    )


class StsExchange:
    """The `Exchange` of production."""

    def __init__(
        self, http: aiohttp.ClientSession, call: StsCall, clock: Clock, observe_skew: SkewObserver = no_observer
    ) -> None:
        self._http = http
        self._call = call
        self._clock = clock
        self._observe_skew = observe_skew

    async def __call__(self, token: Token) -> Credentials:
        asked_at, asked_at_wall = self._clock.now(), self._clock.wall()
        try:
            answer = await self._ask(token)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise _unreachable(self._call, error) from None
        if answer.date is not None:
            self._observe_skew(clock_skew(answer.date, asked_at_wall, self._clock.wall()))
        if answer.status == _OK:
            return credentials_in(
                answer,
                role_arn=self._call.role_arn,
                duration=self._call.duration,
                asked_at=asked_at,
                asked_at_wall=asked_at_wall,
            )
        now = asked_at_wall if answer.date is None else answer.date
        raise failure_of(answer, claims=token.claims, role_arn=self._call.role_arn, now=now)

    async def _ask(self, token: Token) -> Answer:
        async with self._http.post(
            self._call.endpoint, data=self._form(token), proxy=self._call.proxy, allow_redirects=False
        ) as response:
            return Answer(
                status=response.status,
                body=await self._body(response),
                date=http_date(response.headers.get("Date")),
                request_id=_request_id(response.headers),
            )

    def _form(self, token: Token) -> dict[str, str]:
        return {
            "Action": "AssumeRoleWithWebIdentity",
            "Version": "2011-06-15",
            "RoleArn": self._call.role_arn,
            "RoleSessionName": self._call.session_name or session_name_for(token.claims),
            "DurationSeconds": str(self._call.duration),
            "WebIdentityToken": token.raw,
        }

    async def _body(self, response: aiohttp.ClientResponse) -> bytes:
        body = bytearray()
        async for chunk in response.content.iter_chunked(MAXIMUM_ANSWER):
            body += chunk
            if len(body) > MAXIMUM_ANSWER:
                raise StsUnavailable(
                    f"The STS endpoint sent more than {MAXIMUM_ANSWER} bytes.",
                    fix="Something other than STS answers there: check AWS_ENDPOINT_URL_STS and HTTPS_PROXY.",
                    status=response.status,
                )
        return bytes(body)


def clock_skew(date: UnixTime, asked_at: UnixTime, answered_at: UnixTime) -> Seconds:
    """How far the clock behind a `Date` header is ahead of the one that saw the call begin and end.

    The header drops fractions of a second, and nobody knows when in the call it was written: the middle of both is off
    by half a second, and half the call, at the most.
    """
    return date + 0.5 - (asked_at + answered_at) / 2


def _request_id(headers: CIMultiDictProxy[str]) -> str:
    """By AWS's name for the header, or by S3's, which MinIO, Ceph and SeaweedFS use."""
    named = (headers.get(header, "") for header in ("x-amzn-RequestId", "x-amz-request-id"))
    return next(filter(None, named), "")[:64]


def _unreachable(call: StsCall, error: Exception) -> ExchangeFailed:
    """Say which part of the way to STS failed. The foreign text is left out: it may quote a proxy's password."""
    for kinds, what, fix in TROUBLES:
        if isinstance(error, kinds):
            return StsUnreachable(f"{call.endpoint}: {what}.", fix=fix)
    number = getattr(error, "errno", None)
    reason = os.strerror(number) if number else type(error).__name__
    return StsUnreachable(
        f"{call.endpoint}: no connection ({reason}).",
        fix="Check that the endpoint is up, and that no network policy or security group is in the way.",
    )


TROUBLES: tuple[tuple[type[Exception] | tuple[type[Exception], ...], str, str], ...] = (
    (
        (aiohttp.ClientProxyConnectionError, aiohttp.ClientHttpProxyError),
        "the proxy refused or failed",
        "Check HTTPS_PROXY, or exempt the STS host with NO_PROXY.",
    ),
    (
        aiohttp.ClientConnectorDNSError,
        "the name does not resolve",
        "Check the pod's DNS, AWS_REGION, and the private DNS of the STS VPC endpoint.",
    ),
    (
        aiohttp.ClientSSLError,
        "its TLS certificate is not accepted",
        "Set AWS_CA_BUNDLE if a private CA signs it, and check what answers there.",
    ),
    (
        TimeoutError,
        f"no answer within {ANSWER_WITHIN:.0f} s",
        "Check routes, security groups, network policies and, in a private subnet, the STS VPC endpoint.",
    ),
    (
        (aiohttp.ClientPayloadError, aiohttp.ServerDisconnectedError),
        "the connection closed early",
        "Usually temporary; the sidecar keeps trying.",
    ),
)
"""Most specific first: aiohttp's errors descend from one another."""
