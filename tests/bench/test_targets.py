"""PASS, FAIL, or not measured: what each target makes of a run's tables."""

from typing import Any

import pytest

from bench.targets import CONTAINER, FOOTPRINT, IMDS, WORDS, Verdict, verdicts

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


def speed(server: str, cpu_us: float, way: str = "kept", clients: int = 16) -> dict[str, Any]:
    return {"server": server, "connections": way, "clients": clients, "per_second": 1e6 / cpu_us, "cpu_us": cpu_us}


def test_a_run_that_measured_nothing_passes_nothing() -> None:
    assert {one.passed for one in verdicts({"servers": SERVERS})} == {None}


@pytest.mark.parametrize("ours", [CONTAINER, IMDS])
@pytest.mark.parametrize(
    ("way", "clients", "own", "passed"),
    [
        ("kept", 16, 40, True),
        ("kept", 1000, 40.1, False),
        ("new", 256, 55.5, True),
        ("new", 16, 56, False),
        ("kept", 1, 83.3, True),
        ("new", 1, 83.4, False),
    ],
)
def test_cpu_per_request_is_compared_with_the_peer_that_uses_least_and_with_no_bound(
    ours: str, way: str, clients: int, own: float, passed: bool
) -> None:
    beside = {"slow peer": 900, "imds-broker": 100, "bound": 1}
    rows = [speed(server, cpu, way, clients) for server, cpu in {ours: own, **beside}.items()]
    found = judged(f"{ours}: CPU per request, {WORDS[way]}, {clients:,} client", throughput=rows)
    assert found.passed is passed
    assert "imds-broker" in found.found


def p99(low: float, high: float, server: str = CONTAINER, to_itself: float = 1.0, **load: int) -> dict[str, Any]:
    row = {"server": server, "connections": "kept", "peer": "imds-broker", "p99": 1.0, "peers_p99": 1.0}
    row |= {"ratio": (low + high) / 2, "low": low, "high": high, "peer_to_itself": to_itself, "slices": 6}
    return {**row, **(load or {"rate": 200})}


@pytest.mark.parametrize(
    ("low", "high", "passed"),
    [(0.9, 1.05, True), (1.06, 1.2, False), (0.8, 1.6, True), (0.5, 2.0, None), (1.06, 2.5, False)],
)
def test_a_p99_is_worse_where_its_whole_interval_lies_above_the_margin(
    low: float, high: float, passed: bool | None
) -> None:
    found = judged(f"{CONTAINER}: p99", p99=[p99(0.5, 0.6, clients=16), p99(low, high), p99(8, 9, server=IMDS)])
    assert found.passed is passed
    assert ("kept connections, 200 a second" in found.found) is (high > 1.05)
    assert (f"{low:.2f} to {high:.2f}" in found.found) is (high > 1.05)


@pytest.mark.parametrize(("to_itself", "passed"), [(1.0, False), (1.2, True), (1 / 1.2, True)])
def test_a_peer_that_differs_from_itself_widens_the_margin(to_itself: float, passed: bool) -> None:
    assert judged(f"{CONTAINER}: p99", p99=[p99(1.15, 1.4, to_itself=to_itself)]).passed is passed


@pytest.mark.parametrize(("low", "high"), [(0.5, 0.5), (3.0, 3.0)])
def test_few_slices_tell_nothing(low: float, high: float) -> None:
    assert judged(f"{CONTAINER}: p99", p99=[p99(low, high) | {"slices": 5}]).passed is None


def test_no_noise_makes_a_server_pass_that_is_worse_by_more_than_a_quarter() -> None:
    assert judged(f"{CONTAINER}: p99", p99=[p99(1.26, 1.4, to_itself=3.0)]).passed is False


@pytest.mark.parametrize(
    ("work", "held", "collecting", "passed"),
    [
        ("a refresh by TLS", 0.4, 0.1, True),
        ("a refresh by HTTP", 0.41, 0.1, False),
        ("a scrape", 0.5, 0.5, True),
        ("a scrape", 0.1, 0.51, False),
    ],
)
def test_a_hold_of_the_loop_is_judged_without_the_handshakes_one_call(
    work: str, held: float, collecting: float, passed: bool
) -> None:
    row = {"work": work, "times": 20, "held_ms": held, "longest_ms": 0.7, "usual_ms": 0.1}
    row |= {"collecting_ms": collecting, "handshake_ms": 1.2}
    found = judged(f"longest hold of the event loop, {work}", holds=[row])
    assert found.passed is passed
    assert "SSL_do_handshake apart, 1.20 ms" in found.found


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


@pytest.mark.parametrize(("target", "figure", "most"), [(name, figure, most) for name, figure, most, _ in FOOTPRINT])
def test_the_footprint_is_held_against_its_budget(target: str, figure: str, most: float) -> None:
    assert judged(target, footprint={figure: most}).passed is True
    assert judged(target, footprint={figure: most + 0.01}).passed is False
    assert judged(target, footprint={}).passed is None


@pytest.mark.parametrize(("grown", "passed"), [(0.9, True), (-0.9, True), (1.1, False), (-1.1, False)])
def test_growth_is_held_against_a_mebibyte_either_way(grown: float, passed: bool) -> None:
    work = {"growth, requests": 1e6, "growth, refreshes": 1e3}
    assert judged("growth", footprint={"growth, MiB": grown} | work).passed is passed
    assert judged("growth", footprint={}).passed is None
