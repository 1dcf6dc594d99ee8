"""Prints what the demo's parts do, and counts it."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from sidecar.core.watched import WatchedValue


@dataclass(frozen=True, slots=True)
class Counts:
    """What has happened so far."""

    rotations: int = 0
    issued: int = 0
    calls: int = 0
    failed_calls: int = 0
    access_keys: frozenset[str] = frozenset()

    @property
    def refreshes(self) -> int:
        return max(0, self.issued - 1)

    def __str__(self) -> str:
        counted = (
            _counted(self.rotations, "token rotation"),
            _counted(self.refreshes, "refresh", "refreshes"),
            _counted(self.calls, "application call"),
            f"{self.failed_calls} failed",
            _counted(len(self.access_keys), "access key"),
        )
        return ", ".join(counted)


def _counted(count: int, one: str, many: str = "") -> str:
    return f"{count} {one if count == 1 else many or f'{one}s'}"


class Progress:
    """Prints lines as things happen, and lets the demo wait for what they add up to."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._counts = WatchedValue(Counts())

    @property
    def counts(self) -> Counts:
        return self._counts.value

    def print(self, part: str, text: str) -> None:
        elapsed = time.monotonic() - self._started
        print(f"{elapsed:6.1f} s  {part:<12} {text}", flush=True)

    def token_rotated(self) -> None:
        self._counts.set(replace(self.counts, rotations=self.counts.rotations + 1))

    def credentials_issued(self) -> None:
        self._counts.set(replace(self.counts, issued=self.counts.issued + 1))

    def call_succeeded(self, access_key_id: str) -> None:
        keys = self.counts.access_keys | {access_key_id}
        self._counts.set(replace(self.counts, calls=self.counts.calls + 1, access_keys=keys))

    def call_failed(self) -> None:
        counts = self.counts
        self._counts.set(replace(counts, calls=counts.calls + 1, failed_calls=counts.failed_calls + 1))

    async def until(self, condition: Callable[[Counts], bool]) -> None:
        counts = self.counts
        while not condition(counts):
            counts = await self._counts.other_than(counts)
