"""What the outside must provide: the only doors through which time, STS, files and observers come in."""

from typing import Protocol

from sidecar.core.model import Credentials, Instant, Token, UnixTime
from sidecar.core.refresh import RefreshEvent, RoleState
from sidecar.core.watched import WatchedValue


class Clock(Protocol):
    """Two readings, because wall clocks jump and steady clocks know no date."""

    def now(self) -> Instant:
        """Seconds that only ever go forward, suspend included: what schedules and lifetimes are measured on."""
        ...

    def wall(self) -> UnixTime:
        """What the node's clock says: to compare with times that others wrote, such as a token's `exp`."""
        ...


class Exchange(Protocol):
    """AssumeRoleWithWebIdentity for one role."""

    async def __call__(self, token: Token) -> Credentials:
        """Trade the token. Raises `ExchangeFailed`."""
        ...


class TokenSource(Protocol):
    """The projected token."""

    @property
    def current(self) -> WatchedValue[Token | None]:
        """The token last seen in the file, None while there is none that can be read."""
        ...

    async def read(self) -> Token:
        """Read the file now. Raises `TokenUnreadable`."""
        ...


class Observer(Protocol):
    """A bystander: sees each event with the state it led to. Must not raise and must not wait."""

    def __call__(self, event: RefreshEvent, state: RoleState) -> None: ...
