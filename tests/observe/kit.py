"""A role's history as its observers see it."""

import logging
import math
from dataclasses import replace

from sidecar.core.errors import SidecarError
from sidecar.core.model import DEFAULT_ROLE, Credentials, Instant, Seconds, Token
from sidecar.core.ports import Observer
from sidecar.core.refresh import ClockMoved, Failed, Issued, RefreshEvent, RefreshPolicy, RoleState, SourceChanged, step
from sidecar.http.messages import Refusal, Response, error_response
from tests.doubles import a_token

POLICY = RefreshPolicy()
SERVED = Response(200, b"", {}, role=DEFAULT_ROLE)
UNAUTHORIZED = error_response(
    401,
    Refusal(
        "NotAuthorized",
        "The request has no Authorization header.",
        "Set AWS_CONTAINER_AUTHORIZATION_TOKEN and AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE in the application's "
        "container, both to the sidecar's token.",
    ),
)
UNAVAILABLE = error_response(503, Refusal("StsUnreachable", "No way.", "Check."))


class History:
    """Tells `observer` of events, each with the state it led to. The jitter is always a half."""

    def __init__(self, observer: Observer, role: str = DEFAULT_ROLE) -> None:
        self._observer = observer
        self._role = role
        self.state = RoleState()

    def issued(self, at: Instant, credentials: Credentials, took: Seconds = 0.25) -> None:
        self._tell(Issued(at, credentials, took))

    def failed(self, at: Instant, error: SidecarError, took: Seconds | None = 0.25) -> None:
        self._tell(Failed(at, error, took))

    def rotated(self, at: Instant, *, same_identity: bool = True) -> None:
        self._tell(SourceChanged(at, same_identity=same_identity))

    def clock_moved(self, at: Instant, by: Seconds) -> None:
        self._tell(ClockMoved(at, by))

    def _tell(self, event: RefreshEvent) -> None:
        self.state = step(self.state, event, POLICY, 0.5)
        self._observer(self._role, event, self.state)


def fields(record: logging.LogRecord) -> dict[str, object]:
    """What a log line says besides its event."""
    usual = set(vars(logging.makeLogRecord({}))) | {"message", "asctime"}
    return {name: value for name, value in vars(record).items() if name not in usual}


def eternal() -> Token:
    """A token that does not say when it expires, such as one of a Secret."""
    token = a_token()
    return Token(token.raw, replace(token.claims, expires_at=math.inf))
