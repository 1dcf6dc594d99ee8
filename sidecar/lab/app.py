"""The lab as one process: issuer, projections, STS and control, each on its own loopback port.

`running` is the whole world; `running_sts` is STS alone, for those who want to kill it while the world lives on.
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
from sidecar.lab.aws import iam
from sidecar.lab.aws.operations import Operations, Rules
from sidecar.lab.aws.sessions import Sessions
from sidecar.lab.aws.sts import Sts
from sidecar.lab.aws.verification import IssuerKeys
from sidecar.lab.aws.view import IamFile, seen_through
from sidecar.lab.cluster import accounts as cluster
from sidecar.lab.cluster.issuer import Issuer, claims, issuer_app
from sidecar.lab.cluster.keys import KidForm
from sidecar.lab.cluster.projector import NEVER, Minted, Projection, refresh_at
from sidecar.lab.cluster.rotation import WEEK, KeyRing
from sidecar.lab.control import control_app
from sidecar.lab.events import Changed, Observer, TokenProjected, nobody
from sidecar.lab.faults import Faults
from sidecar.lab.listen import Address, bind, serving, url_of
from sidecar.lab.state import PUBLIC, State, session_secret, write, write_once

Clock = Callable[[], float]


@dataclass(frozen=True, slots=True)
class StsSettings:
    """What STS needs, times in seconds. `session_lifetime` replaces what requests ask for; `keep_jwks` is its cache."""

    state: Path
    listen: Address = ("127.0.0.1", 9922)
    region: str = "us-east-1"
    session_lifetime: float | None = None
    keep_jwks: float = 2.0


@dataclass(frozen=True, slots=True)
class LabSettings:
    """The whole lab. `sts` None leaves STS to another process; lifetimes and `key_period` are in seconds."""

    state: Path
    issuer: Address = ("127.0.0.1", 9921)
    sts: Address | None = ("127.0.0.1", 9922)
    control: Address = ("127.0.0.1", 9923)
    region: str = "us-east-1"
    token_lifetime: float | None = None
    session_lifetime: float | None = None
    key_period: float = WEEK
    kid_form: KidForm = KidForm.EKS
    keep_jwks: float = 2.0

    @property
    def sts_settings(self) -> StsSettings | None:
        if self.sts is None:
            return None
        return StsSettings(self.state, self.sts, self.region, self.session_lifetime, self.keep_jwks)


@dataclass(frozen=True, slots=True)
class Lab:
    """A lab that runs. `sts_url` is empty if STS is another process's affair."""

    state: State
    issuer_url: str
    control_url: str
    sts_url: str
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
async def running(settings: LabSettings, observe: Observer = nobody, clock: Clock = time.time) -> AsyncIterator[Lab]:
    """The lab, from its first token on until the block ends.

    Raises OSError for a port that is taken, BadFile for an unusable file, PermissionError for a pod's user or group
    that this process may not give files to.
    """
    state = State(settings.state.resolve())
    state.create()
    faults = Faults(state)
    ring = KeyRing(state, settings.kid_form)
    ring.ensure(clock())
    async with AsyncExitStack() as stack:
        listening = bind(settings.issuer)
        stack.callback(listening.close)
        issuer = Issuer(url_of(listening), ring, faults)
        _write_first_files(state, issuer.url)
        _tell_if_unknown(state, issuer.url, observe)
        watch = schedule.Watch(state, observe)
        accounts = _accounts(state, settings.token_lifetime)
        await stack.enter_async_context(serving(issuer_app(issuer, faults, clock), listening))
        sts_url = ""
        if settings.sts_settings is not None:
            sts_url = await stack.enter_async_context(running_sts(settings.sts_settings, observe, clock))
        projections = tuple(_projection(state, issuer, account, observe=observe, clock=clock) for account in accounts)
        control = await stack.enter_async_context(
            serving(control_app(state, ring, projections, clock), bind(settings.control))
        )
        lab = Lab(state, issuer.url, control, sts_url, settings.region, issuer, ring, faults, projections)
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
    settings: StsSettings, observe: Observer = nobody, clock: Clock = time.time
) -> AsyncIterator[str]:
    """STS alone, over a state directory that a lab has made. Gives its URL. Raises OSError and BadFile as `running`."""
    state = State(settings.state.resolve())
    state.create()
    faults = Faults(state)
    iam_file = _iam_file(state)
    async with aiohttp.ClientSession(trust_env=False) as http:
        operations = Operations(
            seen_through(faults, iam_file),
            Sessions(session_secret(state)),
            IssuerKeys(http, keep=settings.keep_jwks),
            Rules(settings.session_lifetime),
        )
        sts = Sts(operations, faults, clock=clock, region=settings.region, observe=observe)
        async with serving(sts.app(), bind(settings.listen)) as url:
            yield url


def _iam_file(state: State) -> IamFile:
    if not state.iam.exists():
        raise FileNotFoundError(f"{state.iam} does not exist. Start `irsa-sidecar lab` on this state directory once.")
    found = IamFile(state)
    found.current()
    return found


def _write_first_files(state: State, issuer_url: str) -> None:
    write_once(state.iam, lambda: iam.default_text(issuer_url).encode(), PUBLIC)
    write_once(state.cluster, cluster.DEFAULT_TEXT.encode, PUBLIC)


def _tell_if_unknown(state: State, issuer_url: str, observe: Observer) -> None:
    """The IAM file was written for one port; on another, STS knows no provider. Raises BadFile."""
    if issuer_url not in {provider.url for provider in IamFile(state).current().providers}:
        observe(Changed(f"{state.iam.name} has no provider with the url {issuer_url}: STS will refuse every token"))


def _accounts(state: State, lifetime: float | None) -> tuple[cluster.ServiceAccount, ...]:
    accounts = cluster.parse_cluster(state.cluster.read_text(), state.cluster.name)
    return accounts if lifetime is None else tuple(replace(account, lifetime=lifetime) for account in accounts)


def _projection(
    state: State, issuer: Issuer, account: cluster.ServiceAccount, *, observe: Observer, clock: Clock
) -> Projection:
    faults = Faults(state)
    volume = state.volume(account.namespace, account.name)

    def mint(now: float) -> Minted:
        broken = faults.get("token-expired") is not None
        born = int(now - account.lifetime - 60 if broken else now)
        key = issuer.signer(now)
        token = key.sign(claims(issuer.url, account, account.audience, account.lifetime, born))
        expires_at = born + max(1, int(account.lifetime))
        return Minted(token, key.kid, born, expires_at, NEVER if broken else refresh_at(born, expires_at))

    def tell(minted: Minted) -> None:
        path = str(volume / "token")
        observe(TokenProjected(account, path, minted.kid, minted.issued_at, minted.expires_at, minted.refresh_at))

    return Projection(account, volume, mint, clock=clock, on_rotate=tell)


def _announce(lab: Lab) -> None:
    """Leaves the addresses in the state directory, for `lab status` and for people."""
    found = {"pid": os.getpid(), "issuer": lab.issuer_url, "sts": lab.sts_url, "control": lab.control_url}
    write(lab.state.running, json.dumps(found, indent=2).encode())


@asynccontextmanager
async def _owned_tasks() -> AsyncIterator[Callable[[Coroutine[Any, Any, Any]], None]]:
    """Tasks that end with the block, and whose failure ends it. An error of the block itself comes out as it is."""
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
