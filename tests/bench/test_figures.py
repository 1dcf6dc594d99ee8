"""The arithmetic on measurements."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from bench.figures import UNSURE, Slices, interval_of_ratio, medians, quantile

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


@given(st.lists(LATENCIES, min_size=1, max_size=4), SHARES)
def test_slices_together_have_the_quantiles_of_all_their_latencies(slices: list[list[float]], share: float) -> None:
    found = Slices([[(value, 1) for value in one] for one in slices]).quantile(share)
    every = [value for one in slices for value in one]
    assert sum(value <= found for value in every) >= share * len(every) - 1e-6
    assert sum(value < found for value in every) <= share * len(every) + 1e-6


def test_a_count_stands_for_so_many_latencies_and_a_weight_for_so_many_slices() -> None:
    many = Slices([[(1.0, 60), (2.0, 40)], [(9.0, 1)]])
    assert many.quantile(0.5) == 1.0
    assert many.quantile(0.7) == 2.0
    assert many.quantile(0.7, [0, 1]) == 9.0


def test_the_interval_of_a_ratio_holds_it_as_often_as_it_says() -> None:
    random, held = Random(7), 0
    for _ in range(60):
        one, other = ([[(random.expovariate(1), 1) for _ in range(50)] for _ in range(20)] for _ in range(2))
        low, high = interval_of_ratio(one, other, 0.9, random)
        held += low <= 1 <= high
    assert held / 60 > 1 - UNSURE - 0.08


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
