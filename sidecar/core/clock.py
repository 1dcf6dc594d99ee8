"""The machine's clocks, as the `Clock` port wants them."""

import time

from sidecar.core.model import Instant, UnixTime

# Boot time counts a suspended machine's sleep and no correction of the wall clock; macOS has only the monotonic clock.
_STEADY = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class SystemClock:
    """The `Clock` of production."""

    def now(self) -> Instant:
        return time.clock_gettime(_STEADY)

    def wall(self) -> UnixTime:
        return time.time()
