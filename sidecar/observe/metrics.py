"""Events and requests as Prometheus series. Which there are is in `families`, what their labels may be in `labels`."""

import math
from collections.abc import Callable, Iterator
from functools import cache
from typing import TypeVar

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
    exposition,
)
from prometheus_client.core import CounterMetricFamily
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.registry import Collector

from sidecar import __version__
from sidecar.core.model import Credentials, Instant, Seconds, Token
from sidecar.core.ports import Clock
from sidecar.core.refresh import Failed, Issued, RefreshEvent, RoleState, SourceChanged
from sidecar.http.messages import Response
from sidecar.observe import families
from sidecar.observe.config_info import config_labels
from sidecar.observe.families import Family
from sidecar.observe.labels import (
    FACE_NAMES,
    FAILED,
    FAILURE_CODES,
    ISSUED,
    MOST_CLIENTS,
    MOST_CODES,
    NO_CODE,
    NOT_WRITTEN,
    OTHER,
    OUTCOMES,
    WRITTEN,
    code_label,
)
from sidecar.observe.sdk_family import UNKNOWN, Sdk
from sidecar.settings.config import Config

NO_TIME = 0
CLIENT_ERRORS = range(400, 500)
OPENMETRICS = "application/openmetrics-text"

Series = TypeVar("Series")


class Metrics:
    """An `Observer`, also told of requests. `started_at`: when the process began to work, on `clock`."""

    def __init__(
        self,
        clock: Clock,
        *,
        started_at: Instant,
        token: Callable[[], Token | None],
        valid: Callable[[], bool] = lambda: False,
        log_lines_dropped: Callable[[], int] = lambda: 0,
    ) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._clock = clock
        self._started_at = started_at
        self._valid = valid
        self._has_succeeded = self._degraded = False
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)  # python_info alone: the garbage collector's nine series say nothing
        self._describe_the_role(token)
        self._describe_refreshes()
        self._describe_requests()
        self._file_writes = self._counter(families.FILE_WRITES)
        self._config = self._gauge(families.CONFIG)
        self.registry.register(_ExternalCounter(families.LOG_LINES_DROPPED, log_lines_dropped))
        self._gauge(families.BUILD).labels(__version__).set(1)

    # --- what there is --------------------------------------------------------------------------------------------

    def _describe_the_role(self, token: Callable[[], Token | None]) -> None:
        self._gauge(families.VALID).set_function(self._valid)
        self._expiration = self._gauge(families.CREDENTIALS_EXPIRATION)
        self._last_success = self._gauge(families.LAST_SUCCESS)
        self._first_credential = self._gauge(families.FIRST_CREDENTIAL)
        self._gauge(families.TOKEN_EXPIRATION).set_function(lambda: _expiration_of(token()))
        self._gauge(families.TOKEN_ISSUED).set_function(lambda: _issue_of(token()))
        self._rotations = self._counter(families.ROTATIONS)

    def _describe_refreshes(self) -> None:
        self._refreshes = self._counter(families.REFRESHES)
        self._exchanges = self._counter(families.EXCHANGES)
        self._exchange_seconds = self._histogram(families.REFRESH_DURATION)
        self._failures = self._gauge(families.FAILURES)
        self._regions_issued = self._counter(families.REGIONS_ISSUED)
        self._skew = self._gauge(families.CLOCK_SKEW)
        self._failure_time = at_most(MOST_CODES, lambda code: self._exchange_seconds.labels(FAILED, code), _other)
        # An attempt every half hour: a series that appeared only with its first failure would hide that one from
        # increase(), and a refused token is tried once. So all codes begin at zero.
        self._refreshes.labels(ISSUED, NO_CODE)
        for code in FAILURE_CODES:
            self._refreshes.labels(FAILED, code)
        for outcome in OUTCOMES:
            self._exchanges.labels(outcome)
        self._exchange_seconds.labels(ISSUED, NO_CODE)

    def _describe_requests(self) -> None:
        self._degraded_requests = self._counter(families.DEGRADED)
        refused = self._counter(families.REFUSED)
        self._refused = {
            face: refused.labels(face) for face in FACE_NAMES
        }  # from zero, so that increase() has the first
        self.waits = Waits(self._counter(families.WAITS), self._gauge(families.WAITING))
        # Looking a label's child up costs more than counting, and there are few: every label is from a closed set.
        self._request_count = cache(self._counter(families.REQUESTS).labels)
        self._request_time = cache(self._histogram(families.REQUEST_DURATION).labels)
        self._client_count = at_most(MOST_CLIENTS, self._counter(families.CLIENTS).labels, _unknown)

    def _counter(self, family: Family) -> Counter:
        return Counter(family.name, family.meaning, family.labels, registry=self.registry)

    def _gauge(self, family: Family) -> Gauge:
        return Gauge(family.name, family.meaning, family.labels, registry=self.registry)

    def _histogram(self, family: Family) -> Histogram:
        return Histogram(family.name, family.meaning, family.labels, buckets=family.buckets, registry=self.registry)

    # --- what happens ---------------------------------------------------------------------------------------------

    def __call__(self, role: str, event: RefreshEvent, state: RoleState) -> None:  # noqa: ARG002 (an observer's signature)
        match event:
            case Issued(at=at, credentials=credentials, took=took):
                self._issued(at, credentials, took)
            case Failed(took=took):
                self._failed(code_label(event.error), took)
            case SourceChanged(what="token"):
                self._rotations.inc()
        self._failures.set(state.failures)
        self._degraded = state.error is not None

    def _issued(self, at: Instant, credentials: Credentials, took: Seconds) -> None:
        if not self._has_succeeded:
            self._has_succeeded = True
            self._first_credential.set(at - self._started_at)
        self._last_success.set(self._clock.wall())
        self._expiration.set(credentials.expiration)
        if credentials.region:
            self._regions_issued.labels(credentials.region).inc()
        self._refreshes.labels(ISSUED, NO_CODE).inc()
        self._exchanges.labels(ISSUED).inc()
        self._exchange_seconds.labels(ISSUED, NO_CODE).observe(took)

    def _failed(self, code: str, took: Seconds | None) -> None:
        self._refreshes.labels(FAILED, code).inc()
        if took is None:  # STS was not asked
            return
        self._exchanges.labels(FAILED).inc()
        self._failure_time(code).observe(took)

    def observe_skew(self, seconds: Seconds) -> None:
        """STS's clock is so far ahead of the node's."""
        self._skew.set(seconds)

    def observe_config(self, config: Config) -> None:
        """These are the settings in force."""
        self._config.labels(**config_labels(config)).set(1)
        for region in (config.region or "", *config.fallback_regions) if config.fallback_regions else ():
            self._regions_issued.labels(region)

    def observe_request(self, face: str, response: Response, seconds: float) -> None:
        """`face` has answered so, after so long."""
        self._request_count(face, str(response.status)).inc()
        self._request_time(face).observe(seconds)
        if response.serves and self._degraded:
            self._degraded_requests.inc()
        if response.refusal is not None and response.status in CLIENT_ERRORS:
            self._refused[face].inc()

    def observe_client(self, protocol: str, sdk: Sdk) -> None:
        """This SDK has asked by this protocol."""
        self._client_count(protocol, sdk.family, sdk.major).inc()

    def observe_file(self, *, written: bool) -> None:
        # Both at once: by the first failure there is a zero to compare it with.
        self._file_writes.labels(WRITTEN).inc(written)
        self._file_writes.labels(NOT_WRITTEN).inc(not written)

    # --- the page -------------------------------------------------------------------------------------------------

    def render(self, accept: str) -> tuple[bytes, str]:
        """The page and its content type: OpenMetrics where the scraper's Accept header names it, else plain text.

        Nothing of the header is repeated, as the library would do with the version it asks for.
        """
        if OPENMETRICS in accept:
            page: bytes = openmetrics.generate_latest(self.registry)  # type: ignore[no-untyped-call]
            return page, openmetrics.CONTENT_TYPE_LATEST
        return exposition.generate_latest(self.registry), exposition.CONTENT_TYPE_PLAIN_0_0_4


class _ExternalCounter(Collector):
    """A counter whose value somebody else keeps."""

    def __init__(self, family: Family, total: Callable[[], int]) -> None:
        self._family = family
        self._total = total

    def collect(self) -> Iterator[CounterMetricFamily]:
        yield CounterMetricFamily(self._family.name, self._family.meaning, value=self._total())


class Waits:
    """Counts who is inside its `with` block, and who ever was."""

    def __init__(self, total: Counter, now: Gauge) -> None:
        self._total = total
        self._now = now

    def __enter__(self) -> None:
        self._total.inc()
        self._now.inc()

    def __exit__(self, *_: object) -> None:
        self._now.dec()


def at_most(limit: int, child: Callable[..., Series], rest: Callable[..., tuple[str, ...]]) -> Callable[..., Series]:
    """`child`, looked up once; labels beyond the first `limit` are counted under `rest(*labels)`."""
    known: set[tuple[str, ...]] = set()

    @cache
    def bounded(*labels: str) -> Series:
        if len(known) >= limit:
            return child(*rest(*labels))
        known.add(labels)
        return child(*labels)

    return bounded


def _other(_: str) -> tuple[str, ...]:
    return (OTHER,)


def _unknown(face: str, *_: str) -> tuple[str, ...]:
    return face, UNKNOWN, UNKNOWN


def _expiration_of(token: Token | None) -> float:
    if token is None or math.isinf(token.claims.expires_at):
        return NO_TIME
    return token.claims.expires_at


def _issue_of(token: Token | None) -> float:
    if token is None or math.isinf(token.claims.issued_at):
        return NO_TIME
    return token.claims.issued_at
