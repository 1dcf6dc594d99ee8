"""Credentials from another container-credentials endpoint, such as the EKS Pod Identity agent's.

Old SDKs ask only loopback hosts; we ask for them. The endpoint issues nothing for us: it may give the same session
again, and its refresh is its own.
"""

from typing import Protocol

import aiohttp

from sidecar.core.errors import ExchangeFailed, TokenUnreadable
from sidecar.core.model import Credentials, Token
from sidecar.core.ports import Clock
from sidecar.core.watched import Watched
from sidecar.settings.roles import ContainerSettings
from sidecar.sources.container_call import ContainerCall, FixedToken
from sidecar.sources.presented_token import PresentedToken
from sidecar.sts.post import Trust, the_sessions_own


class AuthorizationSource(Protocol):
    """The authorization token, where the endpoint wants one."""

    @property
    def current(self) -> Watched[Token | None]: ...

    async def read(self) -> Token | None:
        """What to send now, None where nothing is sent. Raises `TokenUnreadable`."""
        ...


class AskEndpoint(Protocol):
    """The endpoint's answer to a token."""

    async def __call__(self, token: Token | None, /) -> Credentials:
        """Raises `ExchangeFailed`."""
        ...


class ContainerCredentials:
    """The `CredentialSource` of a role whose credentials somebody else holds."""

    kind = "container"
    made_from = "token"

    def __init__(self, tokens: AuthorizationSource, endpoint: AskEndpoint, clock: Clock) -> None:
        self._tokens = tokens
        self._endpoint = endpoint
        self._clock = clock
        self._presented = PresentedToken(clock)
        self._answered = False

    @property
    def token(self) -> Token | None:
        return self._tokens.current.value

    @property
    def changed(self) -> Watched[Token | None]:
        return self._tokens.current

    @property
    def same_identity(self) -> bool:
        """Whoever presents the same identity, or none as before, is given the same role's credentials."""
        return self._answered if self.token is None else self._presented.is_same_identity(self.token)

    async def check(self) -> None:
        """Raises `TokenUnreadable`, and `TokenExpired` for a token that the endpoint need not be asked about."""
        if (token := await self._tokens.read()) is not None:
            self._presented.check(_sendable(token))

    async def obtain(self) -> Credentials:
        """Ask with the token that is held now. Raises `ExchangeFailed`."""
        token = self.token or await self._tokens.read()
        try:
            credentials = await self._endpoint(token)
        except ExchangeFailed as error:
            if token is not None:
                self._presented.learn(token, error.sts_time, self._clock.now())
            raise
        self._answered = True
        if token is not None:
            self._presented.learn(token, credentials.sts_time, credentials.issued_at)
            self._presented.issued_to(token)
        return credentials


def container_source(
    settings: ContainerSettings,
    tokens: AuthorizationSource | None,
    http: aiohttp.ClientSession,
    clock: Clock,
    trust: Trust = the_sessions_own,
) -> ContainerCredentials:
    """The source as the settings ask for it. `tokens`: of the file, where one is named."""
    endpoint = ContainerCall(http, settings.url, clock, trust)
    return ContainerCredentials(tokens or FixedToken(settings.token), endpoint, clock)


def _sendable(token: Token) -> Token:
    if not token.raw.isascii():
        raise TokenUnreadable(
            "The authorization token contains characters that HTTP headers do not allow.",
            fix="Point AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE at the file that holds the token.",
        )
    return token
