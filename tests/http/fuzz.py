"""Throws broken requests at a served face: `python -m tests.http.fuzz --minutes 10 --seed 7`.

Each client sends a mutated piece of the corpus, or noise, in parts of any size, and then reads, closes its half, or
vanishes. After each batch nothing may be left of it: no connection, task, file descriptor, exception, line in the log
above DEBUG; no answer may have been wrong; a good request must be answered. A failure names seed and bytes.
"""

import argparse
import asyncio
import contextlib
import gc
import logging
import os
import random
import re
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import uvloop

from sidecar.http.limits import Limits
from tests.http.corpus import CORPUS
from tests.http.peer import MirrorServer, Repeating, mirror_server, request

CLIENTS = 32
LEAST = 500
"""Connections, however slow the machine is."""
ASKED_AGAIN = 30
"""Times, where an idle connection was closed: its time here is a tenth of a second."""
LIMITS = Limits(read=0.1, answer=0.1, write=0.2, idle=0.1, linger=0.05, drain=0.5, sweep=0.02, connections=24, total=5)
ALLOWED = {100, 200, 400, 405, 408, 413, 414, 417, 431, 501, 503, 505}
STATUS = re.compile(rb"HTTP/1\.1 (\d{3}) [A-Z][A-Za-z -]+\r\n")
HEAD = re.compile(
    rb"(?=(?:GET|HEAD|PUT) +[!-~]+ +(?:HTTP|RTSP)/1\.[01]\r\n(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+:[^\r\n\x00]*\r\n)*\r\n)"
)
"""What a request that reaches a face must look like; written without a look at the parser."""
SPICE = (
    *(b"\r\n", b"\r", b"\n", b"\0", b" ", b"\t", b":", b"\xff", b"\r\n ", b"\r\n\r\n", b"0\r\n\r\n", b"HTTP/1.1", b"?"),
    *(b"GET / HTTP/1.1\r\n", b"Host: a\r\n", b"Content-Length: 5\r\n", b"Content-Length: 0\r\n", b"#", b"//", b"*"),
    *(b"Transfer-Encoding: chunked\r\n", b"Expect: 100-continue\r\n", b"Connection: close\r\n", b"ffffffff\r\n"),
    *(b"Connection: Upgrade\r\nUpgrade: h2c\r\n", b"http://a/", b"HTTP/1.0", b"X: " + b"a" * 9000 + b"\r\n"),
)
TARGETS = (b"/", b"/wait", b"/late", b"/large", b"/v1/credentials")

Mutation = Callable[[random.Random, bytes], bytes]


def _flip(dice: random.Random, data: bytes) -> bytes:
    at = dice.randrange(len(data))
    return data[:at] + bytes([dice.randrange(256)]) + data[at + 1 :]


def _cut(dice: random.Random, data: bytes) -> bytes:
    start, end = sorted(dice.choices(range(len(data)), k=2))
    return data[:start] + data[end:]


def _insert(dice: random.Random, data: bytes) -> bytes:
    at = dice.randrange(len(data))
    return data[:at] + dice.choice(SPICE) + data[at:]


def _repeat(dice: random.Random, data: bytes) -> bytes:
    start, end = sorted(dice.choices(range(len(data)), k=2))
    return data[:start] + data[start:end] * dice.choice((2, 3, 40)) + data[end:]


def _splice(dice: random.Random, data: bytes) -> bytes:
    other = dice.choice(tuple(CORPUS.values()))
    return data[: dice.randrange(len(data))] + other[dice.randrange(len(other)) :]


def _follow(dice: random.Random, data: bytes) -> bytes:
    return data + dice.choice(tuple(CORPUS.values()))


def _retarget(dice: random.Random, data: bytes) -> bytes:
    return data.replace(b" / ", b" " + dice.choice(TARGETS) + b" ")


def _unix_lines(dice: random.Random, data: bytes) -> bytes:
    return data.replace(b"\r\n", b"\n", dice.randrange(1, 4))


MUTATIONS: tuple[Mutation, ...] = (_flip, _cut, _insert, _repeat, _splice, _follow, _retarget, _unix_lines)


def mutant(dice: random.Random) -> bytes:
    if dice.random() < 0.1:
        return dice.randbytes(dice.randrange(1, 300))
    data = dice.choice(tuple(CORPUS.values()))
    for _ in range(dice.choice((0, 1, 1, 2, 3, 8))):
        data = dice.choice(MUTATIONS)(dice, data)[:100_000] or b"G"
    return data


def parts(dice: random.Random, data: bytes) -> list[bytes]:
    cuts = sorted({0, len(data), *(dice.randrange(len(data)) for _ in range(dice.choice((0, 0, 1, 2, 9))))})
    return [data[start:end] for start, end in pairwise(cuts)]


@dataclass(slots=True)
class Report:
    connections: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    complaints: list[str] = field(default_factory=list)


class Complaints(logging.Handler):
    """What the log or the loop has to say is a finding."""

    def __init__(self, report: Report) -> None:
        super().__init__(logging.INFO)
        self._report = report

    def emit(self, record: logging.LogRecord) -> None:
        if record.getMessage() != "too many connections":
            self._report.complaints.append(f"logged: {record.getMessage()}")

    def from_loop(self, _: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
        self._report.complaints.append(f"the loop caught: {context}")


async def fuzz(seconds: float, seed: int) -> Report:
    """Fuzz on the running loop."""
    report, dice = Report(), random.Random(seed)
    ears = Complaints(report)
    asyncio.get_running_loop().set_exception_handler(ears.from_loop)
    logging.getLogger("sidecar").addHandler(ears)
    try:
        ends_at = time.monotonic() + seconds
        async with mirror_server(LIMITS, clock=time.monotonic, face=Repeating()) as server:
            await _ask(server, report)  # libuv's first stream opens a descriptor in reserve
            before = _footprint()
            while (time.monotonic() < ends_at or report.connections < LEAST) and not report.complaints:
                await _batch(server, dice, report)
                with contextlib.suppress(TimeoutError):  # uvloop closes the clients' descriptors a few turns later
                    await server.until(lambda: len(server.pool) == 0 and not _grown(before))
                if _grown(before) or len(server.pool):
                    report.complaints.append(
                        f"tasks and descriptors were {before}, are {_footprint()}; connections open: {len(server.pool)}"
                    )
    finally:
        logging.getLogger("sidecar").removeHandler(ears)
    return report


async def _batch(server: MirrorServer, dice: random.Random, report: Report) -> None:
    server.face.may_go.clear()
    async with asyncio.TaskGroup() as group:
        for _ in range(CLIENTS):
            group.create_task(_client(server, random.Random(dice.random()), report))
    server.peers.clear()
    server.face.seen.clear()
    server.answered.clear()
    await server.until(lambda: len(server.pool) == 0)
    await _ask(server, report)


async def _ask(server: MirrorServer, report: Report) -> None:
    for _ in range(ASKED_AGAIN):
        if (status := await _status(server)) is not None:
            break
    if status != 200:
        report.complaints.append("a good request was refused")


async def _status(server: MirrorServer) -> int | None:
    """None where the machine was so busy that the connection was closed as idle before we had asked."""
    good = await server.peer()
    try:
        return (await good.ask(request())).status
    except (asyncio.IncompleteReadError, ConnectionResetError):
        return None
    finally:
        await good.close()
        await server.until(lambda: len(server.pool) == 0)
        server.peers.clear()


async def _client(server: MirrorServer, dice: random.Random, report: Report) -> None:
    data = mutant(dice)
    peer = await server.peer()
    report.connections += 1
    try:
        for part in parts(dice, data):
            await peer.send_slowly(part)
        if (ending := dice.random()) < 0.1:
            peer.reset()
            return
        if ending < 0.7:
            peer.finish()
        said = await peer.rest()
    except (OSError, RuntimeError):  # uvloop's for a transport that is closed
        return  # refused, and gone before we had finished; what it said is lost with it
    finally:
        await peer.close()
    report.complaints += [f"{complaint}: {data!r}" for complaint in _judge(data, said, report.statuses)]


def _judge(sent: bytes, said: bytes, statuses: Counter[int]) -> list[str]:
    """What is wrong with the answers to `sent`, if anything."""
    answers = [int(status) for status in STATUS.findall(said)]
    statuses.update(answers)
    complaints = []
    if said and not said.startswith(b"HTTP/1.1 "):
        complaints.append("answered with something else than an answer")
    if strange := set(answers) - ALLOWED:
        complaints.append(f"answered {strange}")
    if answers.count(200) > len(HEAD.findall(sent)):
        complaints.append("answered what is not a request")
    return complaints


def _footprint() -> tuple[int, int]:
    """Tasks and file descriptors."""
    return len(asyncio.all_tasks()), sum(1 for _ in Path("/proc/self/fd").iterdir())


def _grown(before: tuple[int, int]) -> bool:
    """Are there more of either? What others have left to the garbage collector may go meanwhile."""
    return any(now > then for now, then in zip(_footprint(), before, strict=True))


def _resident_mib() -> float:
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--minutes", type=float, default=10)
    options.add_argument("--seed", type=int, default=1)
    chosen = options.parse_args()
    ends_at = time.monotonic() + chosen.minutes * 60
    seed, total, statuses = chosen.seed, 0, Counter[int]()
    while time.monotonic() < ends_at:
        for factory in (uvloop.new_event_loop, asyncio.new_event_loop):
            with asyncio.Runner(loop_factory=factory) as runner:
                report = runner.run(fuzz(min(15, chosen.minutes * 30), seed))
            if report.complaints:
                raise SystemExit("\n".join([f"seed {seed}, {factory.__module__}:", *report.complaints]))
            total, statuses = total + report.connections, statuses + report.statuses
        told = f"seed {seed}: {total} connections, {_resident_mib():.1f} MiB, {dict(sorted(statuses.items()))}"
        print(told, flush=True)  # noqa: T201 (a person started this)
        seed += 1


if __name__ == "__main__":
    main()
