"""The arithmetic on measurements."""

from hypothesis import given
from hypothesis import strategies as st

from bench.figures import medians, quantile

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
