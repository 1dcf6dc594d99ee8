"""A short run of the fuzzer, and proof that it would notice."""

import random
from collections import Counter

import pytest

from tests.http.fuzz import _judge, fuzz, mutant
from tests.http.peer import request
from tests.needs import on_linux


@on_linux
async def test_seven_seconds_of_broken_requests_break_nothing() -> None:
    report = await fuzz(seconds=7, seed=20261123)
    assert report.complaints == []
    assert report.connections > 100
    assert len(report.statuses) > 7, "it reaches little"


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        (request(), b"HTTP/1.1 500 Internal Server Error\r\n\r\n"),
        (request(), b"hello"),
        (request(), b"HTTP/1.1 200 OK\r\n\r\n" * 2),
        (b"GET / HTTP/1.1\r\nHost : a\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n"),
        (b"GET / HTTP/1.1\nHost: a\n\n", b"HTTP/1.1 200 OK\r\n\r\n"),
    ],
)
def test_the_fuzzer_notices_a_wrong_answer(sent: bytes, said: bytes) -> None:
    assert _judge(sent, said, Counter()) != []


def test_the_same_seed_makes_the_same_mutants() -> None:
    assert [mutant(random.Random(7)) for _ in range(9)] == [mutant(random.Random(7)) for _ in range(9)]
