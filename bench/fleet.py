"""A fleet against one STS, on paper: 10 000 pods for a day, the real refresh policy, virtual time.

`python -m bench.fleet` prints the table and draws the plot. Each pod is a `RoleState` that `refresh.step` moves, with
jitter of its own, as in the service. What stands in for the world is STS: it answers after a tenth of a second,
throttles above a rate, and fails during an outage. The twin fleet has the same policy without any jitter: refreshes to
the second, retries at the top of each ceiling.
"""

import heapq
import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import accumulate
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sidecar.core.errors import SidecarError, StsThrottled, StsUnavailable
from sidecar.core.model import Credentials, Instant, Seconds
from sidecar.core.refresh import Failed, Issued, RefreshPolicy, RoleState, floor, served_until, step

PODS = 10_000
START_WITHIN: Seconds = 60
SESSION: Seconds = 3600
ANSWERS_AFTER: Seconds = 0.1
THROTTLED_ABOVE = 600
"""Calls a second: the default quota of STS per account and Region. AWS does not say whether it holds for
AssumeRoleWithWebIdentity; it serves as the order of magnitude."""
HOUR: Seconds = 3600
OUTAGE: Seconds = 29 * 60
"""Half a session, less the longest wait after it and the margin."""
PLOT = Path(__file__).parent.parent / "docs" / "images" / "fleet.png"
Jitter = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Scenario:
    """What happens to the fleet, in seconds from the first pod's start."""

    name: str
    outage_at: Instant
    ends_at: Instant

    @property
    def outage_ends_at(self) -> Instant:
        return self.outage_at + OUTAGE


@dataclass(frozen=True, slots=True)
class Fleet:
    """How its pods decide. `jitter` gives each pod its own."""

    name: str
    policy: RefreshPolicy
    jitter: Callable[[int], Jitter]


# Noon is where it hurts most: pods that started together and refresh to the second ask together for the 24th time.
SCENARIOS = (
    Scenario("a day, STS down for 29 min at noon", 24 * (SESSION - floor(SESSION, RefreshPolicy())), 24 * HOUR),
    Scenario("STS down for 29 min from the start", 0, 4 * HOUR),
)
FLEETS = (
    Fleet("with our jitter", RefreshPolicy(), lambda pod: random.Random(f"pod-{pod}").random),
    Fleet("without jitter", replace(RefreshPolicy(), jitter_share=0), lambda _: lambda: 1 - 1e-9),
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """One fleet's fate in one scenario. Counts are per second, times in seconds."""

    fleet: Fleet
    scenario: Scenario
    calls: list[int] = field(repr=False)
    bare: list[int] = field(repr=False)
    """Pods that had asked, been refused or cut off, and held nothing valid."""
    throttled: int
    recovered_after: Seconds
    """From the end of the outage until the last pod with a failed attempt behind it was issued credentials."""

    @property
    def peak_in_outage(self) -> int:
        return max(self.calls[int(self.scenario.outage_at) : int(self.scenario.outage_ends_at)])

    @property
    def peak_otherwise(self) -> int:
        """The first minute is left out: there the pods make their first call, at once under any policy."""
        before = self.calls[int(START_WITHIN) + 1 : int(self.scenario.outage_at)]
        return max(before + self.calls[int(self.scenario.outage_ends_at) :])

    @property
    def mean(self) -> float:
        return sum(self.calls) / len(self.calls)


class Sts:
    """Counts the calls of each second; unavailable in the outage, throttling above the rate."""

    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario
        self.calls = [0] * int(scenario.ends_at)
        self.throttled = 0

    def refusal(self, at: Instant) -> SidecarError | None:
        self.calls[int(at)] += 1
        if self._scenario.outage_at <= at < self._scenario.outage_ends_at:
            return StsUnavailable("503", fix="")
        if self.calls[int(at)] > THROTTLED_ABOVE:
            self.throttled += 1
            return StsThrottled("Throttling", fix="")
        return None


class Coverage:
    """How many pods hold nothing valid, second by second."""

    def __init__(self, seconds: int) -> None:
        self._changes = [0] * (seconds + 1)

    def missing(self, since: Instant, until: Instant) -> None:
        last = len(self._changes) - 1
        self._changes[min(int(since), last)] += 1
        self._changes[min(int(until), last)] -= 1

    def per_second(self) -> list[int]:
        return list(accumulate(self._changes))[:-1]


def simulate(fleet: Fleet, scenario: Scenario) -> Outcome:
    """Take every attempt of every pod in the order of time."""
    sts, coverage = Sts(scenario), Coverage(int(scenario.ends_at))
    starts = random.Random("the same starts for both fleets")
    attempts = [(starts.uniform(0, START_WITHIN), pod) for pod in range(PODS)]
    valid_until = [at + ANSWERS_AFTER for at, _ in attempts]  # the first answer is nobody's gap
    heapq.heapify(attempts)
    states, jitter = [RoleState()] * PODS, [fleet.jitter(pod) for pod in range(PODS)]
    recovered_at = scenario.outage_ends_at
    while attempts[0][0] < scenario.ends_at:
        asked_at, pod = attempts[0]
        at, before = asked_at + ANSWERS_AFTER, states[pod]
        refusal = sts.refusal(asked_at)
        states[pod] = state = step(before, Failed(at, refusal) if refusal else _issued(at), fleet.policy, jitter[pod]())
        heapq.heapreplace(attempts, (max(at, state.attempt_at), pod))
        if refusal or state.credentials is None:
            continue
        if at > valid_until[pod]:
            coverage.missing(valid_until[pod], at)
        valid_until[pod] = served_until(state.credentials, fleet.policy)
        if before.error is not None:
            recovered_at = max(recovered_at, at)
    for until in valid_until:
        coverage.missing(until, scenario.ends_at)  # nothing, unless it never recovered
    recovered_after = recovered_at - scenario.outage_ends_at
    return Outcome(fleet, scenario, sts.calls, coverage.per_second(), sts.throttled, recovered_after)


def _issued(at: Instant) -> Issued:
    asked_at = at - ANSWERS_AFTER
    return Issued(
        at, Credentials("", "", "", "", "", 0, issued_at=asked_at, expires_at=asked_at + SESSION), ANSWERS_AFTER
    )


def table(outcomes: list[Outcome]) -> str:
    """The outcomes as text."""
    rows = [
        ("", "", "calls/s:", "peak in", "peak", "throttled", "pods without", "time to"),
        ("", "", "mean", "outage", "otherwise", "calls", "credentials", "recover"),
        *(_row(each) for each in outcomes),
    ]
    title = f"{PODS} pods, started within {START_WITHIN:.0f} s, STS throttling above {THROTTLED_ABOVE} calls/s"
    return "\n".join((title, "", *("  {:<36}{:<17}{:>9}{:>9}{:>11}{:>11}{:>14}{:>10}".format(*row) for row in rows)))


def _row(outcome: Outcome) -> tuple[str, ...]:
    return (
        outcome.scenario.name,
        outcome.fleet.name,
        f"{outcome.mean:.1f}",
        str(outcome.peak_in_outage),
        str(outcome.peak_otherwise),
        str(outcome.throttled),
        str(max(outcome.bare)),
        f"{outcome.recovered_after:.1f} s",
    )


@dataclass(frozen=True, slots=True)
class View:
    """A stretch of time to draw, in seconds: the highest second of each `window`."""

    since: int
    until: int
    window: int
    unit: int
    named: str


WHOLE = View(0, 24 * 3600, 60, 3600, "h")


def _close(scenario: Scenario) -> View:
    return View(max(0, int(scenario.outage_at) - 300), int(scenario.outage_ends_at) + 1800, 1, 60, "min")


def plot(outcomes: list[Outcome], path: Path = PLOT) -> None:
    """Calls a second for each scenario: the whole of it, and the outage from close by."""
    figure = Figure(figsize=(11, 6.5), layout="constrained")
    grid = figure.subplots(len(SCENARIOS), 2)
    for row, scenario in zip(grid, SCENARIOS, strict=True):
        of_this = [each for each in outcomes if each.scenario is scenario]
        _draw(row[0], of_this, WHOLE)
        _draw(row[1], of_this, _close(scenario))
        row[0].set_title(scenario.name, loc="left")
        row[1].set_title("the outage and the half hour after it", loc="left")
    grid[0][0].legend(loc="upper right")
    figure.suptitle(f"STS calls per second, {PODS} pods (highest second in each minute; right: each second)")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=90)


def _draw(axes: Axes, outcomes: list[Outcome], view: View) -> None:
    scenario = outcomes[0].scenario
    axes.axvspan(scenario.outage_at / view.unit, scenario.outage_ends_at / view.unit, color="0.9", label="STS down")
    for each, colour in zip(reversed(outcomes), ("tab:orange", "tab:blue"), strict=True):
        seconds = range(view.since, min(view.until, len(each.calls)) - view.window + 1, view.window)
        peaks = [max(each.calls[second : second + view.window]) for second in seconds]
        axes.plot([second / view.unit for second in seconds], peaks, color=colour, linewidth=0.8, label=each.fleet.name)
    axes.set_xlabel(view.named)
    axes.set_ylabel("calls/s")
    axes.set_ylim(bottom=0)


def main() -> None:
    outcomes = [simulate(fleet, scenario) for scenario in SCENARIOS for fleet in FLEETS]
    print(table(outcomes))
    plot(outcomes)


if __name__ == "__main__":
    main()
