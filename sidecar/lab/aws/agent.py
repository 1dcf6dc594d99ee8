"""The EKS Pod Identity agent as an HTTP server: its one path, its checks in its order, its cache and its plain texts.

As the agent (0.1.37) behaves, on a loopback address in place of 169.254.170.23: it reads the token without verifying
it, which EKS does; it gives a session again until half of it is left; and of a whole node it answers so many requests
a second.
"""

import email.utils
import json
import uuid
from datetime import UTC, datetime

from aiohttp import web

from sidecar.lab.aws import http_faults, token_verification
from sidecar.lab.aws.answers import StsRefusal
from sidecar.lab.aws.pod_identity import EksRefusal, PodIdentity
from sidecar.lab.aws.sessions import IssuedSession
from sidecar.lab.clock import LabClock
from sidecar.lab.events import Answered, LabObserver
from sidecar.lab.faults import Faults

PATH = "/v1/credentials"
REQUESTS_PER_SECOND, BURST = 1000.0, 500.0
MOST_KEPT = 2000
"""Tokens whose sessions are kept."""
ACTION = "AssumeRoleForPodIdentity"


class Allowance:
    """So many requests a second, and some at once."""

    def __init__(self) -> None:
        self._left = BURST
        self._at = 0.0

    def take(self, now: float) -> bool:
        """Is there one left at `now`?"""
        self._left = min(BURST, self._left + max(0.0, now - self._at) * REQUESTS_PER_SECOND)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


class Agent:
    """Reads requests, asks `PodIdentity` for what it does not hold, writes responses and informs the observer."""

    def __init__(self, eks: PodIdentity, faults: Faults, *, clock: LabClock, observe: LabObserver) -> None:
        self._eks = eks
        self._faults = faults
        self._clock = clock
        self._observe = observe
        self._allowance = Allowance()
        self._kept: dict[str, IssuedSession] = {}

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_route("*", PATH, self.handle)
        return app

    async def handle(self, request: web.Request) -> web.StreamResponse:
        return await http_faults.apply(self._faults, request, lambda: self._answer(request))

    async def _answer(self, request: web.Request) -> web.Response:
        now = self._clock() + self._faults.seconds("skew")
        if self._faults.get("throttle") is not None or not self._allowance.take(now):
            return self._text(429, "Too Many Requests", now)
        if refusal := _host_refusal(request):
            return self._text(403, refusal, now)
        if refusal := _token_refusal(request, now):
            return self._text(400, refusal, now)
        try:
            issued = await self._session(request.headers["Authorization"], now)
        except EksRefusal as error:
            self._tell(error.status, now, refusal=error)
            return self._text(error.status, f"[{uuid.uuid4()}]: ({error.code}): {error.message}, fault: client", now)
        return web.Response(
            body=json.dumps(_document(issued)).encode(),
            content_type="application/json",
            headers={"Date": email.utils.formatdate(now, usegmt=True)},
        )

    async def _session(self, token: str, now: float) -> IssuedSession:
        held = self._kept.get(token)
        if held is not None and held.session.expires_at - now > self._renewed_below:
            return held
        try:
            issued = await self._eks.assume_role(token, now)
        except EksRefusal:
            self._kept.pop(token, None)
            raise
        self._tell(200, now, issued=issued)
        while len(self._kept) >= MOST_KEPT:
            self._kept.pop(next(iter(self._kept)))
        self._kept[token] = issued
        return issued

    @property
    def _renewed_below(self) -> float:
        """Seconds left, below which a session is asked for anew: half of the six hours, or of a rehearsal's."""
        return (self._eks.session_lifetime or 6 * 3600) / 2

    def _text(self, status: int, text: str, now: float) -> web.Response:
        headers = {"X-Content-Type-Options": "nosniff", "Date": email.utils.formatdate(now, usegmt=True)}
        return web.Response(status=status, text=f"{text}\n", headers=headers)

    def _tell(
        self, status: int, now: float, *, refusal: EksRefusal | None = None, issued: IssuedSession | None = None
    ) -> None:
        session = issued.session if issued else None
        self._observe(
            Answered(
                action=ACTION,
                status=status,
                code=refusal.code if refusal else "",
                message=refusal.message if refusal else "",
                why=refusal.why if refusal else "",
                role_arn=session.role_arn if session else "",
                session_arn=session.arn if session else "",
                access_key_id=session.access_key_id if session else "",
                expires_at=session.expires_at if session else now,
                request_id="",
            )
        )


def _document(issued: IssuedSession) -> dict[str, str]:
    return {
        "AccessKeyId": issued.session.access_key_id,
        "SecretAccessKey": issued.secret_access_key,
        "Token": issued.session_token,
        "AccountId": issued.session.account,
        "Expiration": datetime.fromtimestamp(issued.session.expires_at, UTC).isoformat().replace("+00:00", "Z"),
    }


def _host_refusal(request: web.Request) -> str:
    """It answers to its own address alone, so that no web page can reach it by a name of its own."""
    host = request.host.rpartition(":")[0] if request.host.count(":") == 1 else request.host
    if host in {"127.0.0.1", "localhost", "169.254.170.23", "[::1]", "[fd00:ec2::23]"} or host.startswith("[::1]:"):
        return ""
    return f"Access denied: called through the invalid address {host}"


def _token_refusal(request: web.Request, now: float) -> str:
    """What the agent sees by itself, without verifying a signature."""
    token = request.headers.get("Authorization", "")
    if not token:
        return "Service account token: none was sent"
    try:
        claims = token_verification.take_apart(token).claims
    except StsRefusal:
        return "Service account token: not a JWT"
    return "Service account token: it has expired" if claims["exp"] <= now else ""
