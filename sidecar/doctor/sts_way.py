"""Checks the route to STS step by step: name, connection, certificate, clock. Sends no secret."""

import asyncio
import socket
import time

import aiohttp

from sidecar.core.daemon_thread import in_daemon_thread
from sidecar.core.findings import Finding, Level
from sidecar.core.model import Seconds
from sidecar.doctor.fetching import get, why
from sidecar.doctor.findings import failed, passed, warned
from sidecar.doctor.pod import Pod
from sidecar.doctor.timeouts import STS_TIMEOUT, of_second_step
from sidecar.settings.roles import FallbackRegion
from sidecar.sts.answer import http_date
from sidecar.sts.progress import CallProgress
from sidecar.sts.route import Route
from sidecar.sts.transport_failures import FailedCall, TransportFailure

SKEW_NOTED: Seconds = 30
SKEW_FATAL: Seconds = 300
"""AWS refuses signatures whose time is five minutes off (AWS General Reference, Signature Version 4)."""


async def way(pod: Pod, http: aiohttp.ClientSession) -> list[Finding]:
    """Each step only if the one before it succeeded; the regions that could stand in at the same time."""
    sts = pod.config.roles.default_role.sts if pod.config else None
    if sts is None:
        return []
    home, others = await asyncio.gather(
        _home(pod, Route(sts.endpoint, sts.proxy), http),
        asyncio.gather(*(_fallback(pod, each, http) for each in sts.fallbacks)),
    )
    return [*home, *others]


async def _home(pod: Pod, route: Route, http: aiohttp.ClientSession) -> list[Finding]:
    asked_at = time.monotonic()
    findings = [await _name(route)]
    if findings[-1].level is not Level.ERROR:
        findings.append(await _answers(pod, route, http, time.monotonic() - asked_at))
    return findings


async def _fallback(pod: Pod, fallback: FallbackRegion, http: aiohttp.ClientSession) -> Finding:
    """Whether this region's STS could stand in: the pod does not need it today."""
    route = Route(fallback.endpoint, fallback.proxy)
    asked_at = time.monotonic()
    found = await _name(route)
    if found.level is not Level.ERROR:
        found = await _answers(pod, route, http, time.monotonic() - asked_at)
    if found.level is Level.ERROR:
        return warned(
            "sts-fallback", found.saw, f"It could not stand in for the home region: {found.message}", found.fix
        )
    return passed("sts-fallback", found.saw, "It can stand in for the home region.")


async def _name(route: Route) -> Finding:
    host, port = route.first_hop
    shown = f"{'the proxy ' * bool(route.proxy)}{host}"
    try:
        async with asyncio.timeout(STS_TIMEOUT):
            found = await in_daemon_thread(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        return _failed(shown, FailedCall(route, time.time()).name_failure(error))
    addresses = sorted({str(entry[4][0]) for entry in found})
    return passed("sts-name", f"{shown} -> {', '.join(addresses)}", "The name resolves.")


async def _answers(pod: Pod, route: Route, http: aiohttp.ClientSession, named_in: Seconds) -> Finding:
    """Any HTTP answer will do: STS sends people who come by GET to its documentation."""
    progress, within = CallProgress(), of_second_step(named_in, STS_TIMEOUT)
    where = f"{route.endpoint}{' through a proxy' * bool(route.proxy)}"
    try:
        found = await get(http, route, within=within, progress=progress)
    except (aiohttp.ClientError, OSError) as error:
        call = FailedCall(route, time.time(), connected=progress.connected, within=within)
        return _failed(f"{where}: {why(error)}", call.explained(error))
    return _clock(where, found.headers, found.seconds, pod.later() - found.seconds / 2)


def _failed(saw: str, failure: TransportFailure) -> Finding:
    return failed(f"sts-{failure.step.value}", saw, failure.cause, failure.fix)


def _clock(where: str, headers: object, seconds: Seconds, now: float) -> Finding:
    date = http_date(headers.get("Date")) if isinstance(headers, dict) else None
    saw = f"{where}: answered in {seconds:.2f} s"
    if date is None:
        return warned("sts-connection", saw, "No Date header: this may not be STS.", "Check AWS_ENDPOINT_URL_STS.")
    skew = now - date
    saw += f"; our clock is {abs(skew):.0f} s {'ahead' if skew > 0 else 'behind'}"
    fix = "Synchronize the node's clock with NTP (chrony; on EC2: 169.254.169.123)."
    if abs(skew) > SKEW_FATAL:
        return failed("sts-clock", saw, "AWS refuses requests from a clock that is off by five minutes.", fix)
    if abs(skew) > SKEW_NOTED:
        return warned("sts-clock", saw, "The clocks differ.", fix)
    return passed("sts-connection", saw, "STS answers, and the clocks match.")
