"""The arithmetic on measurements."""

from math import log
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.figures import UNSURE, interval_of_median, is_told, medians, quantile

LATENCIES = st.lists(st.floats(0, 1e6), min_size=1)
SHARES = st.floats(0, 1)


@given(LATENCIES, SHARES)
def test_a_quantile_is_a_value_that_so_many_do_not_exceed(values: list[float], share: float) -> None:
    found = quantile(values, share)
    assert found in values
    assert sum(value <= found for value in values) >= share * len(values)


@given(LATENCIES)
def test_the_last_quantile_is_the_longest(values: list[float]) -> None:
    assert quantile(values, 1) == max(values)


def test_no_values_have_no_quantile() -> None:
    assert quantile([], 0.99) == 0


@pytest.mark.parametrize("count", [6, 9, 12, 20])
def test_the_interval_holds_the_median_as_often_as_it_says(count: int) -> None:
    random, held = Random(count), 0
    for _ in range(2000):
        found = interval_of_median([random.expovariate(log(2)) for _ in range(count)])
        assert found is not None
        held += found[0] <= 1 <= found[1]
    assert held / 2000 > 1 - UNSURE - 0.01


def test_five_values_tell_nothing_and_six_that_agree_do() -> None:
    assert interval_of_median([1.0] * 5) is None
    assert not is_told([1.0] * 5, 2.0)
    assert is_told([1.0] * 6, 2.0)
    assert is_told([3.0] * 6, 2.0)
    assert not is_told([1.0, 3.0] * 6, 2.0)


def test_rounds_become_one_row_with_medians_and_all_errors() -> None:
    rounds = [
        {"server": "a", "clients": 1, "p99": 3.0, "errors": {"reset": 1}},
        {"server": "b", "clients": 1, "p99": 9.0, "errors": {}},
        {"server": "a", "clients": 1, "p99": 1.0, "errors": {"reset": 2, "closed": 1}},
        {"server": "a", "clients": 1, "p99": 2.0, "errors": {}},
    ]
    assert medians(rounds, ("server", "clients")) == [
        {"server": "a", "clients": 1, "rounds": 3, "p99": 2.0, "errors": {"closed": 1, "reset": 3}},
        {"server": "b", "clients": 1, "rounds": 1, "p99": 9.0, "errors": {}},
    ]
