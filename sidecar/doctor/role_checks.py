"""The roles of the config file beside the default one, each base before the roles that stand on it: link by link.

Each is asked for as `serve` asks, with the credentials that its base role was just given.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from sidecar.core.clock import SystemClock
from sidecar.core.errors import ExchangeFailed, SidecarError
from sidecar.core.findings import Finding
from sidecar.core.model import Credentials, Token
from sidecar.core.refresh import RoleState
from sidecar.core.watched import WatchedValue
from sidecar.doctor.at_once import asked_at_once
from sidecar.doctor.exchange import without
from sidecar.doctor.findings import failed, passed, skipped
from sidecar.doctor.pod import Pod
from sidecar.settings.roles import ChainSettings, RoleSettings
from sidecar.sources.role_sources import RoleSources, role_sources
from sidecar.sts.exchange import no_observer


@dataclass(frozen=True, slots=True)
class HeldRole:
    """A role with the credentials that it was just given: what the next link of a chain stands on."""

    held: Credentials = field(repr=False)
    token: Token | None = field(default=None, repr=False)
    states: WatchedValue[RoleState] = field(default_factory=lambda: WatchedValue(RoleState()), repr=False)

    @property
    def state(self) -> RoleState:
        return self.states.value

    def usable(self) -> Credentials | None:
        return self.held

    def doubt(self) -> None:
        """The doctor asks once, and tells."""


@asynccontextmanager
async def roles(pod: Pod, default: Awaitable[Credentials | None]) -> AsyncIterator[list[asyncio.Task[Finding]]]:
    """All are asked at once, each link of a chain once its base has answered. Neither this nor the tasks raise.

    `default`: what the default role is given, where it is assumed with the token.
    """
    if pod.config is None or len(pod.config.roles) == 1:
        yield []
        return
    name = pod.config.roles.default
    known: dict[str, HeldRole] = {}
    ended: dict[str, asyncio.Task[Any]] = {}

    async def of_default() -> None:
        if (found := await default) is not None:
            known[name] = HeldRole(found, pod.token)

    async def of(role: RoleSettings) -> Finding:
        if isinstance(role.source, ChainSettings):
            await asyncio.wait([ended[role.source.base]])
        return await _checked(role, sources, known)

    async with role_sources(SystemClock(), known.__getitem__) as sources, asked_at_once() as begin:
        if pod.web_identity is not None:
            ended[name] = begin(of_default())
        asked = [role for role in pod.config.roles if role.name not in ended]
        ended |= {role.name: begin(of(role)) for role in asked}
        yield [ended[role.name] for role in asked]


async def _checked(role: RoleSettings, sources: RoleSources, known: dict[str, HeldRole]) -> Finding:
    base = role.source.base if isinstance(role.source, ChainSettings) else ""
    check = "chain" if base else "role"
    if base and base not in known:
        return skipped(
            check, f"{role.name}: {base} has no credentials", "Not checked: its base role was not given any."
        )
    try:
        source = sources.source(role, no_observer)
        await source.check()
        found = await source.obtain()
    except SidecarError as error:
        return failed(check, f"{role.name}: {_answer(error)}", error.cause, _fix(error, role, base))
    except Exception as error:  # noqa: BLE001 (a doctor who faints helps nobody; the text may hold what none must see)
        return failed(check, f"{role.name}: {type(error).__name__}", "The check itself failed.", "Please report it.")
    known[role.name] = HeldRole(found, source.token)
    way = f"{base} → " if base else ""
    who = found.assumed_role_arn or found.role_arn
    saw = f"{role.name}: {way}{who}, {found.lifetime:.0f} s, request {found.request_id or 'no ID'}"
    return passed(check, saw, "STS let the base role have this role." if base else "Credentials were issued.")


def _answer(error: SidecarError) -> str:
    """Beside our words STS's own."""
    if not isinstance(error, ExchangeFailed):
        return error.code
    answer = " ".join(str(part) for part in (error.status, error.aws_code) if part) or error.code
    words = f", “{without(None, error.aws_message)}”" if error.aws_message else ""
    return f"{answer}{words}{f', request {error.request_id}' if error.request_id else ''}"


def _fix(error: SidecarError, role: RoleSettings, base: str) -> str:
    if base and isinstance(error, ExchangeFailed) and error.aws_code == "AccessDenied":
        account = "aws iam get-account-authorization-details > account.json"
        return (
            f"{error.fix}\n{account}   # in each account\nirsa-sidecar explain --profile {role.name} "
            "--account account.json --token-file TOKEN   # names statement and condition"
        )
    return error.fix
