"""Credentials for the projected token: AssumeRoleWithWebIdentity, with the token that the file holds at that moment."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Protocol

from sidecar.core.errors import ExchangeFailed
from sidecar.core.model import Credentials, Token
from sidecar.core.ports import Clock
from sidecar.core.watched import Watched
from sidecar.settings.roles import WebIdentitySettings
from sidecar.sources.presented_token import PresentedToken
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
        self._presented = PresentedToken(clock)

    @property
    def token(self) -> Token | None:
        return self._tokens.current.value

    @property
    def changed(self) -> Watched[Token | None]:
        return self._tokens.current

    @property
    def same_identity(self) -> bool:
        return self._presented.is_same_identity(self.token)

    async def check(self) -> None:
        """Raises `TokenUnreadable`, and `TokenExpired` for a token that STS need not be asked about."""
        self._presented.check(await self._tokens.read())

    async def obtain(self) -> Credentials:
        """Trade the token that is held now. Raises `ExchangeFailed`."""
        token = self.token or await self._tokens.read()
        try:
            credentials = await self._exchange(token)
        except ExchangeFailed as error:
            self._presented.learn(token, error.sts_time, self._clock.now())
            raise
        self._presented.learn(token, credentials.sts_time, credentials.issued_at)
        self._presented.issued_to(token)
        return credentials


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
