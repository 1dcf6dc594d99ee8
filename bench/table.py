"""The results as text: every table for the terminal, a short one for docs/benchmark.md. Pure."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from bench.targets import IN_WORDS, WORDS, Verdict, is_no_worse

Results = Mapping[str, Any]
Row = Mapping[str, Any]
Cell = Callable[[Row], str]


def markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [tuple(head), tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def everything(results: Results, verdicts: Sequence[Verdict]) -> str:
    """All that was measured, then the targets."""
    parts = [machine(results)]
    for title, text in _tables(results):
        parts.append(f"{title}\n\n{text}")
    missing = [f"{name} is missing: {why}." for name, why in results["missing"].items()]
    if results.get("fleet"):
        parts.append("Fleet\n\n" + results["fleet"].rstrip())
    return "\n\n".join([*parts, *missing, "Targets\n\n" + targets(verdicts)])


def machine(results: Results) -> str:
    what = results["machine"]
    rounds = results["plan"]["rounds"]
    return (
        f"{what['cpu']}, {what['cores']} cores, {what['memory_gib']} GiB, Linux {what['kernel']}, "
        f"Python {what['python']}, Go {what['go']}; servers on one core, load on another, {what['network']}; "
        f"load average before: {what['load_before']}; medians of {rounds} rounds."
    )


def targets(verdicts: Sequence[Verdict]) -> str:
    words = {True: "PASS", False: "**FAIL**", None: "not measured"}
    rows = [(words[one.passed], one.target, one.wanted, one.found) for one in verdicts]
    return markdown(("", "target", "wanted", "found"), rows)


def _tables(results: Results) -> Iterator[tuple[str, str]]:
    for name, across, title, cell in GRIDS:
        for way, words in WORDS.items():
            rows = [row for row in results.get(name, []) if row["connections"] == way]
            if rows:
                yield title.format(words), _grid(rows, across, cell)
    if results.get("wrk"):
        yield "The same by wrk, 16 clients, answers a second", _grid(results["wrk"], "connections", _count)
    for name, (title, columns) in COLUMNS.items():
        if results.get(name):
            yield title, listed(results[name], columns)
    if results.get("holds"):
        yield "The longest turn of the event loop in each refresh, or scrape", _holds(results["holds"])
    yield from _footprint(results)
    yield "Servers", _servers(results)


def _holds(rows: Sequence[Row]) -> str:
    numbers = ("usual_ms", "held_ms", "longest_ms", "collecting_ms", "handshake_ms")
    lines = [(row["work"], str(row["times"]), *(f"{row[number]:.2f}" for number in numbers)) for row in rows]
    head = ("usually, ms", "95%, ms", "the longest, ms", "garbage collection, ms", "SSL_do_handshake, ms")
    return markdown(("work", "times", *head), lines)


def _footprint(results: Results) -> Iterator[tuple[str, str]]:
    if results.get("footprint"):
        rows = [(name, f"{value:,.2f}") for name, value in results["footprint"].items()]
        yield "Footprint of irsa-sidecar (bench/footprint.py, bench/growth.py)", markdown(("figure", "median"), rows)
    if results.get("imports"):
        lines = [
            (cost["name"], f"{cost['rss']:.2f}", f"{cost['anonymous']:.2f}", f"{cost['cpu'] * 1000:.0f}")
            for cost in results["imports"]
        ]
        head = ("what is added, in this order", "MiB resident", "of it the process's own", "CPU, ms")
        yield "Every megabyte of irsa-sidecar", markdown(head, lines)


def _grid(rows: Sequence[Row], across: str, cell: Cell) -> str:
    values = list(dict.fromkeys(row[across] for row in rows))
    servers = list(dict.fromkeys(row["server"] for row in rows))
    found = {(row["server"], row[across]): cell(row) for row in rows}
    lines = [(server, *(found.get((server, value), "") for value in values)) for server in servers]
    return markdown((f"server \\ {across}", *map(str, values)), lines)


def listed(rows: Sequence[Row], columns: Mapping[str, Cell]) -> str:
    return markdown(("server", *columns), [(row["server"], *(cell(row) for cell in columns.values())) for row in rows])


def _servers(results: Results) -> str:
    lines = []
    for server in results["servers"]:
        said = [f"{row}: {why}" for row, why in server["not_for"].items()]
        said += [server["note"]] if server["note"] else []
        lines.append((server["server"], server["version"], str(server["document_bytes"] or ""), "; ".join(said)))
    return markdown(("server", "version", "document, bytes", "rows that do not apply, and other remarks"), lines)


def _speed(row: Row) -> str:
    return f"{row['per_second']:,.0f} ({_latency(row)})"


def _latency(row: Row) -> str:
    errors = sum(row["errors"].values())
    return " / ".join(f"{row[name]:.2f}" for name in ("p50", "p99", "p99.9")) + (f"; {errors} errors" if errors else "")


def _cpu(row: Row) -> str:
    return f"{row['cpu_us']:.0f}"


def _count(row: Row) -> str:
    return f"{row['per_second']:,.0f}"


def _errors(row: Row, name: str = "errors") -> str:
    return ", ".join(f"{count} {kind}" for kind, count in row[name].items()) or "0"


def last_good(row: Row) -> str:
    left = row["last_good_answer_s_before_the_end"]
    return "never" if left is None else f"{left:.0f} s before expiry"


GRIDS: tuple[tuple[str, str, str, Cell], ...] = (
    ("throughput", "clients", "Answers a second, {}; in brackets p50 / p99 / p99.9 in ms", _speed),
    ("throughput", "clients", "The server's CPU for each request, {}, in microseconds", _cpu),
    ("fixed", "rate", "At so many requests a second, {}: p50 / p99 / p99.9 in ms", _latency),
)
COLUMNS: dict[str, tuple[str, dict[str, Cell]]] = {
    "startup": ("From start to the first 200", {"s": lambda row: f"{row['served_after_s']:.2f}"}),
    "idle": (
        "Idle",
        {
            "RSS, MiB": lambda row: f"{row['rss_mib']:.1f}",
            "PSS, MiB": lambda row: f"{row['pss_mib']:.1f}",
            "CPU, ms/s": lambda row: f"{row['cpu_ms_per_s']:.2f}",
            "processes": lambda row: str(row["processes"]),
        },
    ),
    "p99": (
        "p99 beside the best peer, in ms; the ratio with its interval, and that of the peer to its own second process",
        {
            "connections": lambda row: row["connections"],
            "load": lambda row: f"{row['rate']:,} a second" if "rate" in row else f"{row['clients']:,} clients",
            "p99": lambda row: f"{row['p99']:.2f}",
            "peer": lambda row: row["peer"],
            "its p99": lambda row: f"{row['peers_p99']:.2f}",
            "ratio": lambda row: f"{row['ratio']:.2f} ({row['low']:.2f} to {row['high']:.2f})",
            "peer to itself": lambda row: f"{row['peer_to_itself']:.2f}",
            "answers": lambda row: f"{row['answers']:,}",
            "": lambda row: IN_WORDS[is_no_worse(row)],
        },
    ),
    "burst": (
        "200 first requests at once, STS takes 500 ms",
        {
            "STS calls": lambda row: str(row["calls"]),
            "before it could be asked": lambda row: str(row["before_it_could_be_asked"]),
            "slowest answer, ms": lambda row: f"{row['slowest_ms']:.0f}",
            "answers": lambda row: str(row["answers"]),
            "errors": _errors,
        },
    ),
    "outage": (
        "STS answers once and is gone; one request a second",
        {
            "sessions, s": lambda row: str(row["life"]),
            "errors in the last 10 min": lambda row: f"{row['errors']} of {row['polls']}",
            "last good answer": last_good,
            "1 s after expiry": lambda row: str(row["status_one_second_after"] or "no answer in 2 s"),
            "expired credentials served": lambda row: str(row["expired_credentials_served"]),
        },
    ),
    "sigterm": (
        "SIGTERM, 16 clients asking",
        {
            "connections": lambda row: row["connections"],
            "under way": lambda row: str(row["under_way"]),
            "of these failed": lambda row: _errors(row, "errors_under_way"),
            "answered later": lambda row: f"{row['answered_later']:,}",
            "failed later": lambda row: _errors(row, "errors_later"),
        },
    ),
}
