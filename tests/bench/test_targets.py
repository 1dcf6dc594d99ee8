"""PASS, FAIL, or not measured: what each target makes of a run's tables."""

from typing import Any

import pytest

from bench.targets import CONTAINER, IMDS, WORDS, Verdict, verdicts

SERVERS = [
    {"server": CONTAINER, "kind": "ours"},
    {"server": IMDS, "kind": "ours"},
    {"server": "imds-broker", "kind": "peer"},
    {"server": "slow peer", "kind": "peer"},
    {"server": "bound", "kind": "bound"},
]


def judged(target: str, **tables: Any) -> Verdict:
    (found,) = [one for one in verdicts({"servers": SERVERS, **tables}) if one.target.startswith(target)]
    return found


def speed(server: str, per_second: float, p99: float = 1.0, way: str = "kept") -> dict[str, Any]:
    return {
        "server": server,
        "connections": way,
        "clients": 16,
        "per_second": per_second,
        "answers": int(per_second),
        "p99": p99,
    }


def test_a_run_that_measured_nothing_passes_nothing() -> None:
    assert {one.passed for one in verdicts({"servers": SERVERS})} == {None}


@pytest.mark.parametrize(("way", "own", "passed"), [("kept", 200, True), ("kept", 199, False), ("new", 110, True)])
def test_throughput_is_compared_with_the_fastest_peer_and_with_no_bound(way: str, own: float, passed: bool) -> None:
    peers = [speed("slow peer", 10, way=way), speed("imds-broker", 100, way=way), speed("bound", 9999, way=way)]
    found = judged(f"{CONTAINER}: throughput, {WORDS[way]}", throughput=[speed(CONTAINER, own, way=way), *peers])
    assert found.passed is passed
    assert "imds-broker" in found.wanted


def test_imds_is_compared_with_the_peer_that_speaks_it() -> None:
    rows = [speed(IMDS, 150), speed("imds-broker", 70), speed("slow peer", 100)]
    assert judged(f"{IMDS}: throughput, kept", throughput=rows).passed is True


def test_sixteen_clients_are_judged_and_the_others_are_shown() -> None:
    few = [row | {"clients": 1} for row in (speed(CONTAINER, 100), speed("imds-broker", 100))]
    rows = [speed(CONTAINER, 200), speed("imds-broker", 100), *few]
    found = judged(f"{CONTAINER}: throughput, kept", throughput=rows)
    assert found.passed is True
    assert "1: 1.00 x" in found.found


@pytest.mark.parametrize(("own", "passed"), [(1.05, True), (1.06, False)])
def test_a_p99_that_is_worse_than_the_fastest_peers_is_named(own: float, passed: bool) -> None:
    rows = [speed(CONTAINER, 500, own), speed("imds-broker", 100, 1.0), speed("slow peer", 50, 0.1)]
    found = judged("p99 beside", throughput=rows)
    assert found.passed is passed
    assert ("kept connections, 16 clients" in found.found) is not passed


def test_at_a_fixed_rate_the_rival_is_the_peer_with_the_lowest_p99() -> None:
    rows = [speed(CONTAINER, 200, 0.5), speed("imds-broker", 200, 1.0), speed("slow peer", 200, 0.4)]
    fixed = [{"rate": 200, **row} for row in rows]
    assert judged("p99 beside", fixed=fixed).passed is False


@pytest.mark.parametrize(
    ("during", "errors", "passed"), [(1.5, {}, True), (1.6, {}, False), (1.0, {"reset": 1}, False)]
)
def test_a_refresh_may_cost_half_as_much_again(during: float, errors: dict[str, int], passed: bool) -> None:
    row = {"server": CONTAINER, "answers_during": 9, "refreshes": 3, "errors": errors}
    found = judged("p99 while", refresh=[{**row, "during": {"p99": during}, "between": {"p99": 1.0}}])
    assert found.passed is passed


@pytest.mark.parametrize(("calls", "errors", "passed"), [(1, {}, True), (2, {}, False), (1, {"status 503": 1}, False)])
def test_a_burst_costs_one_call_and_no_error(calls: int, errors: dict[str, int], passed: bool) -> None:
    row = {"server": CONTAINER, "calls": calls, "errors": errors, "slowest_ms": 500}
    assert judged("STS calls", burst=[row]).passed is passed


def lost(server: str, **more: Any) -> dict[str, Any]:
    row = {"server": server, "life": 620, "polls": 590, "errors": 0, "expired_credentials_served": 0}
    return {**row, "status_one_second_after": 503, **more}


def test_one_error_in_an_outage_is_too_many() -> None:
    assert judged("STS away", outage=[lost(CONTAINER)]).passed is True
    assert judged("STS away", outage=[lost(CONTAINER, errors=1)]).passed is False


@pytest.mark.parametrize("bad", [{"status_one_second_after": 200}, {"expired_credentials_served": 1}])
def test_nothing_expired_may_be_served_by_any_face(bad: dict[str, int]) -> None:
    assert judged("one second after", outage=[lost(CONTAINER), lost(IMDS)]).passed is True
    assert judged("one second after", outage=[lost(CONTAINER), lost(IMDS, **bad)]).passed is False


@pytest.mark.parametrize("where", ["errors_under_way", "errors_later"])
def test_an_error_at_the_end_counts_wherever_it_happens(where: str) -> None:
    row = {"server": CONTAINER, "connections": "new", "under_way": 16, "answered_later": 100}
    fine = row | {"errors_under_way": {}, "errors_later": {}}
    assert judged("SIGTERM, a connection", sigterm=[fine]).passed is True
    assert judged("SIGTERM, a connection", sigterm=[fine | {where: {"reset": 1}}]).passed is False


def test_the_footprint_is_held_against_its_budget() -> None:
    assert judged("memory", footprint={"RSS when idle, MiB": 44.0}).passed is True
    assert judged("memory", footprint={"RSS when idle, MiB": 44.1}).passed is False
    assert judged("wake-ups", footprint={"RSS when idle, MiB": 44.0}).passed is None


@pytest.mark.parametrize(("grown", "passed"), [(0.9, True), (-0.9, True), (1.1, False), (-1.1, False)])
def test_growth_is_held_against_a_mebibyte_either_way(grown: float, passed: bool) -> None:
    work = {"growth, requests": 1e6, "growth, refreshes": 1e3}
    assert judged("growth", footprint={"growth, MiB": grown} | work).passed is passed
    assert judged("growth", footprint={}).passed is None
