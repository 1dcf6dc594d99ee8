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
BrokerOf = Callable[[str], BaseRole]
"""The broker of the role with this name, as it is now. Raises `KeyError` where there is none, or none any more."""


class BaseByName:
    """A `FindBase`. Once the role is gone it is the last one of that name: a reload takes a chain out with its base,
    and the chain still looks at it while it ends.
    """

    def __init__(self, name: str, broker_of: BrokerOf) -> None:
        self._name = name
        self._broker_of = broker_of
        self._last: BaseRole | None = None

    def __call__(self) -> BaseRole:
        try:
            found = self._broker_of(self._name)
        except KeyError:
            if self._last is None:
                raise
            return self._last
        self._last = found
        return found
