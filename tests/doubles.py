"""Honest stand-ins for the core's edges: time, STS, the token file, observers. Fakes, and they take time.

All secrets here are canaries (see `conftest.canary`): text that must never turn up in a log, a repr or a traceback.
"""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, asynccontextmanager
from itertools import count
from typing import Any

from sidecar.core.broker import UNCOUNTED, Broker
from sidecar.core.claims import unverified_claims
from sidecar.core.errors import ExchangeFailed, NoCredentials, StsUnreachable, TokenUnreadable
from sidecar.core.model import DEFAULT_ROLE, Credentials, Instant, Seconds, Token, UnixTime
from sidecar.core.ports import Observer
from sidecar.core.refresh import Issued, RefreshEvent, RefreshPolicy, RoleState
from sidecar.core.watched import WatchedValue
from sidecar.observe.fan_out import to_observers
from sidecar.settings.config import Config
from sidecar.settings.roles import WebIdentitySettings
from sidecar.sources.web_identity import Exchange, WebIdentity

TOKEN_CANARY = "canary-in-the-token"
KEY_CANARY = "canary/in/the/secret/key"
SESSION_CANARY = "canary/in/the/session/token"
CANARIES = (TOKEN_CANARY, KEY_CANARY, SESSION_CANARY)

EPOCH: UnixTime = 1_800_000_000
"""What the wall clock shows when virtual time begins."""
DAY: Seconds = 86_400
ROLE_ARN = "arn:aws:iam::111122223333:role/shop/checkout"
ISSUER = "https://oidc.example/cluster"
SUBJECT = "system:serviceaccount:shop:checkout"
_serials = count(1)


def web_identity(config: Config) -> WebIdentitySettings:
    """What the default role asks STS for."""
    source = config.roles.default_role.source
    assert isinstance(source, WebIdentitySettings)
    return source


class VirtualClock:
    """`ports.Clock` on the event loop's time, with a wall clock that can be set and a machine that can be suspended."""

    def __init__(self) -> None:
        self._asleep: Seconds = 0
        self._paused: Seconds = 0
        self._jumped: Seconds = 0

    def now(self) -> Instant:
        return asyncio.get_running_loop().time() + self._asleep

    def wall(self) -> UnixTime:
        return self.true() + self._jumped

    def true(self) -> UnixTime:
        """What a clock shows that is right, such as STS's."""
        return EPOCH + self.now() + self._paused

    def suspend(self, seconds: Seconds) -> None:
        """Let time pass that the loop's timers do not notice, as after a laptop's lid or a paused VM."""
        self._asleep += seconds

    def pause(self, seconds: Seconds) -> None:
        """Let time pass that the steady clock does not notice either, as when a virtual machine is frozen."""
        self._paused += seconds

    def jump(self, seconds: Seconds) -> None:
        """Set the wall clock, as NTP or a person does; the steady clock does not notice."""
        self._jumped += seconds


def unsigned_jwt(payload: dict[str, Any], **header: object) -> str:
    """A JWT in form alone: nobody signed it. The canary is where the signature would be."""
    parts = (json.dumps(part).encode() for part in ({"alg": "RS256", "kid": "key-1"} | header, payload))
    encoded = (base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)
    return ".".join((*encoded, TOKEN_CANARY))


def a_token(*, life: Seconds = DAY, issued_at: UnixTime = EPOCH, **claims: object) -> Token:
    """A projected token as the kubelet would write it, unlike any other; `claims` override or add."""
    payload: dict[str, Any] = {
        "iss": ISSUER,
        "sub": SUBJECT,
        "aud": ["sts.amazonaws.com"],
        "iat": issued_at,
        "exp": issued_at + life,
        "jti": f"serial-{next(_serials)}",
        "kubernetes.io": {
            "namespace": "shop",
            "pod": {"name": "checkout-7c5d8-x2x8q"},
            "serviceaccount": {"name": "checkout"},
        },
    }
    raw = unsigned_jwt(payload | claims)
    return Token(raw, unverified_claims(raw))


def credentials(
    *, issued_at: Instant = 0, life: Seconds = 3600, sts_time: UnixTime | None = None, dated: bool = True
) -> Credentials:
    """Credentials unlike any other, issued at `issued_at` on the steady clock, at `sts_time` on STS's."""
    sts_time = EPOCH + issued_at if sts_time is None else sts_time
    return Credentials(
        access_key_id=f"ASIA{next(_serials):012}",
        secret_access_key=KEY_CANARY,
        session_token=SESSION_CANARY,
        role_arn=ROLE_ARN,
        assumed_role_arn="arn:aws:sts::111122223333:assumed-role/checkout/shop.checkout-7c5d8-x2x8q",
        expiration=sts_time + life,
        issued_at=issued_at,
        expires_at=issued_at + life,
        sts_time=sts_time if dated else None,
    )


Outcome = Seconds | BaseException
"""What STS does next: issue credentials with so much life, or fail."""


class ScriptedExchange:
    """Plays back outcomes, the last one for ever; takes (virtual) time, as STS does."""

    def __init__(self, clock: VirtualClock, outcomes: tuple[Outcome, ...], takes: Seconds) -> None:
        self._clock = clock
        self._outcomes = list(outcomes)
        self.takes = takes
        self.sts_ahead: Seconds = 0
        self.dated = True
        """Do its answers have a `Date`?"""
        self.called_at: list[Instant] = []
        self.tokens: list[Token] = []

    def will(self, *outcomes: Outcome) -> None:
        """From the next call on."""
        self._outcomes = list(outcomes)

    async def __call__(self, token: Token) -> Credentials:
        asked_at = self._clock.now()
        self.called_at.append(asked_at)
        self.tokens.append(token)
        outcome = self._outcomes.pop(0) if len(self._outcomes) > 1 else self._outcomes[0]
        sts_time = self._clock.true() + self.sts_ahead
        await asyncio.sleep(self.takes)
        if isinstance(outcome, BaseException):
            if isinstance(outcome, ExchangeFailed) and not isinstance(outcome, StsUnreachable):
                outcome.sts_time = sts_time if self.dated else None
            raise outcome.with_traceback(None)  # each time as if it were new
        return credentials(issued_at=asked_at, life=outcome, sts_time=sts_time, dated=self.dated)


class FakeTokens:
    """A token file in memory, with a watcher that notices at once."""

    def __init__(self, token: Token | None) -> None:
        self._file = token
        self._current: WatchedValue[Token | None] = WatchedValue(None)
        self.reads = 0

    @property
    def current(self) -> WatchedValue[Token | None]:
        return self._current

    async def read(self) -> Token:
        self.reads += 1
        await asyncio.sleep(0)
        self._current.set(self._file)
        if self._file is None:
            raise TokenUnreadable("There is no token file.", fix="Mount one.")
        return self._file

    def rotate(self, token: Token | None = None) -> Token:
        """Put a new token in the file."""
        self._file = token or a_token()
        self._current.set(self._file)
        return self._file

    def remove(self) -> None:
        self._file = None
        self._current.set(None)


class Recorder:
    """An observer that remembers."""

    def __init__(self) -> None:
        self.roles: list[str] = []
        self.events: list[RefreshEvent] = []
        self.states: list[RoleState] = []
        self.last_issued: Credentials | None = None

    def __call__(self, role: str, event: RefreshEvent, state: RoleState) -> None:
        self.roles.append(role)
        self.events.append(event)
        self.states.append(state)
        if isinstance(event, Issued):
            self.last_issued = event.credentials


class Pod:
    """A broker between faked edges. `jitter` is what it draws, always: 0.5 puts an hour's refresh at 1620 s.

    `made_of`: makes the exchange, where it is not to be `ScriptedExchange` with these outcomes.
    """

    def __init__(
        self,
        *outcomes: Outcome,
        token: Token | None = None,
        takes: Seconds = 0.25,
        jitter: float = 0.5,
        jitter_source: Callable[[], float] | None = None,
        waits: AbstractContextManager[None] = UNCOUNTED,
        also: tuple[Observer, ...] = (),
        made_of: Callable[[VirtualClock], Exchange] | None = None,
    ) -> None:
        self.clock = VirtualClock()
        self.tokens = FakeTokens(token or a_token())
        self.exchange = ScriptedExchange(self.clock, outcomes or (3600,), takes)
        self.source = WebIdentity(self.tokens, made_of(self.clock) if made_of else self.exchange, self.clock)
        self.seen = Recorder()
        self.broker = Broker(
            role=DEFAULT_ROLE,
            source=self.source,
            clock=self.clock,
            jitter=jitter_source or (lambda: jitter),
            observe=to_observers(self.seen, *also),
            policy=RefreshPolicy(),
            waits=waits,
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Keep the credentials fresh for as long as the block lasts."""
        async with asyncio.TaskGroup() as group:
            task = group.create_task(self.broker.keep_fresh())
            try:
                yield
            finally:
                task.cancel()

    async def until(self, second: Seconds) -> None:
        """Wait until the steady clock shows `second`."""
        await asyncio.sleep(second - self.clock.now())

    def served(self) -> Credentials:
        """What a client would be handed at this instant; there must be something."""
        held = self.broker.usable()
        assert held is not None
        return held

    async def refusal(self) -> NoCredentials:
        """What a client that asks now is told; it must be told something, in time."""
        try:
            held = await self.broker.credentials()
        except NoCredentials as refused:
            return refused
        raise AssertionError(held)
