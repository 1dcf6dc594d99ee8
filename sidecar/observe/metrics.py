"""Events and requests as Prometheus series. Which there are is in `families`, what their labels may be in `labels`."""

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import TypeVar

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from sidecar import __version__
from sidecar.http.messages import Response
from sidecar.observe import families
from sidecar.observe.config_info import config_labels
from sidecar.observe.durations import Durations
from sidecar.observe.families import Family
from sidecar.observe.labels import FACE_NAMES, MOST_CLIENTS, NOT_WRITTEN, WRITTEN
from sidecar.observe.role_metrics import RoleMetrics
from sidecar.observe.role_series import RoleCollector
from sidecar.observe.sdk_family import UNKNOWN, Sdk
from sidecar.settings.config import Config

CLIENT_ERRORS = range(400, 500)

Series = TypeVar("Series")


class Metrics:
    """All series: of requests, and those of each role."""

    def __init__(self, log_lines_dropped: Callable[[], int] = lambda: 0) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.roles: dict[str, RoleMetrics] = {}
        """Those that have series, by name."""
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)  # python_info alone: the garbage collector's nine series say nothing
        self.registry.register(RoleCollector(self.roles))
        self._describe_requests()
        self._file_writes = self._counter(families.FILE_WRITES)
        self._config = self._gauge(families.CONFIG)
        self.registry.register(_ExternalCounter(families.LOG_LINES_DROPPED, log_lines_dropped))
        self._config_file = _ConfigFile()
        self.registry.register(self._config_file)
        self._gauge(families.BUILD).labels(__version__).set(1)

    # --- what there is --------------------------------------------------------------------------------------------

    def show_roles(self, roles: Mapping[str, RoleMetrics]) -> None:
        """From now on these have series."""
        self.roles.clear()
        self.roles.update(roles)

    def _describe_requests(self) -> None:
        refused = self._counter(families.REFUSED)
        self._refused = {
            face: refused.labels(face) for face in FACE_NAMES
        }  # from zero, so that increase() has the first
        self.waits = Waits(self._counter(families.WAITS), self._gauge(families.WAITING))
        # Looking a label's child up costs more than counting, and there are few: every label is from a closed set.
        self._request_count = cache(self._counter(families.REQUESTS).labels)
        self._request_times = Durations(families.REQUEST_DURATION)
        self.registry.register(self._request_times)
        self._client_count = at_most(MOST_CLIENTS, self._counter(families.CLIENTS).labels, _unknown)

    def _counter(self, family: Family) -> Counter:
        return Counter(family.name, family.meaning, family.labels, registry=self.registry)

    def _gauge(self, family: Family) -> Gauge:
        return Gauge(family.name, family.meaning, family.labels, registry=self.registry)

    # --- what happens ---------------------------------------------------------------------------------------------

    def observe_config(self, config: Config) -> None:
        """These are the settings in force."""
        self._config.labels(**config_labels(config)).set(1)

    def observe_reload(self, *, successful: bool) -> None:
        """The file with the roles was read again, or for the first time."""
        self._config_file.successful = successful

    def observe_request(self, face: str, response: Response, seconds: float, times: int = 1) -> None:
        """`face` has answered so, after so long."""
        self._request_count(face, str(response.status)).inc(times)
        self._request_times(face, seconds, times)
        if response.role and (role := self.roles.get(response.role)):
            role.note_served(times)
        if response.refusal is not None and response.status in CLIENT_ERRORS:
            self._refused[face].inc(times)

    def observe_client(self, protocol: str, sdk: Sdk, times: int = 1) -> None:
        """This SDK has asked by this protocol."""
        self._client_count(protocol, sdk.family, sdk.major).inc(times)

    def observe_file(self, *, written: bool) -> None:
        # Both at once: by the first failure there is a zero to compare it with.
        self._file_writes.labels(WRITTEN).inc(written)
        self._file_writes.labels(NOT_WRITTEN).inc(not written)


class _ExternalCounter(Collector):
    """A counter whose value somebody else keeps."""

    def __init__(self, family: Family, total: Callable[[], int]) -> None:
        self._family = family
        self._total = total

    def collect(self) -> Iterator[CounterMetricFamily]:
        yield CounterMetricFamily(self._family.name, self._family.meaning, value=self._total())


class _ConfigFile(Collector):
    """Whether the last reload took effect; nothing where no file is read."""

    def __init__(self) -> None:
        self.successful: bool | None = None

    def collect(self) -> Iterator[GaugeMetricFamily]:
        if self.successful is not None:
            family = families.CONFIG_RELOADED
            yield GaugeMetricFamily(family.name, family.meaning, value=self.successful)


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


def _unknown(face: str, *_: str) -> tuple[str, ...]:
    return face, UNKNOWN, UNKNOWN
