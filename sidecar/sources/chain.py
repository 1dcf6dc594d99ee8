"""Credentials of one role by those of another: AssumeRole, signed with the newest that the base role holds.

The base role has a broker of its own, so its refresh disturbs nothing here: a chain asks when its own session calls for
it, and at once when new credentials of the base may end a failure. A base may itself be a chain.
"""

import asyncio
from collections.abc import Callable
from typing import Protocol

from sidecar.core.claims import NO_CLAIMS
from sidecar.core.errors import BaseRefused, BaseUnavailable, SidecarError
from sidecar.core.model import Credentials, Seconds, Token
from sidecar.core.ports import Clock
from sidecar.core.refresh import backing_off
from sidecar.core.watched import Watched
from sidecar.settings.roles import ChainSettings
from sidecar.sources.base_role import FindBase
from sidecar.sources.regional_exchange import RegionalCall, RegionalExchange
from sidecar.sts.assume_role import AssumeRole, Base, ChainedCall
from sidecar.sts.endpoints import signing_region
from sidecar.sts.exchange import SkewObserver, no_observer
from sidecar.sts.post import StsPost
from sidecar.sts.route import Route

OF_THE_SIGNATURE = frozenset({"SignatureDoesNotMatch"})
"""A refusal that says nothing of the credentials: other ones would be refused too."""
BASE_WITHIN: Seconds = 20
"""The longest that a chain waits for an attempt of its base role that is under way, before it says so."""


class AssumeRoleExchange(Protocol):
    """AssumeRole for one role."""

    async def __call__(self, base: Base, /) -> Credentials:
        """Raises `ExchangeFailed` and `ClaimMissing`."""
        ...


class BaseCredentials:
    """Which credentials the base role has, to look at and to wait for: no secret, but other ones differ."""

    def __init__(self, base: FindBase) -> None:
        self._base = base

    @property
    def value(self) -> object:
        held = self._base().usable()
        return None if held is None else (held.access_key_id, held.expiration)

    async def other_than(self, seen: object) -> object:
        while (found := self.value) == seen:
            base = self._base()
            await base.states.other_than(base.state)
        return found


class Chain:
    """The `CredentialSource` of a role that is assumed with the credentials of the role called `base_name`."""

    kind = "chain"
    made_from = "base credentials"

    def __init__(self, base_name: str, base: FindBase, exchange: AssumeRoleExchange, clock: Clock) -> None:
        self.base_name = base_name
        self._base = base
        self._exchange = exchange
        self._clock = clock
        self._changed = BaseCredentials(base)
        self._identity: tuple[str, str] | None = None
        """Whom the last credentials were asked for by."""

    @property
    def token(self) -> Token | None:
        """The token at the root of the chain, None where there is none."""
        return self._base().token

    @property
    def changed(self) -> Watched[object]:
        return self._changed

    @property
    def same_identity(self) -> bool:
        """Is the base role's session still one of the same name? A refresh is nothing more than that."""
        held = self._base().usable()
        return held is not None and _identity(held) == self._identity

    async def check(self) -> None:
        """Wait while the base role is being asked for. Raises `BaseUnavailable` where that fails."""
        try:
            async with asyncio.timeout(BASE_WITHIN):
                await self._base_has_credentials()
        except TimeoutError:
            raise self._unavailable() from None

    async def obtain(self) -> Credentials:
        """Ask with what the base role holds now. Raises `ExchangeFailed`, `ClaimMissing` and `BaseUnavailable`."""
        base, token = self._base(), self.token
        if (held := base.usable()) is None:
            raise self._unavailable()
        try:
            credentials = await self._exchange(Base(held, token.claims if token else NO_CLAIMS))
        except BaseRefused as refusal:
            if refusal.aws_code not in OF_THE_SIGNATURE and held == base.usable():
                base.doubt()  # only new ones help, and the base's own refresh may be hours away
            raise
        self._identity = _identity(held)
        return credentials

    async def _base_has_credentials(self) -> None:
        while (base := self._base()).usable() is None:
            if backing_off(base.state, self._clock.now()):
                raise self._unavailable()
            await base.states.other_than(base.state)

    def _unavailable(self) -> BaseUnavailable:
        error = self._base().state.error
        if error is None:
            return BaseUnavailable(
                f"The base role {self.base_name} has no credentials yet.",
                fix="The sidecar continues as soon as it has. If that takes long, see its own entry in /readyz.",
            )
        return _passed_on(self.base_name, error)


def _passed_on(base: str, error: SidecarError) -> BaseUnavailable:
    """The root of a long chain tells why, once: what lies between adds nothing."""
    if isinstance(error, BaseUnavailable):
        return BaseUnavailable(error.cause, fix=error.fix)
    return BaseUnavailable(f"The base role {base} has no valid credentials. {error.cause}", fix=error.fix)


def _identity(credentials: Credentials) -> tuple[str, str]:
    return credentials.role_arn, credentials.assumed_role_arn


def chained_role(
    settings: ChainSettings, base: FindBase, post: StsPost, clock: Clock, observe_skew: SkewObserver = no_observer
) -> Chain:
    """The source as the settings ask for it. `post`: the way to STS, trusting whom they trust."""
    exchange = _exchange(settings, lambda call: AssumeRole(post, call, clock, observe_skew), clock)
    return Chain(settings.base, base, exchange, clock)


def _exchange(
    settings: ChainSettings, ask: Callable[[ChainedCall], AssumeRoleExchange], clock: Clock
) -> AssumeRoleExchange:
    """In the role's region, and in the fallback regions if there are any. `ask`: one call's exchange."""
    sts = settings.sts
    home = ask(_call(settings, sts.endpoint, sts.proxy, sts.region))
    if not sts.fallbacks:
        return home
    others = {each.region: ask(_call(settings, each.endpoint, each.proxy, each.region)) for each in sts.fallbacks}
    calls = {sts.region or "": home, **others}
    return RegionalExchange([RegionalCall(region, one) for region, one in calls.items()], clock)


def _call(settings: ChainSettings, endpoint: str, proxy: str | None, region: str | None) -> ChainedCall:
    return ChainedCall(
        route=Route(endpoint, proxy),
        region=signing_region(endpoint, region),
        role_arn=str(settings.role_arn),
        session=settings.session,
    )
