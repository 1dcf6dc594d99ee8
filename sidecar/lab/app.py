"""The lab as one process: issuer, projections, STS and control, each on its own loopback port.

`running` is the whole lab; `running_sts` is STS alone, so that it can be stopped while the rest keeps running.
"""

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import aiohttp

from sidecar.lab import schedule
from sidecar.lab.aws import associations, iam
from sidecar.lab.aws.agent import PATH, Agent
from sidecar.lab.aws.associations import AssociationsFile
from sidecar.lab.aws.iam_file import IamFile, with_faults
from sidecar.lab.aws.operations import Operations
from sidecar.lab.aws.pod_identity import PodIdentity
from sidecar.lab.aws.sessions import Sessions
from sidecar.lab.aws.sts import Sts
from sidecar.lab.aws.token_verification import IssuerKeys
from sidecar.lab.clock import LabClock
from sidecar.lab.cluster import accounts as cluster
from sidecar.lab.cluster.issuer import Issuer, claims, issuer_app
from sidecar.lab.cluster.key_ring import KeyRing
from sidecar.lab.cluster.projector import NEVER, MintedToken, Projection, refresh_at
from sidecar.lab.control import control_app
from sidecar.lab.events import Changed, LabObserver, TokenProjected, ignore_events
from sidecar.lab.faults import Faults
from sidecar.lab.loopback import bind, serving, url_of
from sidecar.lab.settings import LabSettings, StsSettings
from sidecar.lab.state import PUBLIC, StateDirectory, session_secret, write, write_once


@dataclass(frozen=True, slots=True)
class Lab:
    """A running lab. `sts_url` is empty if another process runs STS, `agent_url` without an EKS Pod Identity agent."""

    state: StateDirectory
    issuer_url: str
    control_url: str
    sts_url: str
    agent_url: str
    region: str
    issuer: Issuer
    ring: KeyRing
    faults: Faults
    projections: tuple[Projection, ...]

    @property
    def token_file(self) -> Path:
        """The token of the first service account."""
        return self.projections[0].volume / "token"

    @property
    def role_arns(self) -> tuple[str, ...]:
        return tuple(str(role.arn) for role in IamFile(self.state).current().roles)


@asynccontextmanager
async def running(
    settings: LabSettings, observe: LabObserver = ignore_events, clock: LabClock = time.time
) -> AsyncIterator[Lab]:
    """The lab, from its first token until the block ends.

    Raises AlreadyRunning, OSError for a port that is taken, BadFile for an unusable file, PermissionError for a pod's
    user or group that this process may not give files to.
    """
    state = StateDirectory(settings.state.resolve())
    state.create()
    faults = Faults(state)
    ring = KeyRing(state, settings.kid_form)
    ring.ensure(clock())
    async with AsyncExitStack() as stack:
        stack.enter_context(state.for_one_lab())
        listening = bind(settings.issuer)
        stack.callback(listening.close)
        issuer = Issuer(url_of(listening), ring, faults)
        _write_first_files(state, issuer.url, agent=settings.agent is not None)
        _warn_of_unknown_issuer(state, issuer.url, observe)
        watch = schedule.Watch(state, observe)
        accounts = _accounts(state, settings.token_lifetime)
        await stack.enter_async_context(serving(issuer_app(issuer, faults, clock), listening))
        sts_url = ""
        if settings.sts_settings is not None:
            sts_url = await stack.enter_async_context(running_sts(settings.sts_settings, observe, clock))
        agent_url = await stack.enter_async_context(running_agent(settings, observe, clock))
        projections = tuple(_projection(state, issuer, account, observe=observe, clock=clock) for account in accounts)
        control = await stack.enter_async_context(
            serving(control_app(state, ring, projections, clock), bind(settings.control))
        )
        lab = Lab(state, issuer.url, control, sts_url, agent_url, settings.region, issuer, ring, faults, projections)
        _announce(lab)
        stack.callback(state.running.unlink, missing_ok=True)
        tasks = await stack.enter_async_context(_owned_tasks())
        for projection in projections:
            tasks(projection.keep_fresh())
        longest = max((account.lifetime for account in accounts), default=0.0)
        tasks(schedule.rotate_keys(ring, settings.key_period, longest, clock, observe))
        tasks(watch.run(projections))
        yield lab


@asynccontextmanager
async def running_sts(
    settings: StsSettings, observe: LabObserver = ignore_events, clock: LabClock = time.time
) -> AsyncIterator[str]:
    """STS alone, over a state directory that a lab has made. Gives its URL. Raises OSError and BadFile as `running`."""
    state = StateDirectory(settings.state.resolve())
    state.create()
    faults = Faults(state)
    iam_file = _iam_file(state)
    async with aiohttp.ClientSession(trust_env=False) as http:
        operations = Operations(
            with_faults(faults, iam_file),
            Sessions(session_secret(state)),
            IssuerKeys(http, keep=settings.keep_jwks),
            settings.session_lifetime,
        )
        sts = Sts(operations, faults, clock=clock, region=settings.region, observe=observe)
        async with serving(sts.app(), bind(settings.listen)) as url:
            yield url


@asynccontextmanager
async def running_agent(
    settings: LabSettings, observe: LabObserver = ignore_events, clock: LabClock = time.time
) -> AsyncIterator[str]:
    """The EKS Pod Identity agent, if there is to be one. Gives its URL."""
    if settings.agent is None:
        yield ""
        return
    state = StateDirectory(settings.state.resolve())
    faults = Faults(state)
    async with aiohttp.ClientSession(trust_env=False) as http:
        eks = PodIdentity(
            with_faults(faults, _iam_file(state)),
            AssociationsFile(state).current,
            Sessions(session_secret(state)),
            IssuerKeys(http, keep=settings.keep_jwks),
            settings.session_lifetime,
        )
        agent = Agent(eks, faults, clock=clock, observe=observe)
        async with serving(agent.app(), bind(settings.agent)) as url:
            yield f"{url}{PATH}"


def _iam_file(state: StateDirectory) -> IamFile:
    if not state.iam.exists():
        raise FileNotFoundError(
            f"{state.iam} does not exist. Start `irsa-sidecar lab` with this state directory first."
        )
    found = IamFile(state)
    found.current()
    return found


def _write_first_files(state: StateDirectory, issuer_url: str, *, agent: bool) -> None:
    iam_text, cluster_text = iam.default_text(issuer_url), cluster.DEFAULT_TEXT
    if agent:
        iam_text, cluster_text = iam_text + iam.pod_identity_text(), cluster_text + cluster.OLD_APP_TEXT
        write_once(state.associations, associations.default_text(iam.POD_IDENTITY_ROLE).encode, PUBLIC)
    write_once(state.iam, iam_text.encode, PUBLIC)
    write_once(state.cluster, cluster_text.encode, PUBLIC)


def _warn_of_unknown_issuer(state: StateDirectory, issuer_url: str, observe: LabObserver) -> None:
    """An IAM file that was written for another port has no provider for this one. Raises BadFile."""
    if issuer_url not in {provider.url for provider in IamFile(state).current().providers}:
        observe(Changed(f"{state.iam.name} has no provider with the url {issuer_url}: STS will refuse every token"))


def _accounts(state: StateDirectory, lifetime: float | None) -> tuple[cluster.ServiceAccount, ...]:
    accounts = cluster.parse_cluster(state.cluster.read_text(), state.cluster.name)
    return accounts if lifetime is None else tuple(replace(account, lifetime=lifetime) for account in accounts)


def _projection(
    state: StateDirectory, issuer: Issuer, account: cluster.ServiceAccount, *, observe: LabObserver, clock: LabClock
) -> Projection:
    faults = Faults(state)
    volume = state.volume(account.namespace, account.name)

    def mint(now: float) -> MintedToken:
        broken = faults.get("token-expired") is not None
        born = int(now - account.lifetime - 60 if broken else now)
        key = issuer.signer(now)
        token = key.sign(claims(issuer.url, account, account.audience, account.lifetime, born))
        expires_at = born + max(1, int(account.lifetime))
        return MintedToken(token, key.kid, born, expires_at, NEVER if broken else refresh_at(born, expires_at))

    def tell(minted: MintedToken) -> None:
        path = str(volume / "token")
        observe(
            TokenProjected(
                account.namespace,
                account.name,
                path,
                minted.kid,
                minted.issued_at,
                minted.expires_at,
                minted.refresh_at,
            )
        )

    return Projection(account, volume, mint, clock=clock, on_rotate=tell)


def _announce(lab: Lab) -> None:
    """Writes the addresses into the state directory, for `lab status` and for people."""
    found = {"pid": os.getpid(), "issuer": lab.issuer_url, "sts": lab.sts_url, "control": lab.control_url}
    found |= {"agent": lab.agent_url} if lab.agent_url else {}
    write(lab.state.running, json.dumps(found, indent=2).encode())


@asynccontextmanager
async def _owned_tasks() -> AsyncIterator[Callable[[Coroutine[Any, Any, Any]], None]]:
    """Tasks that end with the block, and whose failure ends it. An error of the block itself is raised unchanged."""
    raised: Exception | None = None
    async with asyncio.TaskGroup() as group:
        tasks: list[asyncio.Task[Any]] = []
        try:
            yield lambda coroutine: tasks.append(group.create_task(coroutine))
        except Exception as error:  # noqa: BLE001 (raised again below, outside the group, which would wrap it)
            raised = error
        for task in tasks:
            task.cancel()
    if raised is not None:
        raise raised
