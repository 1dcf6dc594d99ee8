"""Times as people read them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.admin.amounts import duration, took

DAY = 86_400


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (-3, "0 s"),
        (0, "0 s"),
        (59.99, "59 s"),
        (60, "1 min 00 s"),
        (3599.9, "59 min 59 s"),
        (3600, "1 h 00 min"),
        (11_220, "3 h 07 min"),
        (DAY - 1, "23 h 59 min"),
        (DAY, "1 d 00 h"),
        (100 * DAY + 3600, "100 d 01 h"),
    ],
)
def test_two_units_rounded_down(seconds: float, said: str) -> None:
    assert duration(seconds) == said


@given(st.floats(0, 1e9))
def test_no_more_is_said_to_be_left_than_there_is(seconds: float) -> None:
    units = {"s": 1, "min": 60, "h": 3600, "d": DAY}
    words = duration(seconds).split()
    said = sum(int(number) * units[unit] for number, unit in zip(words[::2], words[1::2], strict=True))
    assert said <= seconds < said + {"s": 1, "min": 60, "h": 3600}[words[-1]]


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0.0 ms"),
        (0.0004, "0.4 ms"),
        (0.0094, "9.4 ms"),
        (0.0095, "10 ms"),
        (0.084, "84 ms"),
        (0.9994, "999 ms"),
        (0.9995, "1.00 s"),
        (10.004, "10.00 s"),
    ],
)
def test_an_answer_of_sts_took_so_long(seconds: float, said: str) -> None:
    assert took(seconds) == said
