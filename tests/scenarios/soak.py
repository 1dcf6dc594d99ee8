"""Weeks of bad weather in virtual time: `python -m tests.scenarios.soak` makes a million requests over 1 000 refreshes.

STS fails half of the time, in every way that there is; clocks jump and machines are paused; tokens rotate and are
missing at times; and nobody reads the log. Broker, source, policy, faces and log are those of
production; time, STS and the token file are not. Prints what happened as JSON; exits 1 where a promise was broken.
"""

import argparse
import asyncio
import json
import os
import random
import sys
import time
from dataclasses import asdict, dataclass
from datetime import datetime

from sidecar.core.model import Instant, Seconds
from sidecar.core.refresh import Failed, Issued, RefreshPolicy
from sidecar.faces.authorization import NoAuthorization
from sidecar.faces.container import ContainerFace
from sidecar.faces.guards import Guard
from sidecar.faces.imds import ImdsFace
from sidecar.faces.imds_tokens import SessionTokens
from sidecar.http.messages import Face, Request, Response
from sidecar.observe import logs
from sidecar.observe.history import History
from sidecar.observe.logs import LogEvents
from tests.core.broker.trouble import ALL_FAILURES
from tests.doubles import Pod, a_token
from tests.faces.imds_kit import CREDENTIALS, POD
from tests.faces.kit import LOOPBACK, answered, container_face
from tests.sky import Sky
from tests.virtual_time import VirtualTimeLoop

BURST = 8
HOUR: Seconds = 3600
ROTATES_EVERY: Seconds = 0.8 * HOUR


@dataclass
class Found:
    """What the soak counts."""

    requests: int = 0
    refreshes: int = 0
    failed_attempts: int = 0
    clock_changes: int = 0
    rotations: int = 0
    days: float = 0
    seconds: float = 0
    answered_503: int = 0
    withheld_on_the_later_clocks_word: int = 0
    """503 though the credentials lived by the right clock: a wrong one said they did not, and STS was silent."""
    sts_failing_share: float = 0
    log_lines_dropped: int = 0
    client_errors_while_valid: int = 0
    expired_served: int = 0

    @property
    def kept(self) -> bool:
        return self.client_errors_while_valid == 0 and self.expired_served == 0


class Soak:
    """One pod, its faces, and all that happens to them."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.found = Found()
        self.pod = Pod(
            jitter_source=self.rng.random, token=a_token(life=HOUR), also=(LogEvents(RefreshPolicy()), History())
        )
        self.sky = Sky(self.pod)
        self._faces = (container_face(self.pod.broker), self._imds())
        self._expirations: dict[bytes, float] = {}
        self._failing_until: Instant = 0
        self._failing = False
        self._rotates_at: Instant = ROTATES_EVERY
        self._failing_for: Seconds = 0

    def _imds(self) -> Face:
        clock = self.pod.clock
        return ImdsFace(
            self.pod.broker,
            Guard(LOOPBACK, NoAuthorization()),
            SessionTokens(b"key", clock.now),
            instance=POD,
            v1=True,
            min_life=900,
            policy=RefreshPolicy(),
            now=clock.now,
        )

    async def lives(self, requests: int, refreshes: int) -> Found:
        """Until there were so many of both."""
        found = self.found
        async with self.pod.running():
            while found.requests < requests or found.refreshes < refreshes:
                self._change()
                await self._burst()
                waits = self.rng.uniform(0, 30)
                self._failing_for += waits if self._failing else 0
                await asyncio.sleep(waits)
                self._count()
        found.days = round(self.pod.clock.now() / 86_400, 1)
        found.sts_failing_share = round(self._failing_for / self.pod.clock.now(), 2)
        return found

    def _count(self) -> None:
        exchange, seen, found = self.pod.exchange, self.pod.seen, self.found
        found.refreshes += sum(isinstance(event, Issued) for event in seen.events)
        found.failed_attempts += sum(isinstance(event, Failed) for event in seen.events)
        found.clock_changes = self.sky.changed
        for kept in (seen.events, seen.states, seen.roles, exchange.called_at, exchange.tokens):
            kept.clear()

    def _change(self) -> None:
        """Let STS, clocks and token file do what they do."""
        now, rng, pod = self.pod.clock.now(), self.rng, self.pod
        if now >= self._failing_until:
            self._failing = not self._failing
            self._failing_until = now + rng.expovariate(1 / 1200)
            pod.exchange.will(rng.choice(ALL_FAILURES) if self._failing else rng.choice([900, 12 * HOUR, *[HOUR] * 18]))
            pod.exchange.takes = rng.choice([0.01, 0.2, 10])
        if now >= self._rotates_at:
            self._rotates_at = now + ROTATES_EVERY
            pod.tokens.rotate(a_token(life=HOUR, issued_at=pod.clock.true()))
            self.found.rotations += 1
        if rng.random() < 1 / 2000:
            pod.tokens.remove()
            self._rotates_at = now + rng.uniform(0, 900)
        if rng.random() < 1 / 60:
            self.sky.changes(rng)

    async def _burst(self) -> None:
        for _ in range(BURST):
            face = self.rng.choice(self._faces)
            lives, by_all = self.sky.lives(), self.sky.lives_by_all_clocks()
            path = "/v1/credentials" if isinstance(face, ContainerFace) else f"{CREDENTIALS}/checkout"
            answer = await answered(face, Request("GET", path, {"host": "127.0.0.1"}))
            self.found.requests += 1
            if answer.status == 200:
                self.found.expired_served += self._is_expired(answer)
                continue
            self.found.answered_503 += answer.status == 503
            if isinstance(face, ContainerFace):  # IMDS stops early, by its own rule
                self.found.client_errors_while_valid += by_all
                self.found.withheld_on_the_later_clocks_word += lives and not by_all

    def _is_expired(self, answer: Response) -> bool:
        expiration = self._expirations.get(answer.body)
        if expiration is None:
            text = json.loads(answer.body)["Expiration"].replace("Z", "+00:00")
            self._expirations = {answer.body: datetime.fromisoformat(text).timestamp()}
            expiration = self._expirations[answer.body]
        return self.pod.clock.true() >= expiration


class UnreadLog:
    """Standard error as a pipe that nobody reads: it holds some 200 lines, and a thousand wait for it."""

    def __init__(self) -> None:
        self._out, into = os.pipe()
        os.dup2(into, sys.stderr.fileno())
        self._lines = logs.configure("info", "json")

    @property
    def dropped(self) -> int:
        return self._lines.dropped


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.scenarios.soak")
    parser.add_argument("--requests", type=int, default=1_000_000)
    parser.add_argument("--refreshes", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    log, began = UnreadLog(), time.monotonic()
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        found = runner.run(_soaked(asked.seed, asked.requests, asked.refreshes))
    found.seconds, found.log_lines_dropped = round(time.monotonic() - began, 1), log.dropped
    sys.stdout.write(json.dumps(asdict(found), indent=2) + "\n")
    return 0 if found.kept else 1


async def _soaked(seed: int, requests: int, refreshes: int) -> Found:
    return await Soak(seed).lives(requests, refreshes)


if __name__ == "__main__":
    sys.exit(main())
