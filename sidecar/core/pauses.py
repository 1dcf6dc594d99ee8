"""Notices that the machine stood still: its wall clock is set right afterwards, its steady clock has lost the time.

Docker Desktop and kind pause their machine, microVMs resume from snapshots, laptops sleep. Where nobody sets the wall
clock either, nothing inside the machine can tell.
"""

from sidecar.core.model import Seconds
from sidecar.core.ports import Clock

CLOCK_STEP: Seconds = 60
"""Less is a correction. More may be a pause; that it was none, only STS's clock can say."""


class Pauses:
    """Compares the two clocks. What the wall clock moves back, it may have moved ahead before: that changes nothing."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lowest = self._difference()
        self.total: Seconds = 0
        """All that was ever noticed."""

    def noticed(self) -> Seconds:
        """How far the wall clock has moved ahead of the steady one since it was last told; 0 up to `CLOCK_STEP`.

        Short pauses add up until they are told or `forget` is called.
        """
        difference = self._difference()
        moved = difference - self._lowest
        if moved > CLOCK_STEP:
            self._lowest = difference
            self.total += moved
            return moved
        self._lowest = min(self._lowest, difference)
        return 0

    def forget(self) -> None:
        """Start anew, for credentials that were issued after the short pauses so far."""
        self._lowest = self._difference()

    def _difference(self) -> Seconds:
        return self._clock.wall() - self._clock.now()
