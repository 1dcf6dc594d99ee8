"""Durations counted many at once are what the library's own histogram makes of them one by one."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.exposition import generate_latest

from sidecar.observe.durations import Durations
from sidecar.observe.families import REQUEST_DURATION

EDGES = st.sampled_from([0.0, *REQUEST_DURATION.buckets, 5.0])


@given(st.lists(st.tuples(st.sampled_from("ab"), EDGES | st.floats(0, 2), st.integers(1, 3))))
def test_the_page_is_the_same(seen: Sequence[tuple[str, float, int]]) -> None:
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    durations, family = Durations(REQUEST_DURATION), REQUEST_DURATION
    ours.register(durations)
    histogram = Histogram(family.name, family.meaning, family.labels, buckets=family.buckets, registry=theirs)
    for label, seconds, times in seen:
        durations(label, seconds, times)
        for _ in range(times):
            histogram.labels(label).observe(seconds)
    assert without_sums(generate_latest(ours)) == without_sums(generate_latest(theirs))


def without_sums(page: bytes) -> list[bytes]:
    """Sums of floating-point numbers depend on their order."""
    return [line for line in page.splitlines() if b"_sum{" not in line and b"_created" not in line]
