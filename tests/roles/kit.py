"""Roles at work between faked edges: settings as a reload brings them, and sources that issue at once."""

import asyncio
import gc
from collections.abc import AsyncIterator, Callable, Hashable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sidecar.core.arns import RoleArn
from sidecar.core.model import DEFAULT_ROLE, Credentials, Seconds
from sidecar.core.ports import CredentialSource
from sidecar.core.refresh import RefreshPolicy
from sidecar.core.session_request import SessionRequest
from sidecar.faces.credentials_file import CredentialsFile
from sidecar.observe.logs import LogEvents
from sidecar.observe.metrics import Metrics
from sidecar.roles.credentials_files import CredentialsFiles
from sidecar.roles.jobs import Job, Jobs
from sidecar.roles.running_role import RoleMaker
from sidecar.roles.running_roles import RunningRoles
from sidecar.settings.roles import RoleSet, RoleSettings, StsConnection, WebIdentitySettings
from sidecar.sources.web_identity import WebIdentity
from sidecar.sts.exchange import SkewObserver
from tests.doubles import FakeTokens, Outcome, ScriptedExchange, VirtualClock, a_token

STS = StsConnection(endpoint="http://127.0.0.1:1", region="eu-west-1")


def role(name: str = DEFAULT_ROLE, arn: str = "", **settings: Any) -> RoleSettings:
    """A role as variables or a profile describe it; other roles of other names have other ARNs."""
    source = WebIdentitySettings(
        role_arn=RoleArn.parse(f"arn:aws:iam::111122223333:role/{arn or name}"),
        token_file=Path("/var/run/secrets/irsa-sidecar/token"),
        session=SessionRequest(),
        sts=STS,
    )
    return RoleSettings(name=name, source=source, **settings)


def role_set(*roles: RoleSettings) -> RoleSet:
    """The first is the default."""
    return RoleSet(roles[0].name, {each.name: each for each in roles})


class ScriptedSources:
    """In `RoleSources`'s place: an exchange of its own for each role, as `outcomes` says for its name."""

    def __init__(self, clock: VirtualClock, outcomes: Mapping[str, tuple[Outcome, ...]], takes: Seconds) -> None:
        self._clock = clock
        self.outcomes = outcomes
        self._takes = takes
        self.tokens = FakeTokens(a_token(life=30 * 24 * 3600))
        self.exchanges: dict[str, list[ScriptedExchange]] = {}
        self.broken: set[str] = set()
        """Roles whose source cannot be made."""

    def source(self, settings: RoleSettings, _: SkewObserver) -> CredentialSource:
        if settings.name in self.broken:
            raise OSError(2, "no such bundle")
        exchange = ScriptedExchange(self._clock, self.outcomes.get(settings.name, (3600,)), self._takes)
        self.exchanges.setdefault(settings.name, []).append(exchange)
        return WebIdentity(self.tokens, exchange, self._clock)


@dataclass
class Work:
    """What `roles_at_work` puts together, less the sockets."""

    roles: RunningRoles
    sources: ScriptedSources
    clock: VirtualClock
    jobs: Jobs
    metrics: Metrics
    files: CredentialsFiles
    changes: list[int] = field(default_factory=list)

    def held(self, name: str = DEFAULT_ROLE) -> Credentials | None:
        return self.roles[name].broker.usable()


def put_together(
    settings: RoleSet,
    *,
    outcomes: Mapping[str, tuple[Outcome, ...]] | None = None,
    takes: Seconds = 0.25,
    jitter: Callable[[], float] = lambda: 0.5,
) -> Work:
    clock, metrics, jobs = VirtualClock(), Metrics(), Jobs()
    sources = ScriptedSources(clock, outcomes or {}, takes)
    files = CredentialsFiles(
        lambda path: CredentialsFile(path, mode=0o600, removed=False, observe=metrics.observe_file)
    )
    log = LogEvents(RefreshPolicy())
    maker = RoleMaker(
        sources=sources,  # type: ignore[arg-type] # what it asks of them
        metrics=metrics,
        files=files,
        log=log,
        clock=clock,
        policy=RefreshPolicy(),
        jitter=jitter,
        started_at=clock.now(),
    )
    changes: list[int] = []

    def follow(roles: RunningRoles) -> None:
        changes.append(len(tuple(roles)))
        log.keep_only(roles.settings.by_name.keys())
        metrics.show_roles({each.name: each.metrics for each in roles})
        files.show((each.settings, each.broker.state.credentials) for each in roles)
        refreshing: dict[Hashable, Job] = {each.broker: each.broker.keep_fresh for each in roles}
        jobs.set(refreshing | {file: file.keep_written for file in files})

    return Work(RunningRoles(settings, maker, follow), sources, clock, jobs, metrics, files, changes)


@asynccontextmanager
async def running(work: Work) -> AsyncIterator[Work]:
    """Keep the credentials fresh for as long as the block lasts."""
    async with asyncio.TaskGroup() as group:
        task = group.create_task(work.jobs.run())
        try:
            yield work
        finally:
            task.cancel()


def objects() -> int:
    """How many there are after everything that can go has gone."""
    gc.collect()
    return len(gc.get_objects())
