"""What the demo prints, who did what and when, and what it counts."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from sidecar.core.watched import WatchedValue


@dataclass(frozen=True, slots=True)
class Tally:
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
        return (
            f"{self.rotations} token rotations, {self.refreshes} refreshes, {self.calls} application calls, "
            f"{self.failed_calls} failed, {len(self.access_keys)} access keys"
        )


class Timeline:
    """Prints lines as they happen, and lets others wait for what they add up to."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._tally = WatchedValue(Tally())

    @property
    def tally(self) -> Tally:
        return self._tally.value

    def say(self, who: str, what: str) -> None:
        elapsed = time.monotonic() - self._started
        print(f"{elapsed:6.1f} s  {who:<12} {what}", flush=True)

    def token_rotated(self) -> None:
        self._tally.set(replace(self.tally, rotations=self.tally.rotations + 1))

    def credentials_issued(self) -> None:
        self._tally.set(replace(self.tally, issued=self.tally.issued + 1))

    def called(self, access_key_id: str) -> None:
        keys = self.tally.access_keys | {access_key_id}
        self._tally.set(replace(self.tally, calls=self.tally.calls + 1, access_keys=keys))

    def call_failed(self) -> None:
        tally = self.tally
        self._tally.set(replace(tally, calls=tally.calls + 1, failed_calls=tally.failed_calls + 1))

    async def until(self, condition: Callable[[Tally], bool]) -> None:
        tally = self.tally
        while not condition(tally):
            tally = await self._tally.other_than(tally)
