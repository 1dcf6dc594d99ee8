"""`make bench`: makes the peers, measures everything, prints it, and writes results.json, plot and docs/benchmark.md.

ARGS="--quick" shows in three minutes that it all works; ARGS="--rows idle,burst" measures some rows. Both leave the
published results alone.
"""

import argparse
import asyncio
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench import install, machine, page, plot, table, targets
from bench.plan import QUICK, ROWS, Missing, Plan
from bench.run import Run
from bench.servers import SERVERS

BUSY = 1.0
WRITTEN = "results.json"
NOT_BUILT = install.CACHE / "not-built.json"


def main(argv: Sequence[str]) -> None:
    plan, publish = _plan(argv)
    if not machine.is_alone():
        NOT_BUILT.parent.mkdir(parents=True, exist_ok=True)
        began = time.monotonic()
        NOT_BUILT.write_text(json.dumps(asyncio.run(install.everything())))
        print(f"  peers made in {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
        machine.start_alone(argv)
        print("  no network namespace of our own here: on the machine's loopback", file=sys.stderr)
    machine.prepare()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if os.getloadavg()[0] > BUSY:
        print("  This machine is busy already: figures will be worse than the servers are.", file=sys.stderr)
    results = _measured(plan)
    verdicts = targets.verdicts(results)
    print(table.everything(results, verdicts))
    _write(results, publish=publish)


def _plan(argv: Sequence[str]) -> tuple[Plan, bool]:
    parser = argparse.ArgumentParser(prog="make bench ARGS=...", description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="a little of everything, in three minutes")
    parser.add_argument("--rows", default=",".join(ROWS), help=f"some of {','.join(ROWS)}")
    asked = parser.parse_args(argv)
    rows = tuple(asked.rows.split(","))
    if unknown := set(rows) - set(ROWS):
        parser.error(f"no such row: {', '.join(unknown)}")
    plan = replace(QUICK if asked.quick else Plan(), rows=rows)
    return plan, not asked.quick and rows == ROWS


def _measured(plan: Plan) -> dict[str, Any]:
    about, began = machine.describe(), time.monotonic()
    missing = dict.fromkeys(map(_server_of, json.loads(NOT_BUILT.read_text())), Missing.NOT_BUILT.value)
    if not machine.is_alone():
        missing.setdefault("imds-broker", Missing.NOT_ALONE.value)
    with tempfile.TemporaryDirectory(prefix="irsa-bench-") as directory:
        results = asyncio.run(Run(plan, Path(directory), missing).everything())
    today = time.strftime("%Y-%m-%d", time.gmtime())
    took = round(time.monotonic() - began)
    return {"made": today, "commit": machine.commit(), "took_s": took, "machine": about, **results}


def _server_of(build: str) -> str:
    return next((server.name for server in SERVERS if server.build == build), build)


def _write(results: dict[str, Any], *, publish: bool) -> None:
    text = json.dumps(_rounded(results), indent=1) + "\n"
    folder = page.RESULTS.parent if publish else install.CACHE
    (folder / WRITTEN).write_text(text)
    plot.draw(results, page.PICTURE if publish else install.CACHE / "bench.png")
    if publish:
        page.publish()
    print(f"\n{results['took_s']} s. Written: {folder / WRITTEN}", file=sys.stderr)


def _rounded(value: Any) -> Any:
    """Three decimals: microseconds, where the unit is the millisecond."""
    match value:
        case float():
            return round(value, 3)
        case dict():
            return {name: _rounded(one) for name, one in value.items()}
        case list() | tuple():
            return [_rounded(one) for one in value]
    return value


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except KeyboardInterrupt:
        sys.exit(130)
