"""Runs all checks in order: environment, application, token, issuer, STS, exchange, identity, our own endpoint."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace

from sidecar.core.errors import SidecarError
from sidecar.core.findings import Finding
from sidecar.core.model import Credentials
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
from sidecar.doctor.at_once import Begin, Deadline, asked_at_once
from sidecar.doctor.findings import failed
from sidecar.doctor.pod import Pod
from sidecar.doctor.pod_document import Application
from sidecar.doctor.timeouts import ONLINE_TIMEOUT
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
    """The far servers are asked at the same time; the findings come in the order of the chain."""
    deadline = Deadline(ONLINE_TIMEOUT)
    async with AsyncExitStack() as stack:
        public = http = await stack.enter_async_context(sts_session(tls_context(None)))
        if pod.config:
            http = await stack.enter_async_context(sts_session(tls_context(pod.config.ca_bundle)))
        begin = await stack.enter_async_context(asked_at_once())
        exchanged = begin(exchange.exchange(pod, http))
        roles = await stack.enter_async_context(role_checks.roles(pod, begin(_given(exchanged))))
        asked = [
            ("issuer", begin(_safely("issuer", issuer.issuer(pod, public)))),
            ("sts", begin(_safely("sts", sts_way.way(pod, http)))),
            ("exchange", begin(_safely("exchange", _told(exchanged)))),
            *(("role", begin(_one(role))) for role in roles),
            ("caller-identity", begin(_safely("caller-identity", _identity(pod, exchanged)))),
            *_of_our_own(pod, begin),
        ]
        for check, answer in asked:
            for finding in await deadline.findings(check, answer):
                yield finding


async def _online_without_sts(pod: Pod) -> AsyncIterator[Finding]:
    deadline = Deadline(ONLINE_TIMEOUT)
    async with asked_at_once() as begin, role_checks.roles(pod, begin(_nothing())) as roles:
        asked = [
            *(("role", begin(_one(role))) for role in roles),
            ("endpoint", begin(_safely("endpoint", _one(container_endpoint.answer(pod))))),
            *_of_our_own(pod, begin),
        ]
        for check, answer in asked:
            for finding in await deadline.findings(check, answer):
                yield finding


def _of_our_own(pod: Pod, begin: Begin) -> Iterator[tuple[str, asyncio.Task[list[Finding]]]]:
    for check, asked in (
        ("sidecar-ready", own_endpoint.readiness(pod)),
        ("sidecar-credentials", own_endpoint.credentials(pod)),
    ):
        yield check, begin(_safely(check, _one(asked)))


async def _told(exchanged: Awaitable[exchange.Exchanged]) -> list[Finding]:
    return list((await exchanged).findings)


async def _given(exchanged: Awaitable[exchange.Exchanged]) -> Credentials | None:
    return (await exchanged).credentials


async def _identity(pod: Pod, exchanged: Awaitable[exchange.Exchanged]) -> list[Finding]:
    return await _one(exchange.identity(pod, await _given(exchanged)))


async def _nothing() -> None:
    """What no exchange gives."""


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
