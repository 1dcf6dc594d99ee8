"""Runs all checks in order: environment, application, token, issuer, STS, exchange, identity, our own endpoint."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AsyncExitStack

from sidecar.core.errors import SidecarError
from sidecar.core.findings import Finding
from sidecar.doctor import (
    application,
    application_authorization,
    application_sdk,
    application_uri,
    environment,
    exchange,
    issuer,
    own_endpoint,
    sts_way,
    token_claims,
    token_place,
)
from sidecar.doctor.findings import failed
from sidecar.doctor.pod import Pod
from sidecar.sts.exchange import sts_session
from sidecar.sts.tls import tls_context

LocalCheck = Callable[[Pod], Finding | None]

LOCAL: tuple[LocalCheck, ...] = (
    environment.settings,
    environment.duration,
    environment.role,
    environment.endpoint,
    application.given,
    application_uri.full_uri,
    application.relative_uri,
    application.web_identity,
    application.static_keys,
    application.metadata_service,
    application.proxy,
    application_authorization.authorization,
    application_sdk.sdk,
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
"""What needs no network. A check that does not apply gives None."""


async def examine(pod: Pod, *, offline: bool) -> AsyncIterator[Finding]:
    """Every finding as soon as it is there, in the order of the chain. Never raises."""
    for check in LOCAL:
        for finding in _locally(check, pod):
            yield finding
    if not offline:
        async for finding in _online(pod):
            yield finding


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
        for asked in (
            exchange.identity(pod, exchanged.credentials),
            own_endpoint.readiness(pod),
            own_endpoint.credentials(pod),
        ):
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
