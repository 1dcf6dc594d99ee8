"""A chain between faked edges: the base's broker is real, what AssumeRole answers is a script."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from sidecar.core.broker import Broker
from sidecar.core.errors import ExchangeFailed
from sidecar.core.model import Credentials, Instant, Seconds
from sidecar.core.refresh import RefreshPolicy
from sidecar.sources.chain import Chain
from sidecar.sts.assume_role import Base
from tests.doubles import Outcome, Pod, Recorder, VirtualClock, credentials

TARGET_ARN = "arn:aws:iam::444455556666:role/partner"


class ScriptedAssumeRole:
    """Plays back outcomes, the last one for ever, and remembers who asked when."""

    def __init__(self, clock: VirtualClock, outcomes: tuple[Outcome, ...], takes: Seconds = 0.25) -> None:
        self._clock = clock
        self._outcomes = list(outcomes)
        self._takes = takes
        self.called_at: list[Instant] = []
        self.bases: list[Base] = []

    def will(self, *outcomes: Outcome) -> None:
        """From the next call on."""
        self._outcomes = list(outcomes)

    async def __call__(self, base: Base) -> Credentials:
        asked_at = self._clock.now()
        self.called_at.append(asked_at)
        self.bases.append(base)
        outcome = self._outcomes.pop(0) if len(self._outcomes) > 1 else self._outcomes[0]
        await asyncio.sleep(self._takes)
        if isinstance(outcome, BaseException):
            if isinstance(outcome, ExchangeFailed):
                outcome.sts_time = self._clock.true()
            raise outcome.with_traceback(None)
        session = "arn:aws:sts::444455556666:assumed-role/partner/shop.checkout"
        found = credentials(issued_at=asked_at, life=outcome, sts_time=self._clock.true())
        return replace(found, role_arn=TARGET_ARN, assumed_role_arn=session)


class ChainedPod:
    """A base role, and a chain of `links` roles on it: each stands on the one before."""

    def __init__(self, *outcomes: Outcome, base: Pod | None = None, links: int = 1, jitter: float = 0.5) -> None:
        self.base = base or Pod()
        self.clock = self.base.clock
        self.exchanges: list[ScriptedAssumeRole] = []
        self.brokers: list[Broker] = [self.base.broker]
        self.seen: list[Recorder] = []
        for link in range(links):
            self._add(link, outcomes or (3600,), jitter)

    def _add(self, link: int, outcomes: tuple[Outcome, ...], jitter: float) -> None:
        exchange, seen = ScriptedAssumeRole(self.clock, outcomes), Recorder()
        self.exchanges.append(exchange)
        self.seen.append(seen)
        broker = Broker(
            role=f"link-{link + 1}",
            source=Chain(f"link-{link}" if link else "default", lambda: self.brokers[link], exchange, self.clock),
            clock=self.clock,
            jitter=lambda: jitter,
            observe=seen,
            policy=RefreshPolicy(),
        )
        self.brokers.append(broker)

    @property
    def exchange(self) -> ScriptedAssumeRole:
        """The last link's."""
        return self.exchanges[-1]

    @property
    def broker(self) -> Broker:
        """The last link's."""
        return self.brokers[-1]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(broker.keep_fresh()) for broker in self.brokers]
            try:
                yield
            finally:
                for task in tasks:
                    task.cancel()
