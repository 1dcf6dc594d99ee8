"""What the outside must provide: the only doors through which time, credentials and observers come in."""

from typing import Protocol

from sidecar.core.model import Credentials, Instant, Token, UnixTime
from sidecar.core.refresh import RefreshEvent, RoleState
from sidecar.core.watched import Watched


class Clock(Protocol):
    """Two readings, because wall clocks jump and steady clocks know no date."""

    def now(self) -> Instant:
        """Seconds that only ever go forward, suspend included: what schedules and lifetimes are measured on."""
        ...

    def wall(self) -> UnixTime:
        """What the node's clock says: to compare with times that others wrote, such as a token's `exp`."""
        ...


class CredentialSource(Protocol):
    """Where one role's credentials come from. Asked by one task only, `check` before each `obtain`."""

    @property
    def kind(self) -> str:
        """How it gets them, in a word."""
        ...

    @property
    def made_from(self) -> str:
        """What `changed` watches, in a word."""
        ...

    @property
    def token(self) -> Token | None:
        """The token that it would present now, None while it has none."""
        ...

    @property
    def changed(self) -> Watched[object]:
        """What credentials are made from, such as a token; None while there is nothing.

        A value unlike the last one may end a failure.
        """
        ...

    @property
    def same_identity(self) -> bool:
        """Would credentials be issued to whom they were issued last? False before the first."""
        ...

    async def check(self) -> None:
        """Look at what credentials are made from, and ask nobody. Raises `SidecarError` if none can be made from it."""
        ...

    async def obtain(self) -> Credentials:
        """Ask whoever issues credentials. Raises `SidecarError`."""
        ...


class Observer(Protocol):
    """Sees each role's events, with the state each led to. Must not raise and must not wait."""

    def __call__(self, role: str, event: RefreshEvent, state: RoleState) -> None: ...
