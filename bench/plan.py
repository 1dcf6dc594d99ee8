"""How much is measured: the whole, or enough to see that the harness works. Times are in seconds."""

from dataclasses import dataclass
from enum import Enum

ROWS = ("throughput", "fixed", "refresh", "burst", "idle", "outage", "sigterm", "footprint", "growth", "fleet")


class Missing(Enum):
    """Why a server has no row. Words of our own: what a tool wrote may name this workplace, and is only printed."""

    NOT_BUILT = "it could not be built here"
    NOT_STARTED = "it did not start here"
    NOT_ALONE = "it binds all addresses, and there is no network namespace to keep it in"


@dataclass(frozen=True, slots=True)
class Plan:
    """`outage_life` is the life of the sessions whose end is watched; more than ten minutes, unless in a hurry.

    `rates`: requests a second, and how many slices follow each other in a turn. `slow`: up to so many a second, peers
    are chosen in the same seconds, else one after the other.
    """

    rounds: int = 5
    warm: float = 0.3
    throughput_for: float = 0.6
    clients: tuple[int, ...] = (1, 16, 256, 1000)
    rates: tuple[tuple[int, int], ...] = ((50, 8), (200, 4), (900, 2))
    slice_warm: float = 0.15
    slice_for: float = 0.4
    rate_slice_for: float = 2
    slow: int = 200
    least_turns: int = 6
    p99_for: float = 780
    refresh_for: float = 20
    refresh_every: float = 0.5
    idle_for: float = 20
    settle: float = 3
    outage_life: int = 620
    footprint_rounds: int = 3
    growth_requests: int = 1_500_000
    growth_refreshes: int = 1_000
    rows: tuple[str, ...] = ROWS


QUICK = Plan(
    rounds=1,
    throughput_for=0.4,
    clients=(1, 16, 256),
    rates=((50, 2), (200, 2), (900, 2)),
    rate_slice_for=0.5,
    least_turns=1,
    p99_for=0,
    refresh_for=4,
    idle_for=3,
    settle=1,
    outage_life=35,
    footprint_rounds=1,
    growth_requests=50_000,
    growth_refreshes=50,
)
