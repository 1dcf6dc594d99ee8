"""What was promised, and whether this run kept it: pure, from the tables of results.json."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Results = Mapping[str, Any]
Row = Mapping[str, Any]

CONTAINER = "irsa-sidecar, container endpoint"
IMDS = "irsa-sidecar, IMDSv2"
TIMES_LESS = {"kept": 2.5, "new": 1.8}
"""CPU per request, beside the peer that uses least."""
ALONE, TIMES_LESS_ALONE = 1, 1.2
"""A single client is never waited for: most of what its request costs is the kernel's."""
MARGIN, MOST_MARGIN = 1.05, 1.25
"""A p99 that is so many times another's is no worse; the greater where the peer differs as much from itself."""
LEAST_SLICES = 6
"""From fewer no interval can be told."""
TOLD_BELOW = 2
"""An interval that reaches so far says neither PASS nor FAIL: the server might be twice as slow."""
REFRESH_HOLD_MS, SCRAPE_HOLD_MS = 0.4, 0.5
RSS_MIB, CPU_S, WAKE_UPS = 41, 0.26, 1
ROLES, ROLES_MIB = 50, 1.5
CREDENTIAL_PROCESS_S, HEALTHCHECK_S = 0.06, 0.03
GROWTH, GROWTH_MIB = "growth of memory under load", 1
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
        *_cpu_per_request(results, CONTAINER),
        *_cpu_per_request(results, IMDS),
        _p99(results, CONTAINER),
        _p99(results, IMDS),
        *_holds(results),
        _burst(results),
        _outage(results),
        _expired(results),
        *(_sigterm(results, way) for way in WORDS),
        *_footprint(results),
    ]


def _peers(results: Results) -> set[str]:
    return {server["server"] for server in results["servers"] if server["kind"] == "peer"}


def _of(rows: Sequence[Row], server: str) -> Row | None:
    return next((row for row in rows if row["server"] == server), None)


def _cpu_per_request(results: Results, ours: str) -> Iterator[Verdict]:
    """One for each way of connecting and number of clients."""
    table, peers = results.get("throughput", []), _peers(results)
    for way in WORDS:
        for clients in sorted({row["clients"] for row in table}):
            rows = [row for row in table if row["connections"] == way and row["clients"] == clients]
            least = min((row for row in rows if row["server"] in peers), key=lambda row: row["cpu_us"], default=None)
            yield _cheaper(way, clients, _of(rows, ours), least, ours)
    if not table:
        yield Verdict(f"{ours}: CPU per request", "less than the peers", "not measured", None)


def _cheaper(way: str, clients: int, own: Row | None, peer: Row | None, ours: str) -> Verdict:
    times = TIMES_LESS_ALONE if clients == ALONE else TIMES_LESS[way]
    target = f"{ours}: CPU per request, {WORDS[way]}, {clients:,} client{'s' * (clients > 1)}"
    wanted = f"{times} times less than the best peer"
    if own is None or peer is None or not own["cpu_us"]:
        return Verdict(target, wanted, "not measured", None)
    found = peer["cpu_us"] / own["cpu_us"]
    beside = (
        f"{found:.2f} times less than {peer['server']}: {own['cpu_us']:.1f} against {peer['cpu_us']:.1f} µs; "
        f"{own['per_second']:,.0f} against {peer['per_second']:,.0f} answers a second"
    )
    return Verdict(target, wanted, beside, found >= times)


def _p99(results: Results, ours: str) -> Verdict:
    """Beside the best peer, row by row. `rows/p99.py` repeats those that are not told."""
    rows = [row for row in results.get("p99", []) if row["server"] == ours]
    target, wanted = f"{ours}: p99 beside the best peer", "no worse in any row"
    if not rows:
        return Verdict(target, wanted, "not measured", None)
    judged = [is_no_worse(row) for row in rows]
    parts = [f"no worse in {judged.count(True)} of {len(rows)} rows"]
    parts += [_beside(row) for row in rows if row["high"] > MARGIN]
    return Verdict(target, wanted, "; ".join(parts), False if False in judged else None if None in judged else True)


def margin(row: Row) -> float:
    """What a p99 may be more than the peer's: as much as two processes of that peer differ, within reason."""
    to_itself = row["peer_to_itself"]
    return float(min(MOST_MARGIN, max(MARGIN, to_itself, 1 / to_itself)))


def is_no_worse(row: Row) -> bool | None:
    """False where the whole interval lies above the margin; None where that says nothing."""
    if row["slices"] < LEAST_SLICES:
        return None
    if row["low"] > margin(row):
        return False
    return None if row["high"] >= TOLD_BELOW else True


def _beside(row: Row) -> str:
    many = f"{row['rate']:,} a second" if "rate" in row else f"{row['clients']:,} clients"
    itself = row["peer_to_itself"]
    return (
        f"{WORDS[row['connections']]}, {many}: {row['p99']:.2f} against {row['peers_p99']:.2f} ms of {row['peer']}, "
        f"{row['ratio']:.2f} x ({row['low']:.2f} to {row['high']:.2f}; that peer to itself {itself:.2f}), "
        f"so {IN_WORDS[is_no_worse(row)]}"
    )


IN_WORDS = {True: "no worse", False: "worse", None: "not told"}
HOLDS = {"a refresh by TLS": REFRESH_HOLD_MS, "a refresh by HTTP": REFRESH_HOLD_MS, "a scrape": SCRAPE_HOLD_MS}


def _holds(results: Results) -> Iterator[Verdict]:
    """How long the event loop serves nobody: the longest turn of nineteen in twenty, by the CPU that it took, and the
    longest collection of garbage.
    """
    rows = {row["work"]: row for row in results.get("holds", [])}
    for work, most in HOLDS.items():
        target, wanted = f"longest hold of the event loop, {work}", f"<= {most} ms"
        row = rows.get(work)
        if row is None:
            yield Verdict(target, wanted, "not measured", None)
        else:
            yield Verdict(target, wanted, _held(row), max(row["held_ms"], row["collecting_ms"]) <= most)


def _held(row: Row) -> str:
    handshake = f"; OpenSSL's SSL_do_handshake apart, {row['handshake_ms']:.2f} ms" if row["handshake_ms"] else ""
    return (
        f"{row['held_ms']:.2f} ms or less in 95% of {row['times']}, usually {row['usual_ms']:.2f}, once "
        f"{row['longest_ms']:.2f}; a garbage collection {row['collecting_ms']:.2f}{handshake}"
    )


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


FOOTPRINT = (
    ("memory when idle", "RSS when idle, MiB", RSS_MIB, "MiB RSS"),
    (f"memory of {ROLES} more roles", f"RSS of {ROLES} more roles, MiB", ROLES_MIB, "MiB RSS"),
    ("CPU until the first served credential", "CPU until then, s", CPU_S, "s"),
    ("wake-ups when idle", "voluntary context switches when idle, per s", WAKE_UPS, "a second"),
    ("CPU of `credential-process`", "CPU of one credential-process, s", CREDENTIAL_PROCESS_S, "s"),
    ("CPU of `healthcheck`", "CPU of one healthcheck, s", HEALTHCHECK_S, "s"),
)
"""Target, the figure's name in the results, the most that it may be, and its unit."""


def _footprint(results: Results) -> Iterator[Verdict]:
    found: Mapping[str, float] = results.get("footprint") or {}
    for name, key, most, unit in FOOTPRINT:
        value = found.get(key)
        shown = "not measured" if value is None else f"{value:.{2 if most >= 1 else 3}f} {unit}"
        yield Verdict(name, f"<= {most} {unit}", shown, None if value is None else value <= most)
    yield _growth(found)


def _growth(found: Mapping[str, float]) -> Verdict:
    grown, wanted = found.get("growth, MiB"), f"at most {GROWTH_MIB} MiB either way"
    if grown is None:
        return Verdict(GROWTH, wanted, "not measured", None)
    work = f"{found['growth, requests']:,.0f} requests, {found['growth, refreshes']:,.0f} refreshes"
    return Verdict(GROWTH, wanted, f"{grown:+.2f} MiB after {work}", abs(grown) <= GROWTH_MIB)
