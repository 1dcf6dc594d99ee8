"""The metrics as a scraper reads them: a page, written step by step."""

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, exposition
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.registry import Collector

OPENMETRICS = "application/openmetrics-text"
SERIES_OF_A_STEP = 12
_END = b"# EOF\n"


def content_type(accept: str) -> str:
    """OpenMetrics where the scraper's Accept header names it, else plain text.

    Nothing of the header is repeated, as the library would do with the version it asks for.
    """
    return openmetrics.CONTENT_TYPE_LATEST if OPENMETRICS in accept else exposition.CONTENT_TYPE_PLAIN_0_0_4


def steps(registry: CollectorRegistry, accept: str) -> Iterator[bytes]:
    """The page in parts, each a small step of its writing."""
    write = _openmetrics if OPENMETRICS in accept else exposition.generate_latest
    for family in registry.collect():
        yield write(_Part(family, 0)).removesuffix(_END)
        for start in range(SERIES_OF_A_STEP, len(family.samples), SERIES_OF_A_STEP):
            yield _without_head(write(_Part(family, start)))
    if OPENMETRICS in accept:
        yield _END


def _openmetrics(registry: Collector) -> bytes:
    page: bytes = openmetrics.generate_latest(registry)  # type: ignore[no-untyped-call]
    return page


def _without_head(text: bytes) -> bytes:
    return b"".join(line for line in text.splitlines(keepends=True) if not line.startswith(b"#"))


class _Part(Collector):
    """Some series of a family, as the library asks for them."""

    def __init__(self, family: Metric, start: int) -> None:
        self._part = Metric(family.name, family.documentation, family.type, family.unit)
        self._part.samples = family.samples[start : start + SERIES_OF_A_STEP]

    def collect(self) -> Iterator[Metric]:
        yield self._part
