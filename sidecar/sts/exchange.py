"""AssumeRoleWithWebIdentity over HTTP: one unsigned form, one answer, every failure named."""

import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

import aiohttp
from aiohttp import connector

from sidecar import __version__
from sidecar.core.errors import StsUnavailable, StsUnreachable
from sidecar.core.model import Credentials, Instant, Seconds, Token, UnixTime
from sidecar.core.ports import Clock
from sidecar.sts.answer import MAXIMUM_ANSWER, Answer, credentials_in, http_date, refusal_in
from sidecar.sts.bounded_connector import BoundedConnector
from sidecar.sts.endpoints import is_of_aws
from sidecar.sts.plausibility import SEEN_TO_RUN, Clocks, DateSeen, LastAnswer, check_new
from sidecar.sts.progress import CallProgress, noting_progress
from sidecar.sts.refusal import failure_of
from sidecar.sts.resolver import Resolver
from sidecar.sts.route import Route
from sidecar.sts.session_name import session_name_for
from sidecar.sts.transport_failures import ANSWER_WITHIN, CONNECT_WITHIN, FailedCall, TransportFailure
from sidecar.sts.wording import FIX_NOT_STS

_OK = 200
PROXYS_OWN = frozenset({403, 407, 502, 503, 504})
"""What a proxy answers where it lets nobody through, or finds nobody behind it."""

HEADERS = {
    "Accept-Encoding": "identity",  # an answer is 2 KiB; what is not compressed cannot unfold beyond its cap
    "User-Agent": f"irsa-sidecar/{__version__}",
}


SkewObserver = Callable[[Seconds], None]
"""Sees how far STS's clock is ahead of the node's, at each answer that tells. Must not raise."""


def no_observer(_: Seconds) -> None:
    """For those who do not want to know."""


Trust = Callable[[], Awaitable[ssl.SSLContext | Literal[True]]]
"""Gives the context for a call that begins now; True for the session's own."""


async def the_sessions_own() -> Literal[True]:
    """For those whose trust does not change."""
    return True


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

    @property
    def route(self) -> Route:
        return Route(self.endpoint, self.proxy)


def sts_session(tls: ssl.SSLContext) -> aiohttp.ClientSession:
    """An HTTP client for calls that are half an hour apart: no connection, cookie or DNS answer is kept between them.

    `tls`: whom to trust where a call does not say (`tls.tls_context`).
    Nothing is taken from the environment: a netrc entry would turn into an Authorization header, and STS refuses a call
    that carries credentials (aws/aws-sdk-php#1725).
    """
    _drop_aiohttps_authorities()
    return aiohttp.ClientSession(
        connector=BoundedConnector(ssl=tls, force_close=True, use_dns_cache=False, resolver=Resolver()),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=ANSWER_WITHIN, sock_connect=CONNECT_WITHIN),
        headers=HEADERS,
        auto_decompress=False,
        trust_env=False,
        trace_configs=[noting_progress()],
    )


def _drop_aiohttps_authorities() -> None:
    """Free the system's CAs that aiohttp reads when it is imported: 0.7 MiB, and every session here brings its own.

    What is left in their place trusts nobody, so that a session which brings none fails.
    """
    connector._SSL_CONTEXT_VERIFIED = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # noqa: SLF001 (there is no other way)


class StsExchange:
    """The `Exchange` of production."""

    def __init__(
        self,
        http: aiohttp.ClientSession,
        call: StsCall,
        clock: Clock,
        observe_skew: SkewObserver = no_observer,
        trust: Trust = the_sessions_own,
    ) -> None:
        self._http = http
        self._call = call
        self._clock = clock
        self._observe_skew = observe_skew
        self._trust = trust
        self._last: LastAnswer | None = None
        self._doubted: DateSeen | None = None

    async def __call__(self, token: Token) -> Credentials:
        asked_at, asked_at_wall = self._clock.now(), self._clock.wall()
        answer = await self._answer(token)
        if answer.date is not None:
            self._observe_skew(clock_skew(answer.date, asked_at_wall, self._clock.wall()))
        if answer.status == _OK:
            return self._taken(answer, token, asked_at, asked_at_wall)
        if _is_of_proxy(answer, self._call.route):
            raise _unreachable(FailedCall(self._call.route, asked_at_wall).proxy_refusal(answer.status))
        now = asked_at_wall if answer.date is None else answer.date
        raise failure_of(answer, claims=token.claims, role_arn=self._call.role_arn, now=now)

    def _taken(self, answer: Answer, token: Token, asked_at: Instant, asked_at_wall: UnixTime) -> Credentials:
        """Raises `StsUnavailable` unless these are new credentials for what was asked."""
        seen = None if answer.date is None else DateSeen(answer.date, asked_at)
        Clocks(asked_at_wall, answer.date, self._expected(seen)).check(token.claims)
        found = credentials_in(
            answer,
            role_arn=self._call.role_arn,
            duration=self._call.duration,
            asked_at=asked_at,
            asked_at_wall=asked_at_wall,
            from_aws=is_of_aws(self._call.endpoint),
        )
        check_new(found.session_token, answer.date, self._last)
        before = None if self._last is None else self._last.seen
        self._last = LastAnswer(found.session_token, seen or before)
        self._doubted = None
        return found

    def _expected(self, seen: DateSeen | None) -> UnixTime | None:
        """What STS's clock must show by the last session; nothing once another clock was seen to run in its place."""
        if self._last is None or self._last.seen is None or seen is None:
            return None
        if self._doubted is not None and self._doubted.runs_to(seen):
            return None
        if self._doubted is None or self._doubted.at + SEEN_TO_RUN <= seen.at:
            self._doubted = seen
        return self._last.seen.by(seen.at)

    async def _answer(self, token: Token) -> Answer:
        """Raises `StsUnreachable`, saying which part of the way failed."""
        progress = CallProgress()
        try:
            return await self._ask(token, progress)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            call = FailedCall(self._call.route, self._clock.wall(), connected=progress.connected)
            raise _unreachable(call.explained(error)) from None

    async def _ask(self, token: Token, progress: CallProgress) -> Answer:
        async with self._http.post(
            self._call.endpoint,
            data=self._form(token),
            ssl=await self._trust(),
            allow_redirects=False,
            trace_request_ctx=progress,
            **self._call.route.arguments(),
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
                    fix=FIX_NOT_STS,
                    status=response.status,
                )
        return bytes(body)


def clock_skew(date: UnixTime, asked_at: UnixTime, answered_at: UnixTime) -> Seconds:
    """How far the clock behind a `Date` header is ahead of the one that saw the call begin and end.

    The header drops fractions of a second, and nobody knows when in the call it was written: the middle of both is off
    by half a second, and half the call, at the most.
    """
    return date + 0.5 - (asked_at + answered_at) / 2


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
