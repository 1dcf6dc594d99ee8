"""Does the serving process grow? 1.5 million requests, a thousand refreshes, then /proc again. Part of `make bench`.

The sidecar runs in a process of its own with a policy that refreshes after a five-hundredth of a session's life, so
that months of refreshes fit into a minute; the token rotates meanwhile, and Prometheus and a probe ask every second.
wrk sends the requests: on connections that stay and on one each, to the container's face and IMDS, good ones and bad.
"""

import asyncio
import re
import shutil
import sys
import time
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from bench import footprint, proc, python, targets
from sidecar.lab.app import Lab, running
from sidecar.lab.events import Answered, LabEvent, TokenProjected
from sidecar.lab.settings import LabSettings

REQUESTS, REFRESHES = 1_500_000, 1_000
WARM_UP = 0.05
"""Of both, before the first look: caches fill, and connections, buffers and arenas reach their greatest number."""
MOST_MIB = targets.GROWTH_MIB
MOST_THREADS = 2
"""A file that is read and a name that is looked up take one each, for a moment."""
SLICE = 2
"""Seconds that wrk sends one kind of request at a time."""
CLIENTS = 64
SETTLES_WITHIN = 4.0
TOKEN = "X-aws-ec2-metadata-token"

REFRESHING = {"BENCH_REFRESH_EVERY": "0.044", "BENCH_LIFE": "22"}
"""A refresh after a five-hundredth of a session's life."""

Place = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Kind:
    """Requests of one kind. `weight`: how many slices of a round are its."""

    name: str
    url: str
    headers: tuple[str, ...] = ()
    weight: int = 1


@dataclass(slots=True)
class Done:
    """What has happened so far. `odd`: answers outside 200 to 399, by kind, which only bad requests should get."""

    requests: dict[str, int] = field(default_factory=dict)
    odd: dict[str, int] = field(default_factory=dict)
    refreshes: int = 0
    rotations: int = 0

    def count(self, name: str, requests: int, odd: int) -> None:
        self.requests[name] = self.requests.get(name, 0) + requests
        self.odd[name] = self.odd.get(name, 0) + odd

    def note(self, event: LabEvent) -> None:
        if isinstance(event, TokenProjected):
            self.rotations += 1
        elif isinstance(event, Answered) and event.action == "AssumeRoleWithWebIdentity" and event.status == 200:
            self.refreshes += 1


@dataclass(frozen=True, slots=True)
class Held:
    """What a process holds at one moment."""

    memory: proc.Memory
    open_files: int
    threads: int

    @classmethod
    def by(cls, pid: int) -> "Held":
        return cls(proc.memory(pid), proc.open_files(pid), proc.threads(pid))


@dataclass(frozen=True, slots=True)
class Growth:
    """Before and after, and what lay between."""

    before: Held
    after: Held
    done: Done
    seconds: float

    @property
    def rss(self) -> float:
        """MiB more than before."""
        return self.after.memory.rss - self.before.memory.rss

    @property
    def passed(self) -> bool:
        more_threads = self.after.threads - self.before.threads
        same_files = self.after.open_files == self.before.open_files
        return abs(self.rss) <= MOST_MIB and same_files and more_threads <= MOST_THREADS


def main() -> None:
    found = asyncio.run(measure())
    requests = sum(found.done.requests.values())
    print(
        f"{requests:,} requests, {found.done.refreshes:,} refreshes and {found.done.rotations} token rotations "
        f"in {found.seconds:.0f} s, Python {sys.version.split()[0]}\n"
    )
    for name, count in found.done.requests.items():
        print(f"  {name:<36} {count:>9,}  of them {found.done.odd[name]:,} answered with an error")
    print(f"\n  {'':<36} {'before':>9} {'after':>9}")
    for name, value in rows(found).items():
        print(f"  {name:<36} {value[0]:>9.2f} {value[1]:>9.2f}")
    verdict = "PASS" if found.passed else "FAIL"
    print(f"\n{verdict}: RSS {found.rss:+.2f} MiB. Allowed: {MOST_MIB:g} MiB, no file, {MOST_THREADS} threads")
    sys.exit(not found.passed)


def rows(found: Growth) -> dict[str, tuple[float, float]]:
    """Figure -> before and after."""
    before, after = found.before, found.after
    return {
        "RSS, MiB": (before.memory.rss, after.memory.rss),
        "of it the process's own, MiB": (before.memory.anonymous, after.memory.anonymous),
        "open files": (before.open_files, after.open_files),
        "threads": (before.threads, after.threads),
    }


async def measure(requests: int = REQUESTS, refreshes: int = REFRESHES) -> Growth:
    """Warm up, look, send at least so many requests through at least so many refreshes, look again."""
    if shutil.which("wrk") is None:
        raise SystemExit("wrk is needed: apt-get install wrk")
    async with _a_pod() as pod:
        await pod.work(int(requests * WARM_UP), int(refreshes * WARM_UP))
        before, began = await pod.held(), time.monotonic()
        done = await pod.work(requests, refreshes)
        return Growth(before, await pod.held(), done, time.monotonic() - began - SETTLES_WITHIN)


class _Witness:
    """The lab's observer."""

    def __init__(self) -> None:
        self.done = Done()

    def __call__(self, event: LabEvent) -> None:
        self.done.note(event)


@dataclass(frozen=True, slots=True)
class _Pod:
    """The sidecar under test and the lab around it."""

    pid: int
    lab: Lab
    witness: _Witness
    admin: str
    faces: tuple[Place, Place]

    async def held(self) -> Held:
        """Once nobody asks. Refreshes go on, as they do when it is idle: the look with fewest files counts."""
        await asyncio.sleep(SETTLES_WITHIN)
        looks = []
        for _ in range(20):
            looks.append(Held.by(self.pid))
            await asyncio.sleep(0.05)
        return min(looks, key=lambda held: held.open_files)

    async def work(self, requests: int, refreshes: int) -> Done:
        """Until there were so many of both."""
        done = self.witness.done = Done()
        async with asyncio.TaskGroup() as group:
            bystander = group.create_task(self._look_on())
            while sum(done.requests.values()) < requests or done.refreshes < refreshes:
                await self._one_of_each(done)
            bystander.cancel()
        return done

    async def _one_of_each(self, done: Done) -> None:
        for kind in _kinds(*self.faces, await asyncio.to_thread(_session_token, self.faces[1])):
            for _ in range(kind.weight):
                await _sent(kind, done)
        for place in self.faces:
            done.count("bytes that are no request", *await _malformed(place))

    async def _look_on(self) -> None:
        """A scrape, a probe and a rotation a second."""
        while True:
            for page in ("metrics", "readyz"):
                await asyncio.to_thread(_got, f"http://{self.admin}/{page}")
            self.lab.projections[0].rotate()
            await asyncio.sleep(1)


@asynccontextmanager
async def _a_pod() -> AsyncIterator[_Pod]:
    witness = _Witness()
    with TemporaryDirectory() as directory:
        settings = LabSettings(Path(directory), *footprint.ANY_PORTS, session_lifetime=int(REFRESHING["BENCH_LIFE"]))
        async with running(settings, witness) as lab:
            container, imds, admin = footprint.free_port(), footprint.free_port(), footprint.free_port()
            environment = footprint.environment(lab.token_file, lab.sts_url, container, admin) | {
                "SIDECAR_IMDS_LISTEN": f"127.0.0.1:{imds}",
                "SIDECAR_IMDS_MIN_LIFE": "0",
                **REFRESHING,
            }
            command = python.under_test().running("bench.served")
            child = await asyncio.create_subprocess_exec(*command, env=environment)
            try:
                await asyncio.to_thread(footprint.until_served, child.pid, environment["SIDECAR_LISTEN"])
                faces = (("127.0.0.1", container), ("127.0.0.1", imds))
                yield _Pod(child.pid, lab, witness, environment["SIDECAR_ADMIN_LISTEN"], faces)
            finally:
                child.terminate()
                await child.wait()


# --- requests -------------------------------------------------------------------------------------------------------


def _kinds(container: Place, imds: Place, token: str) -> list[Kind]:
    credentials = "http://{}:{}/v1/credentials".format(*container)
    metadata = "http://{}:{}/latest/meta-data/iam/security-credentials/demo".format(*imds)
    return [
        Kind("container, kept alive", credentials, weight=6),
        Kind("container, a connection each", credentials, ("Connection: close",), weight=2),
        Kind("IMDS, kept alive", metadata, (f"{TOKEN}: {token}",), weight=3),
        Kind("IMDS, a connection each", metadata, (f"{TOKEN}: {token}", "Connection: close")),
        Kind("container, no such path", credentials + "/nowhere"),
        Kind("container, another host's name", credentials, ("Host: evil.example",)),
        Kind("IMDS, a wrong session token", metadata, (f"{TOKEN}: wrong",)),
    ]


async def _sent(kind: Kind, done: Done) -> None:
    """One slice of wrk's, counted by wrk."""
    headers = [part for header in kind.headers for part in ("-H", header)]
    command = ["wrk", "-t1", f"-c{CLIENTS}", f"-d{SLICE}s", *headers, kind.url]
    child = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    said = (await child.communicate())[0].decode()
    requests, odd = re.search(r"(\d+) requests in", said), re.search(r"Non-2xx or 3xx responses: (\d+)", said)
    if requests is None:
        raise RuntimeError(f"wrk did not count: {said}")
    done.count(kind.name, int(requests[1]), int(odd[1]) if odd else 0)


RUBBISH = (
    b"GET / HTTP/1.1\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500),
    b"GET /v1/credentials HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 20_000 + b"\r\n\r\n",
    b"POST /v1/credentials HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9999999\r\n\r\n" + b"x" * 9999,
    b"GET /v1/credentials HTTP/1.1\r\nHost: loc",
)


async def _malformed(place: Place) -> tuple[int, int]:
    """Each piece of rubbish from every client; what was sent, and what was refused."""
    refused = 0
    for rubbish in RUBBISH:
        answers = await asyncio.gather(*(_said_to(place, rubbish) for _ in range(CLIENTS)))
        refused += sum(re.match(rb"HTTP/1\.1 [45]\d\d ", answer) is not None for answer in answers)
    return CLIENTS * len(RUBBISH), refused


async def _said_to(place: Place, rubbish: bytes) -> bytes:
    reader, writer = await asyncio.open_connection(*place)
    try:
        writer.write(rubbish)
        writer.write_eof()
        return await reader.read()
    except OSError:
        return b""
    finally:
        writer.transport.abort()


def _session_token(imds: Place) -> str:
    url = "http://{}:{}/latest/api/token".format(*imds)
    return _got(urllib.request.Request(url, method="PUT", headers={f"{TOKEN}-ttl-seconds": "21600"})).decode()


def _got(what: str | urllib.request.Request) -> bytes:
    with urllib.request.urlopen(what, timeout=5) as answer:
        return bytes(answer.read())


if __name__ == "__main__":
    main()
