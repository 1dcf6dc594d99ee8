"""The way to STS, step by step: name, connection, certificate, clock. No secret travels here."""

import asyncio
import socket
import ssl
import time
from typing import Literal
from urllib.parse import urlsplit

import aiohttp

from sidecar.core.daemon_thread import in_daemon_thread
from sidecar.core.findings import Finding, Level
from sidecar.core.model import Seconds
from sidecar.doctor.fetching import get, why
from sidecar.doctor.findings import failed, passed, warned
from sidecar.doctor.pod import Pod
from sidecar.doctor.timeouts import STS_TIMEOUT
from sidecar.settings.config import Config
from sidecar.sts.answer import http_date

SKEW_NOTED: Seconds = 30
SKEW_FATAL: Seconds = 300
"""AWS refuses signatures whose time is five minutes off (AWS General Reference, Signature Version 4)."""

NO_ROUTE = (
    "In a private subnet: an interface VPC endpoint for com.amazonaws.<region>.sts with private DNS, or a NAT route; "
    "and no NetworkPolicy or security group against port 443."
)


def trusted(config: Config) -> ssl.SSLContext | Literal[True]:
    """Whom `serve` would trust."""
    return True if config.ca_bundle is None else ssl.create_default_context(cafile=str(config.ca_bundle))


async def way(pod: Pod, http: aiohttp.ClientSession) -> list[Finding]:
    """Each step only if the one before it succeeded."""
    if pod.config is None:
        return []
    host, port = _target(pod.config)
    findings = [await _name(pod.config, host, port)]
    if findings[-1].level is not Level.ERROR:
        findings.append(await _answers(pod, pod.config, http))
    return findings


def _target(config: Config) -> tuple[str, int]:
    """Where the first packet goes: to the proxy, if there is one."""
    url = urlsplit(config.proxy or config.sts_endpoint)
    return url.hostname or "", url.port or (443 if url.scheme == "https" else 80)


async def _name(config: Config, host: str, port: int) -> Finding:
    via = "the proxy " if config.proxy else ""
    try:
        async with asyncio.timeout(STS_TIMEOUT):
            found = await in_daemon_thread(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
    except TimeoutError:
        return failed("sts-name", f"{via}{host}", "The name server does not answer within 5 s.", _dns(config))
    except OSError as error:
        reason = error.strerror or type(error).__name__
        return failed("sts-name", f"{via}{host}: {reason}", "The name does not resolve.", _dns(config))
    addresses = sorted({str(entry[4][0]) for entry in found})
    return passed("sts-name", f"{via}{host} -> {', '.join(addresses)}", "The name resolves.")


def _dns(config: Config) -> str:
    if config.proxy:
        return "Correct HTTPS_PROXY, or exempt STS with NO_PROXY."
    return f"Check AWS_REGION and the pod's DNS (nslookup {urlsplit(config.sts_endpoint).hostname}). {NO_ROUTE}"


async def _answers(pod: Pod, config: Config, http: aiohttp.ClientSession) -> Finding:
    """Any HTTP answer will do: STS sends people who come by GET to its documentation."""
    asked_at = time.time()
    where = f"{config.sts_endpoint}{' through a proxy' if config.proxy else ''}"
    try:
        found = await get(http, config.sts_endpoint, within=STS_TIMEOUT, proxy=config.proxy)
    except aiohttp.ClientConnectorCertificateError as error:
        reason = getattr(error.certificate_error, "verify_message", "") or "refused"
        return failed(
            "sts-tls",
            f"{where}: {reason}",
            "The certificate is not trusted, or is not valid for this name.",
            "- name: AWS_CA_BUNDLE # if a private CA or a TLS-inspecting proxy signs it\n  value: /path/to/ca.pem\n"
            "# a CNAME to another region's endpoint cannot work: use that region's name",
        )
    except (aiohttp.ClientProxyConnectionError, aiohttp.ClientHttpProxyError) as error:
        return failed("sts-connection", f"{where}: {why(error)}", "The proxy refused the connection.", _dns(config))
    except TimeoutError:
        return failed("sts-connection", f"{where}: no answer within 5 s", "Packets are dropped on the route.", NO_ROUTE)
    except (aiohttp.ClientError, OSError) as error:
        return failed("sts-connection", f"{where}: {why(error)}", "No connection.", NO_ROUTE)
    return _clock(where, found.headers, found.seconds, pod.now + (time.time() - asked_at) / 2)


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
