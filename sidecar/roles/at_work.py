"""Everything that works for the roles of one sidecar, put together."""

import random
import socket
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from sidecar.core.ports import Clock
from sidecar.core.refresh import RefreshPolicy
from sidecar.faces.authorization import authorization
from sidecar.faces.credentials_file import CredentialsFile
from sidecar.observe.logs import LogEvents
from sidecar.observe.metrics import Metrics
from sidecar.observe.snapshot import ConfigFileSnapshot
from sidecar.roles.config_reload import ConfigReload
from sidecar.roles.credentials_files import CredentialsFiles
from sidecar.roles.endpoints import Endpoints
from sidecar.roles.jobs import Job, Jobs
from sidecar.roles.metadata_endpoint import MetadataFaces
from sidecar.roles.running_role import RoleMaker
from sidecar.roles.running_roles import RunningRoles, ready_tokens
from sidecar.settings.config import Config
from sidecar.sources.file_watch import FileWatch
from sidecar.sources.role_sources import RoleSources, role_sources


@dataclass(frozen=True, slots=True)
class RolesAtWork:
    """`roles` are shown by `endpoints` and kept fresh by `jobs`; `watch` notices when their files change."""

    roles: RunningRoles
    endpoints: Endpoints
    jobs: Jobs
    watch: FileWatch
    reload: ConfigReload | None
    """Where the roles are read from a file."""

    @property
    def config_file(self) -> ConfigFileSnapshot | None:
        """How the last reload went."""
        return None if self.reload is None else self.reload.state


@asynccontextmanager
async def roles_at_work(
    config: Config, clock: Clock, policy: RefreshPolicy, metrics: Metrics
) -> AsyncIterator[RolesAtWork]:
    """For as long as the block lasts; each role's authorization token is there when it begins.

    Raises `OSError` where the CAs to trust cannot be read.
    """
    host_name, log, jobs = socket.gethostname(), LogEvents(policy), Jobs()
    async with role_sources(clock, lambda name: roles[name].broker) as sources:
        files = CredentialsFiles(lambda path: _file(path, config, metrics))
        tokens = authorization(config.auth_token, config.auth_token_file, clock)
        endpoints = Endpoints(config, tokens, MetadataFaces(config, clock, policy, host_name).endpoint)
        maker = RoleMaker(
            sources=sources,
            metrics=metrics,
            files=files,
            log=log,
            clock=clock,
            policy=policy,
            jitter=random.Random(host_name).random,  # noqa: S311 (spreads a fleet, keeps no secret)
            started_at=clock.now(),
        )
        roles = RunningRoles(config.roles, maker, _Followers(sources, metrics, files, log, endpoints, jobs).follow)
        await ready_tokens(roles)
        reload = _reload(config, roles, metrics)
        if reload is not None:
            sources.also_watch(reload)
        yield RolesAtWork(roles, endpoints, jobs, sources.watch, reload)


def _reload(config: Config, roles: RunningRoles, metrics: Metrics) -> ConfigReload | None:
    loader = config.role_loader
    if loader.path is None:
        return None
    return ConfigReload(loader.path, loader, config.roles, roles.replace, metrics.observe_reload)


def _file(path: Path, config: Config, metrics: Metrics) -> CredentialsFile:
    return CredentialsFile(
        path, mode=config.credentials_mode, removed=config.credentials_removed, observe=metrics.observe_file
    )


@dataclass(frozen=True, slots=True)
class _Followers:
    """What has to know when there are other roles."""

    sources: RoleSources
    metrics: Metrics
    files: CredentialsFiles
    log: LogEvents
    endpoints: Endpoints
    jobs: Jobs

    def follow(self, roles: RunningRoles) -> None:
        settings = roles.settings
        self.sources.keep_only(settings)
        self.files.show((role.settings, role.broker.state.credentials) for role in roles)
        self.log.keep_only(settings.by_name.keys())
        self.metrics.show_roles({role.name: role.metrics for role in roles})
        self.endpoints.show(roles)
        # A role with other settings and the same broker goes on as it is.
        refreshing: dict[Hashable, Job] = {role.broker: role.broker.keep_fresh for role in roles.default_first}
        self.jobs.set(refreshing | {file: file.keep_written for file in self.files})
