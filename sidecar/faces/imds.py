"""The EC2 instance metadata service, as far as SDKs ask it for credentials: for programs that look nowhere else.

Protocol: EC2 user guide, "Use the Instance Metadata Service to access instance metadata". A client asks for a session
token (IMDSv2), for the name of the one role, then for that role's credentials; IMDSv1 leaves out the token.

SDKs go on using what they read here after its end: botocore (from 1.25) pretends that a document with less than about
25 minutes left lives on, and does not come back for a fresh one. So a document that is running out is not given out
here, though the container endpoint serves it to the end.
"""

import re
from collections.abc import Callable
from functools import partial
from math import inf
from typing import Protocol
from urllib.parse import unquote

from sidecar.core.errors import BadTokenLife, MethodRefused, NoCredentials, NoSuchPath, NotAuthorized, SidecarError
from sidecar.core.model import DEFAULT_ROLE, Credentials, Instant, Seconds
from sidecar.core.refresh import RefreshPolicy, RoleState, floor
from sidecar.faces.document import Documents, instance_document
from sidecar.faces.guards import Guard
from sidecar.faces.imds_tokens import SessionTokens
from sidecar.faces.instance import METADATA, Instance
from sidecar.faces.paths import canonical
from sidecar.faces.problems import problem
from sidecar.faces.registry import IMDS, IMDS_V1
from sidecar.faces.routes import CredentialProvider
from sidecar.http.messages import Repeatable, Reply, Request, Response

TOKEN_PATH = "/latest/api/token"  # noqa: S105 (a path)
TOKEN = "x-aws-ec2-metadata-token"  # noqa: S105 (a header's name)
TTL = "x-aws-ec2-metadata-token-ttl-seconds"
LONGEST_LIFE = 21_600
"""Seconds a session token may live (EC2 user guide)."""
ASK_AGAIN: Seconds = 5
TEXT = {"Content-Type": "text/plain", "Cache-Control": "no-store"}
NOT_FOUND = Response(404, b"", TEXT)


class RefreshingProvider(CredentialProvider, Protocol):
    """A provider that says why it has nothing newer: a broker."""

    @property
    def state(self) -> RoleState: ...


class ImdsFace:
    """Answers as IMDSv2 does. `v1`: also without a session token. `min_life`: seconds that a document must have left,
    as long as that is at most half of what `policy` leaves in steady state, so that healthy credentials always pass.
    """

    name = IMDS.name

    def __init__(
        self,
        source: RefreshingProvider,
        guard: Guard,
        tokens: SessionTokens,
        *,
        instance: Instance,
        v1: bool,
        min_life: Seconds,
        policy: RefreshPolicy,
        now: Callable[[], Instant],
        role: str = DEFAULT_ROLE,
    ) -> None:
        self._source = source
        self._guard = guard
        self._tokens = tokens
        self._instance = instance
        self._pages = {path: Response(200, text, TEXT) for path, text in instance.pages().items()}
        self._v1 = v1
        self._min_life = min_life
        self._policy = policy
        self._now = now
        self._documents = Documents(instance_document, TEXT, role)

    def answer(self, request: Request) -> Reply:
        try:
            return self._answer(request)
        except NoSuchPath:
            return NOT_FOUND
        except SidecarError as error:
            return problem(error)

    def _answer(self, request: Request) -> Reply:
        self._guard.check_host(request.headers)
        path = canonical(unquote(request.path))  # a role's name may hold escaped signs
        if path == TOKEN_PATH:
            return self._token(request)
        until = self._check_token(request)
        if (page := self._pages.get(path)) is not None:
            _check_method(request, "GET", "HEAD")
            return Repeatable(page, lambda: self._now() < until)
        return self._credentials(path, request, until)

    def _token(self, request: Request) -> Response:
        _check_method(request, "PUT")
        life = request.headers.get(TTL, "")
        if not (re.fullmatch("[0-9]{1,5}", life) and 1 <= int(life) <= LONGEST_LIFE):
            raise BadTokenLife(
                f"The header {TTL} must hold the session token's lifetime.",
                fix=f"Send 1 to {LONGEST_LIFE} (seconds).",
            )
        return Response(200, self._tokens.issue(int(life)).encode(), TEXT | {TTL: life})

    def _check_token(self, request: Request) -> Instant:
        """Until when it is good."""
        token = request.headers.get(TOKEN)
        if token is None and self._v1:
            return inf
        if token is None:
            raise NotAuthorized(
                "The request has no IMDSv2 session token.",
                fix="The SDK supports only IMDSv1: update it, or set SIDECAR_IMDS_V1=true on the sidecar.",
            )
        until = self._tokens.end_of(token)
        if self._now() >= until:
            raise NotAuthorized(
                "The IMDSv2 session token has expired, or is not from this sidecar.",
                fix=f"Request a new one: PUT {TOKEN_PATH}.",
            )
        return until

    def _credentials(self, path: str, request: Request, until: Instant) -> Reply:
        if path not in {f"{METADATA}/iam/security-credentials/{self._instance.role_name}", f"{METADATA}/iam/info"}:
            raise NoSuchPath("Unknown metadata path.", fix="docs/ways.md lists what this IMDS serves.")
        _check_method(request, "GET", "HEAD")
        credentials = self._source.usable()
        if credentials is None:
            return self._show_after_waiting(path)
        return Repeatable(self._show(path, credentials), partial(self._holds, until, credentials))

    def _holds(self, until: Instant, credentials: Credentials) -> bool:
        same = self._now() < until and self._source.usable() is credentials
        return same and self._lives_long_enough(credentials)

    async def _show_after_waiting(self, path: str) -> Response:
        try:
            return self._show(path, await self._source.credentials())
        except SidecarError as error:
            return problem(error)

    def _show(self, path: str, credentials: Credentials) -> Response:
        if path.endswith("/info"):
            return Response(200, self._instance.info(credentials), TEXT)
        self._check_life(credentials)
        return self._documents.answer(credentials)

    def _lives_long_enough(self, credentials: Credentials) -> bool:
        left = credentials.expires_at - self._now()
        return left >= min(self._min_life, floor(credentials.lifetime, self._policy) / 2)

    def _check_life(self, credentials: Credentials) -> None:
        left = credentials.expires_at - self._now()
        if self._lives_long_enough(credentials):
            return
        error = self._source.state.error
        why = "a refresh is in progress." if error is None else error.cause
        raise NoCredentials(
            error,
            cause=f"The credentials expire in {left:.0f} s, and SDKs keep those of IMDS for longer than that: {why}",
            fix="Use AWS_CONTAINER_CREDENTIALS_FULL_URI, which serves them until they expire."
            if error is None
            else error.fix,
            retry_after=ASK_AGAIN,
        )


def protocol(face: str, request: Request | None) -> str:
    """The protocol of a request to `face`: `imds-v1` where it came to IMDS with nothing of IMDSv2."""
    if face != IMDS.name or request is None or request.method == "PUT" or TOKEN in request.headers:
        return face
    return IMDS_V1


def _check_method(request: Request, *allowed: str) -> None:
    if request.method not in allowed:
        raise MethodRefused("This path does not allow that method.", fix=f"Use {allowed[0]}.", allowed=allowed)
