"""The README's section on speed, from results.json: `make bench` and `make docs` write it, a test holds it."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench import table, targets

ROOT = Path(__file__).parent.parent
README, RESULTS, PICTURE = ROOT / "README.md", ROOT / "bench" / "results.json", "docs/images/bench.png"
BLOCK = re.compile("(<!-- bench:[^>]*-->\n).*?(<!-- end -->)", re.DOTALL)
AT, RATE = 16, 900
Results = Mapping[str, Any]


def up_to_date(text: str, results: Results) -> str:
    """`text` with its block written anew. Raises ValueError if there is not exactly one."""
    block = section(results).replace("\\", "\\\\")
    text, found = BLOCK.subn(rf"\g<1>{block}\n\g<2>", text)
    if found != 1:
        raise ValueError(f"README.md has {found} blocks named bench; one is needed.")
    return text


def section(results: Results) -> str:
    missing = [f"{name} is missing: {why}" for name, why in results["missing"].items()]
    parts = [
        table.machine(results),
        _servers(results),
        *missing,
        f"![answers a second, latency and memory of each server]({PICTURE})",
        table.targets(targets.verdicts(results)),
    ]
    return "\n\n".join(parts)


def _servers(results: Results) -> str:
    head = (
        "server",
        f"answers/s, {AT} clients, connections kept",
        "a connection each",
        f"p99 at {RATE}/s, a connection each",
        "RSS idle",
        "start to first answer",
        "STS calls, 200 first requests",
        "STS away: last good answer",
    )
    names = [server["server"] for server in results["servers"] if server["server"] not in results["missing"]]
    return table.markdown(head, [_server(results, name) for name in names])


def _server(results: Results, name: str) -> tuple[str, ...]:
    def cell(rows: str, form: str, column: str, **where: Any) -> str:
        found = _row(results, rows, server=name, **where)
        return form.format(found[column]) if found else ""

    lost = _row(results, "outage", server=name)
    return (
        name,
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


def publish() -> None:
    README.write_text(up_to_date(README.read_text(), json.loads(RESULTS.read_text())))


if __name__ == "__main__":
    publish()
