"""One role's credentials: the only task that exchanges, and the way to read them.

One writer instead of locks: `keep_fresh` alone calls STS and changes the state; whoever wants credentials looks at the
state, or waits for the next one. So a hundred waiters cost one exchange, all learn of a failure in the same instant,
and a client that hangs up cancels nothing.
"""

import asyncio
import traceback
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import NoReturn

from sidecar.core.errors import NoCredentials, SidecarError, TokenExpired, Unexpected
from sidecar.core.model import Credentials, Instant, Seconds, Token, UnixTime
from sidecar.core.ports import Clock, Exchange, Observer, TokenSource
from sidecar.core.refresh import (
    Failed,
    Issued,
    Phase,
    RefreshEvent,
    RefreshPolicy,
    RoleState,
    TokenRotated,
    backing_off,
    phase,
    step,
    usable,
)
from sidecar.core.watched import WatchedValue

MAXIMUM_SLEEP: Seconds = 30
"""The longest sleep. A suspended machine's timers do not notice the time that passed; a short sleep ends soon after."""
ANSWER_TIMEOUT: Seconds = 0.8
"""The longest that a request waits for an attempt under way: JavaScript and Java SDKs hang up after 1 s."""
UNCOUNTED: AbstractContextManager[None] = nullcontext()


class Broker:
    """Keeps one role's credentials fresh and hands them out.

    `jitter` gives numbers in [0, 1); seeded per pod, it makes a fleet spread and a pod repeatable. `waits` is entered
    for each request that waits; it must neither raise nor wait.
    """

    def __init__(
        self,
        *,
        tokens: TokenSource,
        exchange: Exchange,
        clock: Clock,
        jitter: Callable[[], float],
        observe: Observer,
        policy: RefreshPolicy,
        waits: AbstractContextManager[None] = UNCOUNTED,
    ) -> None:
        self._tokens = tokens
        self._exchange = exchange
        self._clock = clock
        self._jitter = jitter
        self._observe = observe
        self._policy = policy
        self._waits = waits
        self._state = WatchedValue(RoleState())
        self._token: Token | None = None
        self._exchanged: Token | None = None
        self._alive_at: Instant = clock.now()

    @property
    def state(self) -> RoleState:
        return self._state.value

    @property
    def phase(self) -> Phase:
        return phase(self.state, self._clock.now(), self._policy)

    @property
    def idle_for(self) -> Seconds:
        """Seconds since the loop last came round. Beyond one sleep and one attempt, something is stuck."""
        return self._clock.now() - self._alive_at

    def usable(self) -> Credentials | None:
        """The credentials that may be served at this instant, if any."""
        return usable(self.state, self._clock.now(), self._policy)

    async def credentials(self, within: Seconds = ANSWER_TIMEOUT) -> Credentials:
        """Credentials that are valid now; waits up to `within` seconds for an attempt that is under way.

        Raises `NoCredentials` at once while the broker is backing off, and after `within` seconds.
        """
        if (held := self._held()) is not None:
            return held
        try:
            with self._waits:
                async with asyncio.timeout(within):
                    return await self._next()
        except TimeoutError:
            if (held := self.usable()) is not None:  # they came in the very turn of the loop in which the wait ended
                return held
            raise self._nothing_to_serve() from None

    async def _next(self) -> Credentials:
        held = None
        while held is None:
            await self._state.other_than(self.state)
            held = self._held()
        return held

    def _held(self) -> Credentials | None:
        """What may be served, None while an attempt is under way. Raises `NoCredentials` while backing off."""
        held = self.usable()
        if held is None and backing_off(self.state, self._clock.now()):
            raise self._nothing_to_serve()
        return held

    async def keep_fresh(self) -> NoReturn:
        """Exchange when the policy says so, for ever."""
        while True:
            await self._attempt()
            await self._until_due()

    async def _attempt(self) -> None:
        asked_at: Instant | None = None
        try:
            token = await self._tokens.read()
            self._note(token)
            self._refuse_expired(token)
            asked_at = self._clock.now()
            credentials = await self._exchange(token)
        except Exception as error:  # noqa: BLE001 (a defect here must not cost credentials that are still valid)
            now = self._clock.now()
            self._apply(Failed(now, _named(error), None if asked_at is None else now - asked_at))
            return
        self._exchanged = token
        now = self._clock.now()
        self._apply(Issued(now, credentials, now - asked_at))

    def _refuse_expired(self, token: Token) -> None:
        overdue = self._earliest_time() - token.claims.expires_at
        if overdue < 0:
            return
        raise TokenExpired(
            f"The projected token expired {overdue:.0f} s ago and has not been replaced.",
            fix="Check that the kubelet on this node is healthy, that the node's clock is right, and that the volume "
            "is a projected serviceAccountToken, not mounted with subPath (such a mount never sees a rotation).",
        )

    def _earliest_time(self) -> UnixTime:
        """What the slower of two clocks shows: the node's, and STS's as its last answer told it.

        Either may be wrong. A token that both call expired is not sent; to withhold a good one would be the worse
        mistake, for nothing would ever correct it, while STS refuses a bad one once.
        """
        held = self.state.credentials
        if held is None:
            return self._clock.wall()
        return min(self._clock.wall(), self._clock.now() + held.expiration - held.expires_at)

    async def _until_due(self) -> None:
        seen = self._tokens.current.value
        if seen != self._token:  # rotated while the attempt was under way
            self._note(seen)
        while (wait := min(MAXIMUM_SLEEP, self.state.attempt_at - self._clock.now())) > 0:
            self._alive_at = self._clock.now()
            try:
                async with asyncio.timeout(wait):
                    seen = await self._tokens.current.other_than(seen)
            except TimeoutError:
                continue
            self._note(seen)
        self._alive_at = self._clock.now()

    def _note(self, token: Token | None) -> None:
        """Remember what the file holds; new content is an event, the first sight during an attempt is not."""
        if token is None or token == self._token:
            return
        first = self._token is None and self.state.error is None
        self._token = token
        if not first:
            same = self._exchanged is not None and token.claims.identity == self._exchanged.claims.identity
            self._apply(TokenRotated(self._clock.now(), same_identity=same))

    def _apply(self, event: RefreshEvent) -> None:
        state = step(self.state, event, self._policy, self._jitter())
        self._state.set(state)
        self._observe(event, state)

    def _nothing_to_serve(self) -> NoCredentials:
        state = self.state
        if state.error is None:
            return NoCredentials(
                None,
                cause="An exchange with STS is still under way.",
                fix="Ask again in a second; if this lasts, see /readyz on the sidecar's admin port.",
                retry_after=1,
            )
        return NoCredentials(
            state.error,
            cause=state.error.cause,
            fix=state.error.fix,
            retry_after=max(0, state.attempt_at - self._clock.now()),
        )


def _named(error: Exception) -> SidecarError:
    if isinstance(error, SidecarError):
        # It is remembered, and the frames behind it would keep the token in memory.
        error.__context__ = None
        return error.with_traceback(None)
    # Neither the text of a foreign exception nor its arguments: they may quote what it was working on.
    place = traceback.extract_tb(error.__traceback__)[-1]
    return Unexpected(
        f"A defect in the sidecar: {type(error).__name__} at {place.filename}:{place.lineno}.",
        fix="Please report this line to the project; the sidecar keeps trying.",
    )
