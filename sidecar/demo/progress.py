"""Prints what the demo's parts do, and counts it."""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from math import inf
from typing import Any

from sidecar.core.model import Instant, Seconds
from sidecar.core.refresh import RefreshPolicy
from sidecar.core.watched import WatchedValue

JUST_BEFORE: Seconds = 1
"""Before a refresh is due."""


@dataclass(frozen=True, slots=True)
class Counts:
    """What has happened so far."""

    rotations: int = 0
    issued: int = 0
    calls: int = 0
    failed_calls: int = 0
    """Those for which there were credentials."""
    calls_without: int = 0
    """Those that failed while STS was away for longer than credentials live."""
    access_keys: frozenset[str] = frozenset()

    @property
    def refreshes(self) -> int:
        return max(0, self.issued - 1)

    @property
    def of_calls(self) -> str:
        """What came of the application's calls."""
        counted = (
            _counted(self.calls, "application call"),
            f"{self.failed_calls} failed",
            *([f"{self.calls_without} without credentials to use"] if self.calls_without else []),
            _counted(len(self.access_keys), "access key"),
        )
        return ", ".join(counted)

    def __str__(self) -> str:
        rotations, refreshes = (
            _counted(self.rotations, "token rotation"),
            _counted(self.refreshes, "refresh", "refreshes"),
        )
        return f"{rotations}, {refreshes}, {self.of_calls}"


def _counted(count: int, one: str, many: str = "") -> str:
    return f"{count} {one if count == 1 else many or f'{one}s'}"


class Progress:
    """Prints lines as things happen, and lets the demo wait for what they add up to."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._counts = WatchedValue(Counts())
        self._served_until: Instant = inf
        self._due_at: Instant = 0
        self._gap_ended: Instant = -inf

    @property
    def counts(self) -> Counts:
        return self._counts.value

    def print(self, part: str, text: str) -> None:
        elapsed = time.monotonic() - self._started
        print(f"{elapsed:6.1f} s  {part:<12} {text}", flush=True)

    def token_rotated(self) -> None:
        self._counts.set(replace(self.counts, rotations=self.counts.rotations + 1))

    def credentials_issued(self, expires_in: Seconds, next_attempt_in: Seconds) -> None:
        now = time.monotonic()
        if now >= self._served_until:
            self._gap_ended = now
        self._served_until = now + expires_in - RefreshPolicy().margin
        self._due_at = now + next_attempt_in
        self._counts.set(replace(self.counts, issued=self.counts.issued + 1))

    @property
    def seconds_served(self) -> Seconds:
        """How much longer the sidecar has something to serve; less than none: since when it has not."""
        return self._served_until - time.monotonic()

    async def until_nearly_due(self) -> None:
        """Wait until the next refresh is about to begin."""
        await asyncio.sleep(max(0, self._due_at - time.monotonic() - JUST_BEFORE))

    def called(self, fields: Mapping[str, Any]) -> None:
        """A call of the application, as it tells of it."""
        if "error" in fields:
            self.call_failed(fields["took"])
        else:
            self.call_succeeded(fields["access_key_id"])

    def call_succeeded(self, access_key_id: str) -> None:
        keys = self.counts.access_keys | {access_key_id}
        self._counts.set(replace(self.counts, calls=self.counts.calls + 1, access_keys=keys))

    def call_failed(self, took: Seconds) -> None:
        counts = self.counts
        if self._had_none(time.monotonic(), took):
            self._counts.set(replace(counts, calls=counts.calls + 1, calls_without=counts.calls_without + 1))
            return
        self._counts.set(replace(counts, calls=counts.calls + 1, failed_calls=counts.failed_calls + 1))

    def _had_none(self, now: Instant, took: Seconds) -> bool:
        """Was there a moment without credentials while a call lasted that ended now?"""
        return now >= self._served_until or now - took <= self._gap_ended

    async def until(self, condition: Callable[[Counts], bool]) -> None:
        counts = self.counts
        while not condition(counts):
            counts = await self._counts.other_than(counts)
