"""The one table from our errors to HTTP answers.

Statuses are chosen by what SDKs do with them: 5xx is retried by nearly all, 4xx is final for most, and 429 is final for
Java, Rust and minio, so it is never used.
"""

import math

from sidecar.core.errors import (
    BadTokenLife,
    HostRefused,
    MethodRefused,
    NoCredentials,
    NoSuchPath,
    NotAuthorized,
    SidecarError,
)
from sidecar.http.messages import Refusal, Response, error_response

STATUS: dict[type[SidecarError], int] = {
    BadTokenLife: 400,
    NotAuthorized: 401,
    HostRefused: 403,
    NoSuchPath: 404,
    MethodRefused: 405,
    NoCredentials: 503,
    SidecarError: 503,
}


def problem(error: SidecarError) -> Response:
    """The answer that an error becomes: its code and, as the message that SDKs show to people, cause and fix."""
    code = error.reason.code if isinstance(error, NoCredentials) and error.reason else error.code
    return error_response(_status(error), Refusal(code, error.cause, error.fix), _headers(error))


def _status(error: SidecarError) -> int:
    return next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)


def _headers(error: SidecarError) -> dict[str, str]:
    match error:
        case NoCredentials(retry_after=seconds):
            return {"Retry-After": str(_whole_seconds(seconds))}
        case MethodRefused(allowed=allowed):
            return {"Allow": ", ".join(allowed)}
        case _:
            return {}


def _whole_seconds(seconds: float) -> int:
    """At least 1; at most a minute, which is the longest wait after a failure."""
    return math.ceil(min(max(seconds, 1), 60))
