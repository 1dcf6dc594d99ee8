"""Hostile crowds against a running sidecar, measured: `.venv/bin/python -m tests.scenarios.crowd`.

The crowd comes from 127.0.0.2 and right requests from 127.0.0.1, as a stranger and the kubelet have other addresses.
"""

import asyncio
import contextlib
import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import web

from tests.doubles import ROLE_ARN, a_token
from tests.serve.kit import Sts

HALF_SENT = b"GET /v1/credentials HTTP/1.1\r\nHost: localhost\r\nX: "
REFUSED = b"GET /nowhere HTTP/1.1\r\nHost: localhost\r\n\r\n"
CREDENTIALS = b"GET /v1/credentials HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
LIVEZ = b"GET /livez HTTP/1.1\r\nHost: 10.0.0.7:9912\r\nConnection: close\r\n\r\n"
SECONDS = 15
STRANGER, OURS = "127.0.0.2", "127.0.0.1"


@dataclass
class Seen:
    """What right requests met with. Times in seconds."""

    answers: list[float] = field(default_factory=list)
    probes: list[float] = field(default_factory=list)
    failed: int = 0
    failed_probes: int = 0

    def __str__(self) -> str:
        return (
            f"{len(self.answers)} requests, {self.failed} failed, p99 {_p99(self.answers):.0f} ms; "
            f"{len(self.probes)} of /livez, {self.failed_probes} failed, p99 {_p99(self.probes):.0f} ms"
        )


def _p99(times: list[float]) -> float:
    return sorted(times)[int(len(times) * 0.99)] * 1000 if times else float("nan")


@dataclass
class Running:
    """A sidecar at work."""

    pid: int
    ports: dict[str, int]
    lines: list[str]

    @property
    def peak(self) -> float:
        """MiB of resident memory, at most so far."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(re.findall(r"VmHWM:\s+(\d+)", status)[0]) / 1024


@contextlib.asynccontextmanager
async def scripted_sts() -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_post("/", Sts().answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, OURS, 0).start()
    yield f"http://{OURS}:{runner.addresses[0][1]}"
    await runner.cleanup()


@contextlib.asynccontextmanager
async def sidecar(sts: str) -> AsyncIterator[Running]:
    with tempfile.TemporaryDirectory() as directory:
        token = Path(directory, "token")
        token.write_text(a_token(issued_at=time.time()).raw)
        given = {"AWS_ROLE_ARN": ROLE_ARN, "AWS_WEB_IDENTITY_TOKEN_FILE": str(token), "AWS_ENDPOINT_URL_STS": sts}
        listen = {f"SIDECAR_{name}LISTEN": f"{OURS}:0" for name in ("", "ADMIN_", "IMDS_", "ECS_")}
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "sidecar", "serve"),
            env=given | listen | {"SIDECAR_GRACE": "0"},
            stderr=subprocess.PIPE,
        )
        assert process.stderr is not None
        lines: list[str] = []
        reading = asyncio.create_task(_read(process.stderr, lines))
        while not any('"credentials issued"' in line for line in lines):
            await asyncio.sleep(0.05)
        try:
            yield Running(process.pid, _ports(lines), lines)
        finally:
            process.terminate()
            await process.wait()
            await reading


async def _read(stream: asyncio.StreamReader, lines: list[str]) -> None:
    async for line in stream:
        lines.append(line.decode())  # noqa: PERF401 (others read it meanwhile)


def _ports(lines: list[str]) -> dict[str, int]:
    (addresses,) = (json.loads(line) for line in lines if '"listening"' in line)
    return {name: int(addresses[name].rpartition(":")[2]) for name in ("credentials", "admin", "imds", "ecs")}


async def asked(port: int, request: bytes, within: float) -> float:
    """How long the answer took. Raises where there was none, or another than 200."""
    began = time.perf_counter()
    async with asyncio.timeout(within):
        reader, writer = await asyncio.open_connection(OURS, port, local_addr=(OURS, 0))
        writer.write(request)
        head = await reader.readline()
        writer.close()
    if b" 200 " not in head:
        raise OSError(head)
    return time.perf_counter() - began


async def right_requests(ports: dict[str, int], seen: Seen) -> None:
    for turn in range(SECONDS * 50):
        began = time.perf_counter()
        try:
            seen.answers.append(await asked(ports["credentials"], CREDENTIALS, 2))
        except (OSError, TimeoutError):
            seen.failed += 1
        if turn % 25 == 0:
            try:
                seen.probes.append(await asked(ports["admin"], LIVEZ, 1))
            except (OSError, TimeoutError):
                seen.failed_probes += 1
        await asyncio.sleep(max(0, 0.02 - time.perf_counter() + began))


async def hostile(port: int, says: bytes) -> None:
    """One connection of the crowd, and the next when it was cut."""
    while True:
        with contextlib.suppress(OSError):
            reader, writer = await asyncio.open_connection(OURS, port, local_addr=(STRANGER, 0))
            writer.write(says)
            while await reader.read(65_536):
                pass
            writer.close()
        await asyncio.sleep(1)


async def crowd(size: int, says: bytes, ports: list[int]) -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    await asyncio.gather(*(hostile(port, says) for port in ports for _ in range(size)))


async def measured(name: str, size: int, says: bytes, which: tuple[str, ...]) -> None:
    seen = Seen()
    async with scripted_sts() as sts, sidecar(sts) as running:
        before = len(running.lines)
        numbers = [str(running.ports[each]) for each in which]
        others = [sys.executable, "-m", __spec__.name, "crowd", str(size), says.decode(), *numbers]
        strangers = await asyncio.create_subprocess_exec(*others) if size else None
        await asyncio.sleep(3)
        await right_requests(running.ports, seen)
        if strangers is not None:
            strangers.kill()
            await strangers.wait()
        told = len(running.lines) - before
        print(f"{name}: {seen}; at most {running.peak:.0f} MiB; {told} log lines", flush=True)  # noqa: T201


async def main() -> None:
    everywhere = ("credentials", "admin", "imds", "ecs")
    print(f"load of the machine {os.getloadavg()[0]:.1f}, {os.cpu_count()} processors")  # noqa: T201
    await measured("nobody else", 0, b"", everywhere)
    await measured("2,500 half-sent requests on each port", 2500, HALF_SENT, everywhere)
    await measured("2,500 silent connections on each port", 2500, b"", everywhere)
    await measured("2,500 strangers' requests on each port", 2500, REFUSED, everywhere)
    await measured("10,000 idle clients", 10_000, CREDENTIALS.replace(b"Connection: close\r\n", b""), ("credentials",))


if __name__ == "__main__":
    if sys.argv[1:2] == ["crowd"]:
        asyncio.run(crowd(int(sys.argv[2]), sys.argv[3].encode(), [int(each) for each in sys.argv[4:]]))
    else:
        asyncio.run(main())
