"""Events and requests as Prometheus series. Every label comes from a closed set.

Names follow Prometheus's conventions: base units, `_total` on counters, `_timestamp_seconds` for Unix times.
"""

import math
import platform
from collections.abc import Callable
from functools import cache

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.exposition import choose_encoder

from sidecar import __version__
from sidecar.errors import ExchangeFailed, SidecarError
from sidecar.model import Instant, Token
from sidecar.observe.sdk_family import sdk_of
from sidecar.ports import Clock
from sidecar.refresh import Event, Failed, Issued, RoleState, TokenRotated
from sidecar.sts.refusal import KNOWN_CODES

EXCHANGE_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
"""Seconds: from a lab's STS on loopback to our own time-out."""
REQUEST_BUCKETS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.1, 0.5, 1)
"""Seconds: from memory to the longest wait for an attempt under way."""
NONE_YET = 0
ISSUED, FAILED = "issued", "failed"


class Metrics:
    """An `Observer` and a `RequestObserver`. `started_at`: when the process began to work, on `clock`."""

    def __init__(self, clock: Clock, *, started_at: Instant, token: Callable[[], Token | None]) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._clock = clock
        self._started_at = started_at
        self._has_succeeded = False
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self._expiration = Gauge(
            "irsa_sidecar_credentials_expiration_timestamp_seconds",
            "When the cached credentials expire, as STS said (Unix time; 0: none yet).",
            registry=registry,
        )
        Gauge(
            "irsa_sidecar_token_expiration_timestamp_seconds",
            "When the projected token expires (Unix time; 0: there is none, or it does not say).",
            registry=registry,
        ).set_function(lambda: _expiration_of(token()))
        self._exchange_seconds = Histogram(
            "irsa_sidecar_refresh_duration_seconds",
            "How long STS took to answer, by outcome.",
            ["outcome"],
            buckets=EXCHANGE_BUCKETS,
            registry=registry,
        )
        self._refreshes = Counter(
            "irsa_sidecar_refreshes",
            "Attempts to refresh, by outcome and by AWS's error code, or ours where STS was not reached.",
            ["outcome", "code"],
            registry=registry,
        )
        self._failures = Gauge(
            "irsa_sidecar_consecutive_failures", "Failed attempts since the last success.", registry=registry
        )
        self._last_success = Gauge(
            "irsa_sidecar_last_success_timestamp_seconds",
            "When STS last issued credentials (Unix time on the node's clock; 0: never).",
            registry=registry,
        )
        self._first_credential = Gauge(
            "irsa_sidecar_first_credential_seconds",
            "Seconds from the start of the process to its first credentials (0: none yet).",
            registry=registry,
        )
        self._rotations = Counter(
            "irsa_sidecar_token_rotations", "New contents seen in the token file.", registry=registry
        )
        self._requests = Counter(
            "irsa_sidecar_requests", "Requests answered, by face and status.", ["face", "status"], registry=registry
        )
        self._request_seconds = Histogram(
            "irsa_sidecar_request_duration_seconds",
            "How long a request took to answer, by face.",
            ["face"],
            buckets=REQUEST_BUCKETS,
            registry=registry,
        )
        self._clients = Counter(
            "irsa_sidecar_client_requests",
            "Requests that reached a face, by face and by the SDK and major version that the User-Agent names.",
            ["face", "sdk", "major"],
            registry=registry,
        )
        self._file_writes = Counter(
            "irsa_sidecar_credentials_file_writes",
            "Attempts to write the credentials file, by outcome.",
            ["outcome"],
            registry=registry,
        )
        Gauge("irsa_sidecar_build_info", "Always 1; what is running.", ["version", "python"], registry=registry).labels(
            __version__, platform.python_version()
        ).set(1)
        # Looking a label's child up costs more than counting, and there are few: every label is from a closed set.
        self._request_count = cache(self._requests.labels)
        self._request_time = cache(self._request_seconds.labels)
        self._client_count = cache(self._clients.labels)
        # A series that appears only with its first failure cannot be alerted on by rate(): begin all at zero.
        self._refreshes.labels(ISSUED, "")
        for outcome in (ISSUED, FAILED):
            self._exchange_seconds.labels(outcome)

    def __call__(self, event: Event, state: RoleState) -> None:
        match event:
            case Issued():
                self._issued(event)
            case Failed(error=error, took=took):
                self._refreshes.labels(FAILED, code_label(error)).inc()
                if took is not None:
                    self._exchange_seconds.labels(FAILED).observe(took)
            case TokenRotated():
                self._rotations.inc()
        self._failures.set(state.failures)

    def _issued(self, event: Issued) -> None:
        if not self._has_succeeded:
            self._has_succeeded = True
            self._first_credential.set(event.at - self._started_at)
        self._last_success.set(self._clock.wall())
        self._expiration.set(event.credentials.expiration)
        self._refreshes.labels(ISSUED, "").inc()
        self._exchange_seconds.labels(ISSUED).observe(event.took)

    def observe_request(self, face: str, status: int, seconds: float) -> None:
        self._request_count(face, str(status)).inc()
        self._request_time(face).observe(seconds)

    def observe_client(self, face: str, user_agent: str | None) -> None:
        sdk = sdk_of(user_agent)
        self._client_count(face, sdk.family, sdk.major).inc()

    def observe_file(self, *, written: bool) -> None:
        # Both at once: by the first failure there is a zero to compare it with.
        self._file_writes.labels("written").inc(written)
        self._file_writes.labels("failed").inc(not written)

    def render(self, accept: str) -> tuple[bytes, str]:
        """The page and its content type: OpenMetrics or Prometheus text, as the scraper's Accept header asks."""
        encode, content_type = choose_encoder(accept)
        return encode(self.registry), content_type


def code_label(error: SidecarError) -> str:
    """AWS's code where it is one we know, `other` where not, our own name where STS gave none."""
    aws_code = error.aws_code if isinstance(error, ExchangeFailed) else ""
    if not aws_code:
        return error.code
    return aws_code if aws_code in KNOWN_CODES else "other"


def _expiration_of(token: Token | None) -> float:
    if token is None or math.isinf(token.claims.expires_at):
        return NONE_YET
    return token.claims.expires_at
