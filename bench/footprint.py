"""What one sidecar costs a pod: memory, CPU and time from exec to the first served credential. Part of `make bench`.

Each round starts the serving process with its default faces against a lab whose STS answers at once, over TLS as AWS's
does, with the system's certificate authorities trusted. It asks until it is served, lets the process settle, and reads
/proc. `measure` gives the rounds, `accounted` every megabyte of one; absolute times are this machine's.
"""

import asyncio
import os
import resource
import socket
import ssl
import statistics
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

from bench import imports, proc, python, targets
from sidecar.lab.app import running
from sidecar.lab.settings import LabSettings
from tests.tls import Authority, authority

ROUNDS = 7
ANY_PORT = ("127.0.0.1", 0)
ANY_PORTS = (ANY_PORT, ANY_PORT, ANY_PORT)
"""Of the lab: issuer, STS, control."""
SETTLES_WITHIN = 2.0
IDLE_FOR = 10.0

SERVE = """
import time
interpreter = time.process_time()
from sidecar import cli
cli.import_serve()
from sidecar import serve
imports = time.process_time()
import os
serve.load(os.environ, [])
settings = time.process_time()
print(interpreter, imports - interpreter, settings - imports, file=sys.stderr, flush=True)
sys.exit(serve.main([]))
"""
"""`irsa-sidecar serve` (`cli.serve`), a clock read between its steps, the settings read once more."""

Row = dict[tuple[str, str], float]
"""What one round found: (figure, unit) -> value."""


def main() -> None:
    rows = asyncio.run(measure())
    print(f"irsa-sidecar serve, {len(rows)} rounds, median (minimum to maximum), Python {python.under_test()}\n")
    for name, unit in rows[0]:
        print(_line((name, unit), [row[name, unit] for row in rows]))
    print(
        "\nEvery megabyte of it, medians of as many new processes. +MiB: resident; own: of that, the process's alone\n"
    )
    print(f"  {'':<40} {'+MiB':>7} {'own':>7} {'CPU ms':>8}")
    for cost in asyncio.run(accounted(rows)):
        print(f"  {cost.name:<40} {cost.rss:7.2f} {cost.anonymous:7.2f} {cost.cpu * 1000:8.1f}")


def _line(figure: tuple[str, str], values: Sequence[float]) -> str:
    median = statistics.median(values)
    most = next((most for _, name, most, _ in targets.FOOTPRINT if name == ", ".join(figure)), None)
    verdict = "" if most is None else f"{'PASS' if median <= most else 'FAIL'} <= {most:g}"
    spread = f"({min(values):.3f} to {max(values):.3f})"
    return f"  {figure[0]:<42} {median:8.3f} {figure[1]:<6} {spread:<22} {verdict}".rstrip()


async def measure(rounds: int = ROUNDS) -> list[Row]:
    """Each round is of a process of its own."""
    await asyncio.to_thread(python.compile_imported)
    async with a_lab() as settings:
        return [await one_round(settings) for _ in range(rounds)]


async def accounted(rows: Sequence[Row]) -> list[imports.Cost]:
    """The idle process of `rows`, taken apart: what each import adds, and as the last row what running adds."""
    async with a_lab() as settings:
        costs = await asyncio.to_thread(imports.table, settings, len(rows))
    whole = [
        statistics.median(row[figure] for row in rows)
        for figure in (("RSS when idle", "MiB"), ("of it the process's own", "MiB"), ("CPU until then", "s"))
    ]
    parts = [sum(column) for column in zip(*((cost.rss, cost.anonymous, cost.cpu) for cost in costs), strict=True)]
    rest = [total - part for total, part in zip(whole, parts, strict=True)]
    return [*costs, imports.Cost("running: loop, listeners, first exchange", *rest), imports.Cost("all", *whole)]


@asynccontextmanager
async def a_lab() -> AsyncIterator[dict[str, str]]:
    """A lab, its STS behind TLS; gives the environment of a sidecar in it, which trusts the system's CAs as well."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        made = authority(directory)
        trusted = _trusted(directory, made)
        settings = LabSettings(directory / "lab", *ANY_PORTS)
        async with running(settings) as lab, _behind_tls(lab.sts_url, made) as sts_url:
            yield environment(lab.token_file, sts_url, free_port(), free_port()) | {"SSL_CERT_FILE": str(trusted)}


@asynccontextmanager
async def a_lab_without_tls() -> AsyncIterator[dict[str, str]]:
    """The same, its STS by HTTP, at an address."""
    with tempfile.TemporaryDirectory() as name:
        async with running(LabSettings(Path(name), *ANY_PORTS)) as lab:
            yield environment(lab.token_file, lab.sts_url, free_port(), free_port())


def environment(token_file: Path, sts_url: str, port: int, admin_port: int) -> dict[str, str]:
    """What a pod sets for the lab's role, and the image for every pod."""
    return {
        **python.VARIABLES,
        "PATH": os.environ["PATH"],
        "AWS_ROLE_ARN": "arn:aws:iam::111122223333:role/demo",
        "AWS_WEB_IDENTITY_TOKEN_FILE": str(token_file),
        "AWS_ENDPOINT_URL_STS": sts_url,
        "SIDECAR_LISTEN": f"127.0.0.1:{port}",
        "SIDECAR_ADMIN_LISTEN": f"127.0.0.1:{admin_port}",
        "SIDECAR_GRACE": "0",
        "SIDECAR_LOG_LEVEL": "error",
    }


def _trusted(directory: Path, made: Authority) -> Path:
    system = Path(ssl.get_default_verify_paths().cafile or os.devnull)
    bundle = directory / "trusted.pem"
    bundle.write_bytes(made.bundle.read_bytes() + system.read_bytes())
    return bundle


@asynccontextmanager
async def _behind_tls(url: str, made: Authority) -> AsyncIterator[str]:
    """A URL where TLS is spoken, and `url` is behind it."""
    parts = urlsplit(url)

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(parts.hostname, parts.port)
        await asyncio.gather(_pump(reader, back), _pump(there, writer))

    async with await asyncio.start_server(relay, "127.0.0.1", 0, ssl=made.server) as server:
        yield f"https://localhost:{server.sockets[0].getsockname()[1]}"


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65_536):
            writer.write(data)
    except OSError:
        pass  # the client hangs up once it has its answer
    writer.close()


def free_port() -> int:
    with socket.create_server(ANY_PORT) as server:
        return int(server.getsockname()[1])


async def one_round(settings: Mapping[str, str]) -> Row:
    started = time.monotonic()
    async with _serving(settings) as child:
        await asyncio.to_thread(until_served, child.pid, settings["SIDECAR_LISTEN"])
        served, cpu = time.monotonic() - started, proc.cpu_seconds(child.pid)
        assert child.stderr is not None
        interpreter, imported, configured = map(float, (await child.stderr.readline()).split())
        commands = {
            (f"CPU of one {name}", "s"): await _cpu_of(settings, name) for name in ("credential-process", "healthcheck")
        }
        await asyncio.sleep(SETTLES_WITHIN)
        return {
            ("exec to first served credential", "s"): served,
            ("CPU until then", "s"): cpu,
            ("of it the interpreter", "s"): interpreter,
            ("of it imports", "s"): imported,
            ("of it settings", "s"): configured,
            ("of it start and first exchange", "s"): cpu - interpreter - imported - configured,
            **commands,
            **await _idle(child.pid),
        }


@asynccontextmanager
async def _serving(settings: Mapping[str, str]) -> AsyncIterator[asyncio.subprocess.Process]:
    command = python.under_test().executing(SERVE)
    child = await asyncio.create_subprocess_exec(*command, env=dict(settings), stderr=asyncio.subprocess.PIPE)
    try:
        yield child
    finally:
        child.terminate()
        await child.communicate()


async def _idle(pid: int) -> Row:
    held, cpu, wakes = proc.memory(pid), proc.cpu_seconds(pid), proc.wake_ups(pid)
    await asyncio.sleep(IDLE_FOR)
    return {
        ("RSS when idle", "MiB"): held.rss,
        ("of it the process's own", "MiB"): held.anonymous,
        ("of it files'", "MiB"): held.file,
        ("PSS when idle", "MiB"): held.pss,
        ("private dirty when idle", "MiB"): held.private_dirty,
        ("threads", ""): proc.threads(pid),
        ("open files", ""): proc.open_files(pid),
        ("CPU when idle", "ms/s"): (proc.cpu_seconds(pid) - cpu) / IDLE_FOR * 1000,
        ("voluntary context switches when idle", "per s"): (proc.wake_ups(pid) - wakes) / IDLE_FOR,
    }


async def _cpu_of(settings: Mapping[str, str], command: str) -> float:
    """CPU-seconds of a command that asks the running sidecar."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    arguments = python.under_test().running("sidecar.cli", command)
    child = await asyncio.create_subprocess_exec(*arguments, env=dict(settings), stdout=asyncio.subprocess.DEVNULL)
    assert await child.wait() == 0
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def until_served(pid: int, place: str) -> None:
    while Path(f"/proc/{pid}").exists():
        try:
            with urllib.request.urlopen(f"http://{place}/v1/credentials", timeout=1):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.002)


if __name__ == "__main__":
    main()
