"""The p99 beside the best peer, with latencies that are made up: who is worse fails, at few requests a second too."""

import itertools
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Any

import pytest

from bench.load import Load
from bench.machine import allows_real_time, real_time
from bench.plan import Plan
from bench.rows import p99
from bench.rows.p99 import AGAIN, Cell, Comparison
from bench.targets import is_no_worse

OURS, PEER, OTHER = "ours", "a peer", "another peer"


@dataclass
class MadeUp:
    """Servers whose latencies are `times` a common one's. A busy machine disturbs all of a slice alike."""

    answers: int
    times: dict[str, float]
    random: Random
    slices_at_once: int = 1
    per_second: dict[str, float] = field(default_factory=dict)
    cell: Cell = field(default_factory=lambda: Cell("new", "rate", 50))
    asked: list[list[str]] = field(default_factory=list)

    async def choice(self, names: Sequence[str]) -> dict[str, Load]:
        return await self.slice(names)

    async def slice(self, names: Sequence[str]) -> dict[str, Load]:
        self.asked.append(list(names))
        disturbed = 0.02 * self.random.random() ** 3
        return {name: self._load(name.removesuffix(AGAIN), disturbed) for name in names}

    def _load(self, name: str, disturbed: float) -> Load:
        latencies = [(self._latency(self.times[name], disturbed), 1.0) for _ in range(self.answers)]
        answered = int(self.per_second.get(name, 100))
        return Load(1.0, self.answers, answered, {}, {}, latencies)

    def _latency(self, times: float, disturbed: float) -> float:
        """A body, a tail of one in thirty, and what the machine adds to some."""
        took = self.random.lognormvariate(-1, 0.3)
        took += self.random.paretovariate(2.2) * 0.3 * (self.random.random() < 1 / 30)
        return times * (took + self.random.expovariate(1) * (self.random.random() < disturbed))


async def row_of(asking: MadeUp, turns: int) -> dict[str, Any]:
    comparison = Comparison(asking, [OURS], [PEER, OTHER])
    await comparison.choose()
    for _ in range(turns):
        await comparison.again()
    ((_, row), *_) = comparison.rows()
    return row


async def verdicts(times: float, answers: int, turns: int, runs: int) -> list[bool | None]:
    """Of so many runs, each with other chances."""
    rows = [
        await row_of(MadeUp(answers, {OURS: times, PEER: 1, OTHER: 1.5}, Random(run)), turns) for run in range(runs)
    ]
    return [is_no_worse(row) for row in rows]


RATES = [(100, 48), (400, 24), (1800, 12)]
"""Answers of a slice, and slices, as a run has them at 50, 200 and 900 requests a second."""


@pytest.mark.parametrize(("answers", "turns"), RATES)
@pytest.mark.parametrize(
    ("times", "passed", "at_least"), [(2.0, False, 10), (1.3, False, 6), (1.0, True, 9), (0.8, True, 10)]
)
async def test_who_is_worse_fails_and_equals_pass(
    times: float, passed: bool, at_least: int, answers: int, turns: int
) -> None:
    assert (await verdicts(times, answers, turns, runs=10)).count(passed) >= at_least


async def test_too_few_answers_tell_nothing_rather_than_that_all_is_well() -> None:
    assert set(await verdicts(1.9, 5, 6, runs=5)) <= {None, False}


async def test_the_peer_is_chosen_by_slices_that_are_not_compared() -> None:
    asking = MadeUp(100, {OURS: 1, PEER: 1, OTHER: 1.5}, Random(1))
    row = await row_of(asking, turns=3)
    assert (row["peer"], row["slices"], row["answers"]) == (PEER, 3, 300)
    assert [set(names) for names in asking.asked] == [{PEER, OTHER}] * 2 + [{OURS, PEER, PEER + AGAIN}] * 3


async def test_a_peer_that_leaves_most_waiting_is_not_taken() -> None:
    asking = MadeUp(100, {OURS: 1, PEER: 1, OTHER: 1.5}, Random(1), per_second={PEER: 49})
    assert (await row_of(asking, turns=2))["peer"] == OTHER


async def test_one_that_looks_worse_is_measured_on_and_one_that_is_better_is_not() -> None:
    for times, told in ((3.0, False), (0.3, True)):
        comparison = Comparison(MadeUp(100, {OURS: times, PEER: 1, OTHER: 1}, Random(2)), [OURS], [PEER, OTHER])
        await comparison.choose()
        for _ in range(8):
            await comparison.again()
        assert comparison.is_told is told


async def test_what_is_left_of_the_time_goes_to_the_row_that_is_known_least(monkeypatch: pytest.MonkeyPatch) -> None:
    equals = {OURS: 1.0, PEER: 1.0, OTHER: 1.5}
    little, much = MadeUp(50, equals, Random(3)), MadeUp(2000, equals, Random(3))
    monkeypatch.setattr(time, "monotonic", itertools.count().__next__)
    comparisons = [Comparison(asking, [OURS], [PEER, OTHER]) for asking in (much, little)]
    await p99._compare(comparisons, replace(Plan(), least_turns=6, p99_for=5))
    assert len(little.asked) - len(much.asked) == 4
    assert len(much.asked) == 2 + 6


def test_servers_come_before_all_else_for_as_long_as_they_are_asked_and_no_longer() -> None:
    """With all of their threads. Where the machine does not allow it, nothing happens."""
    two_threads = "import sys, threading; threading.Thread(target=sys.stdin.read).start(); print(flush=True)"
    expected = os.SCHED_RR if allows_real_time() else os.SCHED_OTHER
    with subprocess.Popen([sys.executable, "-c", two_threads], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        with real_time([child.pid]):
            assert policies(child.pid) == [expected] * 2
        assert policies(child.pid) == [os.SCHED_OTHER] * 2
        child.communicate()


def policies(pid: int) -> list[int]:
    return [os.sched_getscheduler(int(task.name)) for task in Path(f"/proc/{pid}/task").iterdir()]
