"""One role at work: its source, its broker, and what is remembered of it."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from sidecar.core.broker import Broker
from sidecar.core.call_limit import CallLimit
from sidecar.core.model import Credentials, Instant
from sidecar.core.ports import Clock, CredentialSource
from sidecar.core.refresh import RefreshPolicy
from sidecar.faces.authorization import Authorization, role_authorization
from sidecar.observe.config_info import codes_of
from sidecar.observe.fan_out import to_observers
from sidecar.observe.history import History
from sidecar.observe.logs import LogEvents
from sidecar.observe.metrics import Metrics
from sidecar.observe.role_metrics import RoleMetrics
from sidecar.roles.credentials_files import CredentialsFiles
from sidecar.settings.role_changes import is_same_session
from sidecar.settings.roles import RoleSettings
from sidecar.sources.role_sources import RoleSources


@dataclass(frozen=True, slots=True, eq=False)
class RunningRole:
    """What one role consists of. `authorization`: what alone opens it; None where it has no token of its own."""

    settings: RoleSettings
    source: CredentialSource
    broker: Broker
    history: History
    metrics: RoleMetrics
    authorization: Authorization | None

    @property
    def name(self) -> str:
        return self.settings.name


@dataclass(frozen=True, slots=True)
class RoleMaker:
    """Puts a role's parts together. `jitter` gives numbers in [0, 1), other ones to each role and each time."""

    sources: RoleSources
    metrics: Metrics
    files: CredentialsFiles
    log: LogEvents
    clock: Clock
    policy: RefreshPolicy
    jitter: Callable[[], float]
    started_at: Instant
    limit: CallLimit = field(default_factory=CallLimit)

    def made(self, settings: RoleSettings, held: Credentials | None = None) -> RunningRole:
        """Nothing is asked yet; `held` is served until there are others. Raises `OSError` where the CAs to trust cannot
        be read.
        """
        metrics = RoleMetrics(
            self.clock,
            started_at=self.started_at,
            token=lambda: source.token,
            valid=lambda: broker.usable() is not None,
            regions=settings.regions,
            codes=codes_of(settings),
        )
        source, history = self.sources.source(settings, metrics.note_skew), History()
        self.log.forget(settings.name)
        broker = Broker(
            role=settings.name,
            source=source,
            clock=self.clock,
            jitter=self.jitter,
            observe=to_observers(self.log, metrics, history, self.files),
            policy=self.policy,
            waits=self.metrics.waits,
            place=self.limit.place,
            held=held,
        )
        return RunningRole(settings, source, broker, history, metrics, self._authorization(settings))

    def changed(self, role: RunningRole, settings: RoleSettings) -> RunningRole:
        """The role with other settings. It keeps its credentials where these are for others to get them; and where it
        is to get the same session in another way, until it has.
        """
        before = role.settings
        if not is_same_session(before.source, settings.source):
            return self.made(settings)
        if before.source != settings.source:
            return self._taken_over(role, settings)
        same_token = before.auth_token_file == settings.auth_token_file
        authorization = role.authorization if same_token else self._authorization(settings)
        return replace(role, settings=settings, authorization=authorization)

    def _taken_over(self, role: RunningRole, settings: RoleSettings) -> RunningRole:
        """STS may be down: what is valid is served until there is better, and looked after as what it is."""
        made = self.made(settings, role.broker.usable())
        made.metrics.continue_from(role.metrics)
        made.history.continue_from(role.history)
        return made

    def _authorization(self, settings: RoleSettings) -> Authorization | None:
        file = settings.auth_token_file
        return None if file is None else role_authorization(file, settings.auth_token_mode, self.clock)
