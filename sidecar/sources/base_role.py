"""The role on which a chain stands, as the chain sees it."""

from collections.abc import Callable
from typing import Protocol

from sidecar.core.model import Credentials, Token
from sidecar.core.refresh import RoleState
from sidecar.core.watched import Watched


class BaseRole(Protocol):
    """Whose credentials sign the call: a role's broker."""

    @property
    def state(self) -> RoleState: ...

    @property
    def states(self) -> Watched[RoleState]: ...

    @property
    def token(self) -> Token | None: ...

    def usable(self) -> Credentials | None: ...

    def doubt(self) -> None:
        """A call was refused for these credentials."""
        ...


FindBase = Callable[[], BaseRole]
"""Finds the base role anew at each look: a reload of the settings may have put another broker in its place."""
