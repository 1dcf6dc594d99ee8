"""AssumeRoleWithWebIdentity over HTTP: one unsigned form, one answer, every failure named."""

import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlencode

import aiohttp
from aiohttp import connector

from sidecar import __version__
from sidecar.core.model import Credentials, Seconds, Token, UnixTime
from sidecar.core.others_first import others_first
from sidecar.core.ports import Clock
from sidecar.sts.bounded_connector import BoundedConnector
from sidecar.sts.issued import AskedOfSts, IssuedSessions
from sidecar.sts.plausibility import Presented
from sidecar.sts.post import SentForm, StsPost, Trust, the_sessions_own
from sidecar.sts.progress import noting_progress
from sidecar.sts.refusal import failure_of
from sidecar.sts.resolver import Resolver
from sidecar.sts.route import Route
from sidecar.sts.session_fields import policy_fields
from sidecar.sts.session_name import session_name_for
from sidecar.sts.transport_failures import ANSWER_WITHIN, CONNECT_WITHIN

OK = 200
ACTION, API_VERSION = "AssumeRoleWithWebIdentity", "2011-06-15"

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
    policy: str | None = field(default=None, repr=False)
    """A session policy's JSON."""
    policy_arns: tuple[str, ...] = ()

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
        self._post = StsPost(http, clock, trust)
        self._call = call
        self._clock = clock
        self._observe_skew = observe_skew
        self._issued = IssuedSessions()

    async def __call__(self, token: Token) -> Credentials:
        asked = self._asked(token)
        answer = await self._post(self._form(token), self._call.route)
        if answer.date is not None:
            self._observe_skew(clock_skew(answer.date, asked.at_wall, self._clock.wall()))
        if answer.status == OK:
            credentials = self._issued.take(answer, asked)
            await others_first()
            return credentials
        now = asked.at_wall if answer.date is None else answer.date
        raise failure_of(answer, claims=token.claims, role_arn=self._call.role_arn, now=now)

    def _asked(self, token: Token) -> AskedOfSts:
        call, given = self._call, Presented.of_token(token.claims)
        return AskedOfSts(
            ACTION, call.role_arn, call.duration, call.endpoint, given, self._clock.now(), self._clock.wall()
        )

    def _form(self, token: Token) -> SentForm:
        fields = {
            "Action": ACTION,
            "Version": API_VERSION,
            "RoleArn": self._call.role_arn,
            "RoleSessionName": self._call.session_name or session_name_for(token.claims),
            "DurationSeconds": str(self._call.duration),
            "WebIdentityToken": token.raw,
        }
        fields |= policy_fields(self._call.policy, self._call.policy_arns)
        return SentForm(urlencode(fields).encode())


def clock_skew(date: UnixTime, asked_at: UnixTime, answered_at: UnixTime) -> Seconds:
    """How far the clock behind a `Date` header is ahead of the one that saw the call begin and end.

    The header drops fractions of a second, and nobody knows when in the call it was written: the middle of both is off
    by half a second, and half the call, at the most.
    """
    return date + 0.5 - (asked_at + answered_at) / 2
