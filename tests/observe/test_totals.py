"""Totals are what the library's own counter makes of them, on the page."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter
from prometheus_client.exposition import generate_latest

from sidecar.observe.families import REQUESTS
from sidecar.observe.totals import Totals

LABELS = st.tuples(st.sampled_from(["container", "imds", 'odd "\\\n']), st.sampled_from(["200", "401"]))


@given(st.lists(st.tuples(LABELS, st.integers(1, 300))))
def test_the_page_is_the_same(counted: Sequence[tuple[tuple[str, str], int]]) -> None:
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    totals = Totals(REQUESTS)
    ours.register(totals)
    counter = Counter(REQUESTS.name, REQUESTS.meaning, REQUESTS.labels, registry=theirs)
    for labels, times in counted:
        totals(labels, times)
        counter.labels(*labels).inc(times)
    assert generate_latest(ours) == without_created(generate_latest(theirs))


def without_created(page: bytes) -> bytes:
    """The library adds when each series began, which we turn off for all of them."""
    return b"".join(line for line in page.splitlines(keepends=True) if b"_created" not in line)
