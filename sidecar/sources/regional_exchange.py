"""One exchange out of one a region: home's STS is asked, and the fallback regions' while that is down."""

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from sidecar.core.errors import ExchangeFailed
from sidecar.core.model import Credentials, Instant
from sidecar.core.ports import Clock
from sidecar.sts.failover import (
    HOME,
    CallOutcome,
    FailoverState,
    after,
    home_again_at,
    is_trial,
    next_region,
    outcome_of,
)

Subject = TypeVar("Subject")

logger = logging.getLogger("sidecar")


@dataclass(frozen=True, slots=True)
class RegionalCall(Generic[Subject]):
    """How one region's STS is asked: what `ask` is given is traded for credentials, or it raises `ExchangeFailed`."""

    region: str
    ask: Callable[[Subject], Awaitable[Credentials]]


class RegionalExchange(Generic[Subject]):
    """An exchange that may be made in several regions. `calls`: home's, then the fallbacks' in their order."""

    def __init__(self, calls: Sequence[RegionalCall[Subject]], clock: Clock) -> None:
        self._calls = calls
        self._clock = clock
        self._state = FailoverState(len(calls))
        self._home_failed_by = ""

    async def __call__(self, subject: Subject) -> Credentials:
        """Ask the region whose turn it is. Raises `ExchangeFailed`."""
        asked = next_region(self._state, self._clock.now())
        if is_trial(self._state, asked) and (found := await self._try_home(subject)) is not None:
            return found
        return await self._ask(next_region(self._state, self._clock.now()), subject)

    async def _try_home(self, subject: Subject) -> Credentials | None:
        """Is home back? None while it is not. Raises `ExchangeFailed` where it is, and refuses."""
        try:
            return await self._ask(HOME, subject)
        except ExchangeFailed:
            if self._state.region == HOME:
                raise
            return None

    async def _ask(self, asked: int, subject: Subject) -> Credentials:
        asked_at = self._clock.now()
        try:
            found = await self._calls[asked].ask(subject)
        except ExchangeFailed as error:
            self._note(asked, outcome_of(error), asked_at, error.cause)
            raise
        self._note(asked, CallOutcome.ANSWERED, asked_at)
        found = replace(found, region=self._calls[asked].region)
        return found if asked == HOME else replace(found, renew_at=home_again_at(self._state))

    def _note(self, asked: int, outcome: CallOutcome, asked_at: Instant, cause: str = "") -> None:
        before = self._state.region
        self._state = after(self._state, asked, outcome, asked_at, self._clock.now())
        if self._state.region != before:
            # A home that throttles is left by a call elsewhere, and that call does not know why it was made.
            self._tell(before, self._home_failed_by if before == HOME != asked else cause)
        if asked == HOME:
            self._home_failed_by = cause

    def _tell(self, before: int, cause: str) -> None:
        regions = {"region": self._calls[self._state.region].region, "region_before": self._calls[before].region}
        if cause:
            logger.warning("another region's STS asked", extra=regions | {"cause": cause})
        else:
            logger.info("home region's STS answers again", extra=regions)
