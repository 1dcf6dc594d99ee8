"""Credentials for the projected token: AssumeRoleWithWebIdentity, with the token that the file holds at that moment."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from math import inf
from typing import Protocol

from sidecar.core.errors import ExchangeFailed, TokenExpired
from sidecar.core.model import Credentials, Instant, Seconds, Token, UnixTime
from sidecar.core.ports import Clock
from sidecar.core.watched import Watched
from sidecar.settings.roles import WebIdentitySettings
from sidecar.sts.exchange import SkewObserver, StsCall, StsExchange, no_observer, sts_session
from sidecar.sts.trusted_authorities import TrustedAuthorities


class TokenSource(Protocol):
    """The projected token."""

    @property
    def current(self) -> Watched[Token | None]:
        """The token last seen in the file, None while there is none that can be read."""
        ...

    async def read(self) -> Token:
        """Read the file now. Raises `TokenUnreadable`."""
        ...


class Exchange(Protocol):
    """AssumeRoleWithWebIdentity for one role."""

    async def __call__(self, token: Token, /) -> Credentials:
        """Trade the token. Raises `ExchangeFailed`."""
        ...


class WebIdentity:
    """The `CredentialSource` of a pod with a projected token."""

    kind = "web-identity"
    made_from = "token"

    def __init__(self, tokens: TokenSource, exchange: Exchange, clock: Clock) -> None:
        self._tokens = tokens
        self._exchange = exchange
        self._clock = clock
        self._identity: tuple[str, str, tuple[str, ...]] | None = None
        """Whom the last credentials were issued to."""
        self._judged: Token | None = None
        """The last token that STS answered about."""
        self._sts_clock: UnixTime | None = None
        """What STS's clock showed when our steady clock began, by its last answer."""

    @property
    def token(self) -> Token | None:
        return self._tokens.current.value

    @property
    def changed(self) -> Watched[Token | None]:
        return self._tokens.current

    @property
    def same_identity(self) -> bool:
        """Does the token speak for whom the last one did that STS took? A rotation is nothing more than that."""
        token = self.token
        return token is not None and token.claims.identity == self._identity

    async def check(self) -> None:
        """Raises `TokenUnreadable`, and `TokenExpired` for a token that STS need not be asked about."""
        token = await self._tokens.read()
        if token == self._judged and (overdue := self._earliest_time() - token.claims.expires_at) >= 0:
            raise _expired(overdue)

    async def obtain(self) -> Credentials:
        """Trade the token that is held now. Raises `ExchangeFailed`."""
        token = self.token or await self._tokens.read()
        try:
            credentials = await self._exchange(token)
        except ExchangeFailed as error:
            self._learn(token, error.sts_time, self._clock.now())
            raise
        self._learn(token, credentials.sts_time, credentials.issued_at)
        self._identity = token.claims.identity
        return credentials

    def _learn(self, token: Token, sts_time: UnixTime | None, at: Instant) -> None:
        if sts_time is not None:
            self._judged, self._sts_clock = token, sts_time - at

    def _earliest_time(self) -> UnixTime:
        """What the slower of two clocks shows: the node's, and STS's, by its last answer.

        Either may be wrong, and both. A token that both call expired is not sent, once STS has seen it: to withhold a
        good one would be the worse mistake, for nothing would ever correct the clocks, while STS refuses a bad one.
        """
        if self._sts_clock is None:
            return -inf
        return min(self._clock.wall(), self._clock.now() + self._sts_clock)


def _expired(overdue: Seconds) -> TokenExpired:
    return TokenExpired(
        f"The projected token expired {overdue:.0f} s ago and has not been replaced.",
        fix="Check that the kubelet on this node is healthy, that the node's clock is right, and that the volume "
        "is a projected serviceAccountToken, not mounted with subPath (such a mount never receives a rotated token).",
    )


# --- the exchange as the settings ask for it: whom to call, by which way, trusting whom ------------------------


@asynccontextmanager
async def sts_client(
    settings: WebIdentitySettings, clock: Clock, observe_skew: SkewObserver = no_observer
) -> AsyncIterator[Exchange]:
    """An `Exchange` for as long as the block lasts."""
    trust = TrustedAuthorities(settings.sts.ca_bundle)
    async with sts_session(trust.context) as http:
        yield web_identity_exchange(settings, lambda call: StsExchange(http, call, clock, observe_skew, trust), clock)


def web_identity_exchange(settings: WebIdentitySettings, ask: Callable[[StsCall], Exchange], clock: Clock) -> Exchange:
    """One role's exchange in its region, and in the fallback regions if there are any. `ask`: one call's exchange."""
    home = _call(settings)
    if not settings.sts.fallbacks:
        return ask(home)
    from sidecar.sources.regional_exchange import RegionalCall, RegionalExchange  # noqa: PLC0415 (few name such regions)

    others = {each.region: replace(home, endpoint=each.endpoint, proxy=each.proxy) for each in settings.sts.fallbacks}
    calls = {settings.sts.region or "": home, **others}
    return RegionalExchange([RegionalCall(region, ask(call)) for region, call in calls.items()], clock)


def _call(settings: WebIdentitySettings) -> StsCall:
    session = settings.session
    return StsCall(
        endpoint=settings.sts.endpoint,
        role_arn=str(settings.role_arn),
        duration=session.duration,
        session_name=session.name,
        proxy=settings.sts.proxy,
        policy=session.policy,
        policy_arns=session.policy_arns,
    )
