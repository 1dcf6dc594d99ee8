"""What each library costs the serving process: memory and CPU of its import, one after another in a new interpreter.

The order is fixed and each row is what its import adds, so the rows add up; what two libraries share is the first
one's. Third-party packages are found, not listed: one that creeps in gets a row of its own.
"""

import json
import statistics
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench import python

ROUNDS = 7

STANDARD = (
    ("dataclasses, json, pathlib, re", ("dataclasses", "json", "pathlib", "re")),
    ("logging", ("logging",)),
    ("asyncio, ssl", ("asyncio", "ssl")),
    ("ctypes", ("ctypes",)),
    ("email, http, urllib.request, xml", ("email.utils", "http.client", "urllib.request", "xml.etree.ElementTree")),
)
"""The standard library in groups, from what nearly every program needs to what few do."""

LISTING = (
    f"""
PLACE = {python.LIBRARIES[0]!r}
"""
    """
before = set(sys.modules)
from sidecar import cli
cli.import_serve()
import json
place = PLACE
found = {name: getattr(module, "__file__", None) or "" for name, module in sys.modules.items() if name not in before}
foreign = [name for name, file in found.items() if "." not in name and file.startswith(place)]
print(json.dumps({"loaded": list(found), "foreign": foreign}))
"""
)
AS_SERVE = """import os; os.environ |= {"AIOHTTP_NO_EXTENSIONS": "1", "FROZENLIST_NO_EXTENSIONS": "1"}"""
"""What `cli.import_serve` sets before it imports."""
REPORTING = """
import gc, time
gc.disable()
def report(began):
    cpu = time.process_time() - began
    with open("/proc/self/smaps_rollup") as lines:
        kib = {line.split()[0]: line.split()[1] for line in lines}
    print(int(kib["Rss:"]) / 1024, int(kib["Anonymous:"]) / 1024, cpu)
"""
"""Without an import that Python has not made by then: it would be charged to nobody."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What one step adds. MiB resident, and of it MiB of the process's own; seconds of CPU."""

    name: str
    rss: float
    anonymous: float
    cpu: float


def table(environment: Mapping[str, str], rounds: int = ROUNDS) -> list[Cost]:
    """Medians of `rounds`, as the serving process with these settings would pay them."""
    steps = _steps(environment)
    runs = [_run([statement for _, statement in steps], environment) for _ in range(rounds)]
    return [_median(name, [run[at] for run in runs]) for at, (name, _) in enumerate(steps)]


def _steps(environment: Mapping[str, str]) -> list[tuple[str, str]]:
    listed = json.loads(_python(LISTING, environment))
    loaded = set(listed["loaded"])
    standard = [(name, [module for module in modules if module in loaded]) for name, modules in STANDARD]
    foreign = [(name, [name]) for name in listed["foreign"] if name != "sidecar"]
    imports = [(name, f"import {', '.join(modules)}") for name, modules in (*standard, *foreign) if modules]
    return [
        ("the interpreter itself", AS_SERVE),
        *imports,
        ("sidecar", "from sidecar import cli; cli.import_serve(); import sidecar.serve"),
        ("settings", "import os; config = sidecar.serve.load(os.environ, [])"),
        ("TLS context, with the system's CAs", "import ssl; context = ssl.create_default_context()"),
    ]


def _run(statements: Sequence[str], environment: Mapping[str, str]) -> list[tuple[float, ...]]:
    """What was added by each statement. What the first one adds is the interpreter, so its time counts from zero."""
    first, *others = statements
    script = [REPORTING, first, "report(0)"]
    for statement in others:
        script += ["began = time.process_time()", statement, "report(began)"]
    lines = [tuple(map(float, line.split())) for line in _python("\n".join(script), environment).splitlines()]
    before = [(0.0, 0.0), *lines]
    return [(now[0] - was[0], now[1] - was[1], now[2]) for was, now in zip(before, lines, strict=False)]


def _python(code: str, environment: Mapping[str, str]) -> str:
    return subprocess.run(
        python.under_test().executing(code), env=dict(environment), capture_output=True, check=True, text=True
    ).stdout


def _median(name: str, costs: Sequence[tuple[float, ...]]) -> Cost:
    return Cost(name, *(statistics.median(column) for column in zip(*costs, strict=True)))
