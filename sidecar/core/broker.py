"""One role's credentials: the only task that asks its source for them, and the way to read them.

One writer instead of locks: `keep_fresh` alone asks the source and changes the state; whoever wants credentials looks
at the state, or waits for the next one. So a hundred waiters cost one attempt, all learn of a failure in the same
instant, and a client that hangs up cancels nothing.
"""

import asyncio
import traceback
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AbstractContextManager, nullcontext
from dataclasses import replace
from typing import NoReturn

from sidecar.core.errors import ExchangeFailed, NoCredentials, SidecarError, Unexpected
from sidecar.core.model import Credentials, Instant, Seconds, Token
from sidecar.core.pauses import Pauses
from sidecar.core.ports import Clock, CredentialSource, Observer
from sidecar.core.refresh import (
    ClockMoved,
    Doubted,
    Failed,
    Issued,
    Phase,
    RefreshEvent,
    RefreshPolicy,
    RoleState,
    SourceChanged,
    backing_off,
    check_not_worse,
    phase,
    step,
    usable,
)
from sidecar.core.watched import Watched, WatchedValue

MAXIMUM_SLEEP: Seconds = 10
"""The longest sleep. A paused machine's timers do not notice the time that passed; a short sleep ends soon after."""
SHORTEST_SLEEP: Seconds = 0.001
ATTEMPT_WITHIN: Seconds = 60
"""The longest attempt: a source has time-outs of its own, and one without must not end all refreshes."""
ANSWER_TIMEOUT: Seconds = 0.8
"""The longest that a request waits for an attempt under way: JavaScript and Java SDKs hang up after 1 s."""
UNCOUNTED: AbstractContextManager[None] = nullcontext()


class Broker:
    """Keeps one role's credentials fresh and hands them out.

    `jitter` gives numbers in [0, 1); seeded per pod, it makes a fleet spread and a pod repeatable. `waits` is entered
    for each request that waits; it must neither raise nor wait. `place` is entered for each call of the source's, not
    for its look at what credentials are made from: that may be a wait for another role's broker.
    `held`: what is served until the source, which is asked at once all the same, gives others.
    """

    def __init__(
        self,
        *,
        role: str,
        source: CredentialSource,
        clock: Clock,
        jitter: Callable[[], float],
        observe: Observer,
        policy: RefreshPolicy,
        waits: AbstractContextManager[None] = UNCOUNTED,
        place: Callable[[], AbstractAsyncContextManager[None]] = nullcontext,
        held: Credentials | None = None,
    ) -> None:
        self._role = role
        self._source = source
        self._clock = clock
        self._jitter = jitter
        self._observe = observe
        self._policy = policy
        self._waits = waits
        self._place = place
        self._state = WatchedValue(RoleState(held))
        self._content: object = None
        self._pauses = Pauses(clock)
        self._sleep: asyncio.Timeout | None = None
        self._alive_at: Instant = clock.now()

    @property
    def state(self) -> RoleState:
        return self._state.value

    @property
    def states(self) -> Watched[RoleState]:
        """The state, for those who wait for the next one."""
        return self._state

    @property
    def token(self) -> Token | None:
        """The token that stands behind the credentials, None where there is none."""
        return self._source.token

    @property
    def phase(self) -> Phase:
        return phase(self.state, self._clock.now(), self._policy)

    @property
    def idle_for(self) -> Seconds:
        """Seconds since the loop last came round. Beyond one sleep and one attempt, something is stuck."""
        return self._clock.now() - self._alive_at

    def doubt(self) -> None:
        """Ask for new credentials soon: with these a call was refused. They are served until there are others."""
        self._apply(Doubted(self._clock.now()))
        self._wake()

    def usable(self) -> Credentials | None:
        """The credentials that may be served at this instant, if any."""
        self._note_pause()  # here too: a machine resumes, and the first to run may be a client
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
        """Ask the source when the policy says so, until cancelled; then wake who waits for the next state."""
        try:
            while True:
                await self._attempt()
                await self._until_due()
        finally:
            self._state.set(replace(self.state, ended=True))

    async def _attempt(self) -> None:
        asked_at: Instant | None = None
        paused_before = self._pauses.total
        outcome: Credentials | SidecarError
        try:
            async with asyncio.timeout(ATTEMPT_WITHIN):
                await self._check()
                async with self._place():
                    asked_at = self._clock.now()
                    # Another identity's session replaces the one that is held, however short it is.
                    same_identity = self._source.same_identity
                    outcome = await self._source.obtain()
                if same_identity:
                    check_not_worse(self.state, outcome, self._clock.now(), self._policy)
        except asyncio.CancelledError as error:
            if _cancelled():
                raise
            outcome = _named(error)  # somebody else's: taken for ours, it would end all refreshes without a word
        except Exception as error:  # noqa: BLE001 (a defect here must not cost credentials that are still valid)
            outcome = _named(error)
        self._note_pause()
        self._note_outcome(outcome, asked_at, self._pauses.total - paused_before)

    def _note_outcome(self, outcome: Credentials | SidecarError, asked_at: Instant | None, paused: Seconds) -> None:
        """`paused`: for so long the machine stood still meanwhile; STS may have answered before that or after."""
        now = self._clock.now()
        took = None if asked_at is None else now - asked_at
        if isinstance(outcome, SidecarError):
            sts_time = outcome.sts_time if isinstance(outcome, ExchangeFailed) and not paused else None
            self._apply(Failed(now, outcome, took, sts_time))
            return
        self._pauses.forget()
        self._apply(Issued(now, outcome, took or 0))
        if paused:
            self._apply(ClockMoved(now, paused))

    async def _check(self) -> None:
        try:
            await self._source.check()
        finally:
            self._note_change()  # before the attempt's own outcome: it was made with what is new

    async def _until_due(self) -> None:
        seen = self._source.changed.value
        self._note_change()  # what came while the attempt was under way
        while (wait := self._wait()) > 0:
            self._alive_at = self._clock.now()
            try:
                async with asyncio.timeout(wait) as self._sleep:
                    seen = await self._source.changed.other_than(seen)
            except TimeoutError:
                continue
            finally:
                self._sleep = None
            self._note_change()
        self._alive_at = self._clock.now()

    def _wait(self) -> Seconds:
        self._note_pause()
        now = self._clock.now()
        return min(_next_look(now), self.state.attempt_at - now)

    def _note_change(self) -> None:
        """Remember what the source holds; new content is an event, the first sight during an attempt is not."""
        content = self._source.changed.value
        if content is None or content == self._content:
            return
        first = self._content is None and self.state.error is None
        self._content = content
        if not first:
            source = self._source
            self._apply(SourceChanged(self._clock.now(), same_identity=source.same_identity, what=source.made_from))

    def _note_pause(self) -> None:
        """Let a pause age the credentials, and let the attempt that it calls for begin before the sleep ends."""
        if (moved := self._pauses.noticed()) == 0:
            return
        self._apply(ClockMoved(self._clock.now(), moved))
        self._wake()

    def _wake(self) -> None:
        """Let the loop look again when the next attempt is."""
        if self._sleep is not None and not self._sleep.expired():
            self._sleep.reschedule(asyncio.get_running_loop().time())

    def _apply(self, event: RefreshEvent) -> None:
        state = step(self.state, event, self._policy, self._jitter())
        self._state.set(state)
        self._observe(self._role, event, state)

    def _nothing_to_serve(self) -> NoCredentials:
        state = self.state
        if state.error is None:
            return NoCredentials(
                None,
                cause="The first credentials are still being fetched.",
                fix="Try again in a second. If this continues, see /readyz on the sidecar's admin port.",
                retry_after=1,
            )
        return NoCredentials(
            state.error,
            cause=state.error.cause,
            fix=state.error.fix,
            retry_after=max(0, state.attempt_at - self._clock.now()),
        )


def _next_look(now: Instant) -> Seconds:
    """How long to sleep at most: until a moment that is the same for all roles, which so wake the process together."""
    wait = MAXIMUM_SLEEP - now % MAXIMUM_SLEEP
    return wait if wait > SHORTEST_SLEEP else MAXIMUM_SLEEP


def _cancelled() -> bool:
    """Does anybody want this task to end?"""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _named(error: BaseException) -> SidecarError:
    if isinstance(error, SidecarError):
        # It is remembered, and the frames behind it would keep the token in memory.
        error.__cause__ = error.__context__ = None
        return error.with_traceback(None)
    # Neither the text of a foreign exception nor its arguments: they may quote what it was working on.
    place = traceback.extract_tb(error.__traceback__)[-1]
    return Unexpected(
        f"A bug in the sidecar: {type(error).__name__} at {place.filename}:{place.lineno}.",
        fix="Please report this line. The sidecar keeps trying.",
    )
