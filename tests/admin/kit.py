"""An admin face over a role that a test sets."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from sidecar.admin.app import AdminFace, PublicAdminFace
from sidecar.admin.status import ObservedBroker, ObservedSource, Status
from sidecar.core.errors import SidecarError
from sidecar.core.model import Credentials, Instant, Seconds, Token, UnixTime
from sidecar.core.refresh import Phase, RoleState
from sidecar.http.addresses import Address
from sidecar.http.server import serving
from sidecar.observe.history import History
from sidecar.observe.metrics import Metrics
from sidecar.observe.refusals import Refusals
from sidecar.observe.usage import Usage
from sidecar.settings.config import load
from sidecar.settings.roles import RoleSettings
from tests.doubles import EPOCH, ROLE_ARN
from tests.faces.kit import ANY_PORT

ENVIRONMENT = {
    "AWS_ROLE_ARN": ROLE_ARN,
    "AWS_WEB_IDENTITY_TOKEN_FILE": "/var/run/secrets/irsa-sidecar/token",
    "AWS_REGION": "eu-west-1",
}


class StillClock:
    """Time stands at second zero."""

    def now(self) -> Instant:
        return 0

    def wall(self) -> UnixTime:
        return EPOCH


@dataclass
class SetSource:
    """An `ObservedSource`."""

    token: Token | None = None


@dataclass
class ShownRole:
    """An `ObservedRole` of parts that a test has."""

    settings: RoleSettings
    broker: ObservedBroker
    source: ObservedSource
    history: History


class SetRole:
    """An `ObservedBroker`, as a test sets it."""

    def __init__(self, *, held: Credentials | None = None, error: SidecarError | None = None) -> None:
        self.held = held
        self.error = error
        self.idle_for: Seconds = 0
        self.stopping = False
        self.refusals = Refusals(StillClock())

    @property
    def state(self) -> RoleState:
        return RoleState(self.held, 0, 0 if self.error is None else 1, self.error)

    @property
    def phase(self) -> Phase:
        return Phase.EMPTY if self.held is None else Phase.FRESH

    def usable(self) -> Credentials | None:
        return self.held


@asynccontextmanager
async def served_admin(
    role: SetRole, address: Address = ANY_PORT, metrics: Metrics | None = None
) -> AsyncIterator[Address]:
    """Serve the admin face; gives the address bound."""
    clock = StillClock()
    metrics, config = metrics or Metrics(), load(ENVIRONMENT, [])
    shown = ShownRole(config.roles.default_role, role, SetSource(), History())
    status = Status(lambda: [shown], clock, lambda: role.stopping, Usage(clock), role.refusals, config)
    public = PublicAdminFace(status, metrics)
    async with serving(AdminFace(public, status), lambda *_: None, [address], strangers=public) as addresses:
        yield addresses[0]
