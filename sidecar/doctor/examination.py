"""Runs all checks in order: environment, application, token, issuer, STS, exchange, identity, our own endpoint."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace

from sidecar.core.errors import SidecarError
from sidecar.core.findings import Finding
from sidecar.doctor import (
    application,
    application_authorization,
    application_files,
    application_metadata,
    application_sdk,
    application_uri,
    container_endpoint,
    environment,
    exchange,
    issuer,
    own_endpoint,
    role_checks,
    sts_way,
    token_claims,
    token_place,
)
from sidecar.doctor.findings import failed
from sidecar.doctor.pod import Pod
from sidecar.doctor.pod_document import Application
from sidecar.sts.exchange import sts_session
from sidecar.sts.tls import tls_context

LocalCheck = Callable[[Pod], Finding | None]

SETTINGS: tuple[LocalCheck, ...] = (
    environment.settings,
    environment.duration,
    environment.role,
    environment.endpoint,
)
APPLICATION: tuple[LocalCheck, ...] = (
    application.given,
    application_uri.full_uri,
    application_uri.relative_uri,
    application_metadata.metadata,
    application_files.credentials_file,
    application.web_identity,
    application.static_keys,
    application_files.profile,
    application_files.settings_files,
    application.region,
    application.proxy,
    application_authorization.authorization,
    application_sdk.sdk,
)
TOKEN: tuple[LocalCheck, ...] = (
    token_place.readable,
    token_place.permissions,
    token_place.volume,
    token_claims.form,
    token_claims.plainly,
    token_claims.audience,
    token_claims.subject,
    token_claims.life,
    token_claims.rotation,
)

TOKEN_FOR_AN_ENDPOINT: tuple[LocalCheck, ...] = (
    container_endpoint.token_file,
    token_place.permissions,
    token_place.volume,
    token_claims.plainly,
    container_endpoint.audience,
    token_claims.life,
    token_claims.rotation,
)
"""The same of a token that another container endpoint is given."""


async def examine(pod: Pod, *, offline: bool, applications: Sequence[Application] = ()) -> AsyncIterator[Finding]:
    """Every finding as soon as it is there, in the order of the chain. Never raises.

    `applications`: the pod's containers, where they are known; else the pod itself says what its application has.
    """
    for check in SETTINGS:
        for finding in _locally(check, pod):
            yield finding
    for examined in [pod.of(each) for each in applications] or [pod]:
        for finding in _application(examined):
            yield finding
    for check in TOKEN if pod.container_endpoint is None else TOKEN_FOR_AN_ENDPOINT:
        for finding in _locally(check, pod):
            yield finding
    if offline:
        return
    async for finding in _online(pod) if pod.container_endpoint is None else _online_without_sts(pod):
        yield finding


def _application(pod: Pod) -> Iterator[Finding]:
    """Says in which container it was seen."""
    for check in APPLICATION:
        for finding in _locally(check, pod):
            yield replace(finding, saw=f"{pod.container}: {finding.saw}") if pod.container else finding


def _locally(check: LocalCheck, pod: Pod) -> Iterable[Finding]:
    try:
        finding = check(pod)
    except Exception as error:  # noqa: BLE001 (a doctor who faints helps nobody; it is told)
        finding = _broken(check.__name__, error)
    return [] if finding is None else [finding]


async def _online(pod: Pod) -> AsyncIterator[Finding]:
    async with AsyncExitStack() as stack:
        public = await stack.enter_async_context(sts_session(tls_context(None)))
        for finding in await _safely("issuer", issuer.issuer(pod, public)):
            yield finding
        http = public
        if pod.config:
            http = await stack.enter_async_context(sts_session(tls_context(pod.config.ca_bundle)))
        for finding in await _safely("sts", sts_way.way(pod, http)):
            yield finding
        exchanged = await exchange.exchange(pod, http)
        for finding in exchanged.findings:
            yield finding
        async for finding in role_checks.roles(pod, exchanged.credentials):
            yield finding
        for asked in (
            exchange.identity(pod, exchanged.credentials),
            own_endpoint.readiness(pod),
            own_endpoint.credentials(pod),
        ):
            for finding in await _safely("online", _one(asked)):
                yield finding


async def _online_without_sts(pod: Pod) -> AsyncIterator[Finding]:
    async for finding in role_checks.roles(pod, None):
        yield finding
    for asked in (container_endpoint.answer(pod), own_endpoint.readiness(pod), own_endpoint.credentials(pod)):
        for finding in await _safely("online", _one(asked)):
            yield finding


async def _one(check: Awaitable[Finding | None]) -> list[Finding]:
    found = await check
    return [] if found is None else [found]


async def _safely(name: str, check: Awaitable[list[Finding]]) -> list[Finding]:
    try:
        return await check
    except SidecarError as error:
        return [failed(name, error.code, error.cause, error.fix)]
    except Exception as error:  # noqa: BLE001 (see above)
        return [_broken(name, error)]


def _broken(name: str, error: Exception) -> Finding:
    """The kind of the error alone: its text may hold what nobody must see."""
    return failed(name, type(error).__name__, "The check itself failed.", "Please report this as a bug.")
