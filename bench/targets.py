"""What was promised, and whether this run kept it: pure, from the tables of results.json."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Results = Mapping[str, Any]
Row = Mapping[str, Any]

CONTAINER = "irsa-sidecar, container endpoint"
IMDS = "irsa-sidecar, IMDSv2"
KEPT_TIMES, NEW_TIMES = 2.0, 1.1
JUDGED_AT = 16
"""Clients. This is where the promise was made; more or fewer are shown."""
REFRESH_TIMES = 1.5
RSS_MIB, CPU_S, WAKE_UPS = 44, 0.30, 2
GROWTH, GROWTH_MIB = "growth of memory under load", 1
NOISE = 1.05
"""Two equal servers differ by this much from run to run, so a p99 within it is no worse."""
WORDS = {"kept": "kept connections", "new": "a connection per request"}


@dataclass(frozen=True, slots=True)
class Verdict:
    """One target. `passed` is None when this run did not measure it."""

    target: str
    wanted: str
    found: str
    passed: bool | None


def verdicts(results: Results) -> list[Verdict]:
    """All targets, in the order of their promise."""
    return [
        *_throughput(results, CONTAINER, _peers(results)),
        *_throughput(results, IMDS, {"imds-broker"} & _peers(results)),
        _p99(results),
        _refresh(results),
        _burst(results),
        _outage(results),
        _expired(results),
        *(_sigterm(results, way) for way in WORDS),
        *_footprint(results),
    ]


def _peers(results: Results) -> set[str]:
    return {server["server"] for server in results["servers"] if server["kind"] == "peer"}


def fastest(rows: Sequence[Row], peers: set[str]) -> Row | None:
    """The row of the peer that answered most."""
    return max((row for row in rows if row["server"] in peers), key=lambda row: row["per_second"], default=None)


def _cells(results: Results, table: str, column: str) -> Iterator[tuple[str, Any, list[Row]]]:
    """Rows that compare with each other: way of connecting, clients or rate, one row a server."""
    rows = results.get(table, [])
    for way in WORDS:
        for value in sorted({row[column] for row in rows}):
            yield way, value, [row for row in rows if row["connections"] == way and row[column] == value]


def _of(rows: Sequence[Row], server: str) -> Row | None:
    return next((row for row in rows if row["server"] == server), None)


def _throughput(results: Results, ours: str, peers: set[str]) -> Iterator[Verdict]:
    """One for each way of connecting, judged at 16 clients; the other counts are shown beside it."""
    for way, times in (("kept", KEPT_TIMES), ("new", NEW_TIMES)):
        found = [
            (clients, own["per_second"], best)
            for of, clients, rows in _cells(results, "throughput", "clients")
            if of == way and (own := _of(rows, ours)) and (best := fastest(rows, peers)) and best["per_second"]
        ]
        ratios = {clients: own / best["per_second"] for clients, own, best in found}
        against = " or ".join(dict.fromkeys(best["server"] for _, _, best in found)) or "the fastest peer"
        yield Verdict(
            f"{ours}: throughput, {WORDS[way]}, {JUDGED_AT} clients",
            f">= {times} x {against}",
            _ratios(found) if found else "not measured",
            ratios[JUDGED_AT] >= times if JUDGED_AT in ratios else None,
        )


def _ratios(found: Sequence[tuple[int, float, Row]]) -> str:
    judged = [f"{own / best['per_second']:.2f} x ({own:,.0f} a second)" for at, own, best in found if at == JUDGED_AT]
    others = [f"{at:,}: {own / best['per_second']:.2f} x" for at, own, best in found if at != JUDGED_AT]
    return "; ".join([*judged, *(["with other clients " + ", ".join(others)] if others else [])])


def _p99(results: Results) -> Verdict:
    """Beside the fastest peer of the row; at a fixed rate all are as fast, so beside the one with the lowest p99."""
    peers, worse, count = _peers(results), [], 0
    for table, column in (("throughput", "clients"), ("fixed", "rate")):
        for way, value, rows in _cells(results, table, column):
            own, best = _of(rows, CONTAINER), _rival(table, rows, peers)
            if own is None or best is None:
                continue
            count += 1
            if own["p99"] > best["p99"] * NOISE:
                unit = "clients" if column == "clients" else "a second"
                worse.append(f"{WORDS[way]}, {value} {unit}: {own['p99']:.2f} against {best['p99']:.2f} ms")
    found = f"{count - len(worse)} of {count} rows" + ("; " + "; ".join(worse) if worse else "")
    return Verdict("p99 beside the fastest peer", "no worse in any row", found, not worse if count else None)


def _rival(table: str, rows: Sequence[Row], peers: set[str]) -> Row | None:
    if table == "throughput":
        return fastest(rows, peers)
    return min(
        (row for row in rows if row["server"] in peers and row["answers"]), key=lambda row: row["p99"], default=None
    )


def _refresh(results: Results) -> Verdict:
    row = _of(results.get("refresh", []), CONTAINER)
    name, wanted = "p99 while a refresh is under way", f"<= {REFRESH_TIMES} x the p99 between refreshes"
    if row is None or not row["answers_during"]:
        return Verdict(name, wanted, "not measured", None)
    during, between = row["during"]["p99"], row["between"]["p99"]
    found = f"{during / between:.2f} x ({during:.2f} against {between:.2f} ms; {row['refreshes']} refreshes)"
    return Verdict(name, wanted, found, during <= REFRESH_TIMES * between and not row["errors"])


def _burst(results: Results) -> Verdict:
    row = _of(results.get("burst", []), CONTAINER)
    if row is None:
        return Verdict("STS calls for 200 first requests", "1, no error", "not measured", None)
    errors = sum(row["errors"].values())
    return Verdict(
        "STS calls for 200 first requests",
        "1, no error",
        f"{row['calls']}, {errors} errors, slowest {row['slowest_ms']:.0f} ms",
        row["calls"] == 1 and not errors,
    )


def _outage(results: Results) -> Verdict:
    row = _of(results.get("outage", []), CONTAINER)
    name, wanted = "STS away for a credential's last ten minutes", "no client error"
    if row is None:
        return Verdict(name, wanted, "not measured", None)
    window = f"{min(600, row['life'])} s, one request a second"
    return Verdict(name, wanted, f"{row['errors']} of {row['polls']} ({window})", not row["errors"])


def _expired(results: Results) -> Verdict:
    rows = [row for row in results.get("outage", []) if row["server"] in (CONTAINER, IMDS)]
    served = sum(row["expired_credentials_served"] for row in rows)
    statuses = {row["status_one_second_after"] for row in rows}
    found = f"{', '.join(map(str, sorted(statuses)))}; {served} served" if rows else "not measured"
    passed = not served and 200 not in statuses if rows else None
    return Verdict("one second after expiry", "no 200, no expired credentials", found, passed)


def _sigterm(results: Results, way: str) -> Verdict:
    rows = [row for row in results.get("sigterm", []) if row["connections"] == way]
    row, name = _of(rows, CONTAINER), f"SIGTERM, {WORDS[way]}"
    if row is None:
        return Verdict(name, "no client error", "not measured", None)
    under_way, later = sum(row["errors_under_way"].values()), sum(row["errors_later"].values())
    found = f"{under_way} of {row['under_way']} under way, {later} after {row['answered_later']:,} later answers"
    return Verdict(name, "no client error", found, under_way + later == 0)


def _footprint(results: Results) -> Iterator[Verdict]:
    found: Mapping[str, float] = results.get("footprint") or {}
    for name, key, most, unit in (
        ("memory when idle", "RSS when idle, MiB", RSS_MIB, "MiB RSS"),
        ("CPU until the first served credential", "CPU until then, s", CPU_S, "s"),
        ("wake-ups when idle", "voluntary context switches when idle, per s", WAKE_UPS, "a second"),
    ):
        value = found.get(key)
        shown = "not measured" if value is None else f"{value:.2f} {unit}"
        yield Verdict(name, f"<= {most} {unit}", shown, None if value is None else value <= most)
    yield _growth(found)


def _growth(found: Mapping[str, float]) -> Verdict:
    grown, wanted = found.get("growth, MiB"), f"at most {GROWTH_MIB} MiB either way"
    if grown is None:
        return Verdict(GROWTH, wanted, "not measured", None)
    work = f"{found['growth, requests']:,.0f} requests, {found['growth, refreshes']:,.0f} refreshes"
    return Verdict(GROWTH, wanted, f"{grown:+.2f} MiB after {work}", abs(grown) <= GROWTH_MIB)
