"""The tables of docs/benchmark.md and the README's sentence on speed, from results.json: `make docs` writes both."""

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from bench import table, targets

ROOT = Path(__file__).parent.parent
README, PAGE, RESULTS = ROOT / "README.md", ROOT / "docs" / "benchmark.md", ROOT / "bench" / "results.json"
PICTURE = ROOT / "docs" / "images" / "bench.png"
BLOCK = re.compile("(<!-- bench:[^>]*-->\n).*?(<!-- end -->)", re.DOTALL)
AT, RATE = 16, 900
Results = Mapping[str, Any]


def up_to_date(page: Path, results: Results) -> str:
    """The page's text with its block written anew. Raises ValueError if there is not exactly one."""
    block = WRITTEN[page](results)
    text, found = BLOCK.subn(lambda found: f"{found[1]}{block}\n{found[2]}", page.read_text())
    if found != 1:
        raise ValueError(f"{page.name} has {found} blocks named bench; one is needed.")
    return text


def summary(results: Results) -> str:
    """Speed, memory, targets and what was measured, in two lines."""
    peers = [name for name in _present(results, "peer") if _row(results, "throughput", server=name)]
    beside = "; ".join("{}: {}, {} and {}".format(name, *_in_short(results, name)) for name in peers)
    cost, rate, memory = _in_short(results, targets.CONTAINER)
    judged = [verdict.passed for verdict in targets.verdicts(results) if verdict.passed is not None]
    met = f"{sum(judged)} of {len(judged)} targets"
    return (
        f"With {AT} clients on kept connections a request takes {cost} of CPU, one core answers {rate}, and it "
        f"uses {memory} ({beside}).\n"
        f"It meets {met}, measured at commit {results['commit']} on {results['made']}: "
        "[docs/benchmark.md](docs/benchmark.md)."
    )


def _present(results: Results, *kinds: str) -> list[str]:
    found = [server["server"] for server in results["servers"] if server["kind"] in kinds]
    return [name for name in found if name not in results["missing"]]


def _in_short(results: Results, name: str) -> tuple[str, str, str]:
    row = _row(results, "throughput", server=name, connections="kept", clients=AT)
    memory = _row(results, "idle", server=name)["rss_mib"]
    return f"{row['cpu_us']:.0f} microseconds", f"{row['per_second']:,.0f} a second", f"{memory:.0f} MiB"


def section(results: Results) -> str:
    missing = [f"{name} is missing: {why}." for name, why in results["missing"].items()]
    parts = [
        f"Measured at commit {results['commit']} on {results['made']}; what changed later is not in these figures.",
        table.machine(results),
        _servers(results),
        *missing,
        f"![CPU, requests per second, latency and memory of each server]({PICTURE.relative_to(PAGE.parent)})",
        table.targets(targets.verdicts(results)),
        *_p99(results),
    ]
    return "\n\n".join(parts)


def _p99(results: Results) -> list[str]:
    """Each row against its noise."""
    if not results.get("p99"):
        return []
    title, columns = table.COLUMNS["p99"]
    return [f"{title}:", table.listed(results["p99"], columns)]


def _servers(results: Results) -> str:
    head = (
        "server",
        f"CPU per request, {AT} clients, kept connections",
        "a connection each",
        "answers a second, kept connections",
        "a connection each",
        f"p99 at {RATE} a second, a connection each",
        "memory when idle",
        "start to first answer",
        "STS calls for 200 first requests",
        "last good answer when STS is away",
    )
    names = _present(results, "ours", "peer", "bound")
    return table.markdown(head, [_server(results, name) for name in names])


def _server(results: Results, name: str) -> tuple[str, ...]:
    def cell(rows: str, form: str, column: str, **where: Any) -> str:
        found = _row(results, rows, server=name, **where)
        return form.format(found[column]) if found else ""

    lost = _row(results, "outage", server=name)
    return (
        name,
        cell("throughput", "{:.1f} µs", "cpu_us", connections="kept", clients=AT),
        cell("throughput", "{:.1f} µs", "cpu_us", connections="new", clients=AT),
        cell("throughput", "{:,.0f}", "per_second", connections="kept", clients=AT),
        cell("throughput", "{:,.0f}", "per_second", connections="new", clients=AT),
        cell("fixed", "{:.2f} ms", "p99", connections="new", rate=RATE),
        cell("idle", "{:.0f} MiB", "rss_mib"),
        cell("startup", "{:.2f} s", "served_after_s"),
        cell("burst", "{}", "calls"),
        table.last_good(lost) if lost else "",
    )


def _row(results: Results, rows: str, **where: Any) -> Mapping[str, Any]:
    return next((row for row in results.get(rows, []) if where.items() <= row.items()), {})


WRITTEN: Mapping[Path, Callable[[Results], str]] = {README: summary, PAGE: section}


def publish() -> None:
    results = json.loads(RESULTS.read_text())
    for page in WRITTEN:
        page.write_text(up_to_date(page, results))


if __name__ == "__main__":
    publish()
