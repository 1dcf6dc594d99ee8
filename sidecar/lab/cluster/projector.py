"""Projects tokens as the kubelet does: writes a pod's token into its volume, and replaces it before it expires.

Source of the rule: Kubernetes pkg/kubelet/token/token_manager.go. How the files are replaced is in `atomic_writer`.
"""

import asyncio
import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from sidecar.lab.clock import LabClock
from sidecar.lab.cluster.accounts import ServiceAccount
from sidecar.lab.cluster.atomic_writer import Access, replace_files

REPLACED_AFTER = 86400.0
"""Seconds after which a token is replaced, whatever its lifetime."""
REFRESH_JITTER = 10.0
"""The kubelet refreshes up to this many seconds early; it draws a new random value at each check."""
SYNC_PERIOD = 60.0
"""Seconds between two checks of a pod by the kubelet."""
SHORTEST_LIFETIME = 600.0
"""Seconds, the least that a cluster grants. For shorter rehearsals, jitter and sync period shrink in proportion."""

NEVER = math.inf


@dataclass(frozen=True, slots=True)
class MintedToken:
    """A token and its times, in Unix seconds. The kubelet replaces it at `refresh_at`, before jitter."""

    token: str = field(repr=False)
    kid: str
    issued_at: float
    expires_at: float
    refresh_at: float

    @property
    def lifetime(self) -> float:
        return self.expires_at - self.issued_at


def refresh_at(issued_at: float, expires_at: float) -> float:
    """At 80 % of its life, in whole seconds, and never later than a day."""
    return min(expires_at - (expires_at - issued_at) * 20 // 100, issued_at + REPLACED_AFTER)


def due(minted: MintedToken, now: float, jitter: float) -> bool:
    """The kubelet's rule; it also replaces a token that was issued later than now, after the clock was set back."""
    return now > minted.refresh_at - jitter or now < minted.issued_at


def largest_jitter(lifetime: float) -> float:
    return REFRESH_JITTER * min(1.0, lifetime / SHORTEST_LIFETIME)


def sync_period(lifetime: float) -> float:
    return SYNC_PERIOD * min(1.0, lifetime / SHORTEST_LIFETIME)


def access_for(account: ServiceAccount) -> Access:
    """What the kubelet chooses: fsGroup, else one runAsUser for the whole pod, else the default (Kubernetes 1.19)."""
    if account.fs_group is not None:
        return Access(0o640, group=account.fs_group)
    if account.run_as_user is not None:
        return Access(0o600, owner=account.run_as_user)
    return Access()


class Projection:
    """One service account's token in one volume. `mint` makes a token at the given time."""

    def __init__(
        self,
        account: ServiceAccount,
        volume: Path,
        mint: Callable[[float], MintedToken],
        *,
        clock: LabClock,
        on_rotate: Callable[[MintedToken], None],
    ) -> None:
        self.account = account
        self.volume = volume
        self._mint = mint
        self._clock = clock
        self._on_rotate = on_rotate
        self._wake = asyncio.Event()
        self.current = self.rotate()

    def rotate(self) -> MintedToken:
        """Replaces the token now. Raises PermissionError if this process may not give files to that user or group."""
        now = self._clock()
        self.current = self._mint(now)
        replace_files(self.volume, {"token": self.current.token.encode()}, now, access_for(self.account))
        self._on_rotate(self.current)
        return self.current

    def wake(self) -> None:
        """Has the token replaced at once, because something about it changed."""
        self._wake.set()

    async def keep_fresh(self) -> NoReturn:
        while True:
            await self._until_due()
            self.rotate()

    async def _until_due(self) -> None:
        lifetime = self.current.lifetime
        jitter = largest_jitter(lifetime)
        while not due(self.current, self._clock(), random.uniform(0, jitter)):  # noqa: S311 (no secret)
            try:
                await asyncio.wait_for(self._wake.wait(), sync_period(lifetime))
            except TimeoutError:
                continue
            break
        self._wake.clear()
