"""`irsa-sidecar webhook`: a MutatingWebhook that adds the sidecar to the pods that ask for it."""

import argparse
import asyncio
import logging
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import aiohttp

from sidecar.core.model import Seconds
from sidecar.http import address_texts
from sidecar.http.addresses import TcpAddress
from sidecar.inject.arguments import BadArguments, add_sidecar_options, described
from sidecar.inject.options import BadOptions, Options
from sidecar.observe import logs
from sidecar.terminal.command_parser import CommandParser
from sidecar.terminal.complaints import complain
from sidecar.terminal.stop_signals import StopSignals
from sidecar.webhook.certificate import RotatingCertificate
from sidecar.webhook.metrics import WebhookMetrics
from sidecar.webhook.namespace_roles import ApiServer, NamespaceRoles, in_cluster
from sidecar.webhook.server import Webhook, admin, listening

BAD_ARGUMENTS = 2
_SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_CERTIFICATE = Path("/etc/irsa-sidecar/tls")
_DESCRIPTION = """\
Add the sidecar to pods with the label irsa-sidecar/inject: enabled, as a MutatingWebhook. For clusters before
Kubernetes 1.36; newer ones need no server for it: irsa-sidecar inject --policy. manifests/webhook installs it.
"""
_EPILOG = "exit code: 0 told to end; 2 unusable arguments, or no certificate"

logger = logging.getLogger("sidecar.webhook")


def main(argv: Sequence[str]) -> int:
    """Serve until told to stop. Returns 0, or 2 for what it cannot be started with."""
    given = _parser().parse_args(argv)
    try:
        options = described(given)
        api = _api_server(given.service_account)
    except (BadArguments, BadOptions) as problem:
        return _refuse(str(problem).splitlines())
    log = logs.configure(given.log_level, given.log_format)
    try:
        for caution in options.cautions():
            logger.warning("check the arguments", extra={"about": caution})
        asyncio.run(_serve(given, options, api))
    except OSError as error:
        log.end()
        return _refuse([f"{error.filename or 'listening'}: {error.strerror or error}"])
    finally:
        log.end()
    return 0


def _refuse(complaints: Sequence[str]) -> int:
    for complaint in complaints:
        complain(f"irsa-sidecar webhook: {complaint}")
    return BAD_ARGUMENTS


def _api_server(service_account: Path) -> ApiServer:
    """Raises `BadArguments`."""
    api = in_cluster(service_account)
    if api is None:
        raise BadArguments("KUBERNETES_SERVICE_HOST is not set; the webhook runs in a pod, which has it.")
    return api


def _parser() -> argparse.ArgumentParser:
    parser = CommandParser(
        prog="irsa-sidecar webhook",
        allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description=_DESCRIPTION,
        epilog=_EPILOG,
    )
    add = parser.add_argument
    add("--listen", type=_addresses, default="0.0.0.0:8443", metavar="HOST:PORT,...", help="reviews [%(default)s]")
    health = "health and metrics [%(default)s]"
    add("--admin-listen", type=_addresses, default="0.0.0.0:9912", metavar="HOST:PORT,...", help=health)
    certificate = "the directory with tls.crt and tls.key [%(default)s]"
    add("--certificate", type=Path, default=_CERTIFICATE, metavar="DIRECTORY", help=certificate)
    account = "the directory with the API server's token and CA [%(default)s]"
    add("--service-account", type=Path, default=_SERVICE_ACCOUNT, metavar="DIRECTORY", help=account)
    grace = "how long reviews are still answered after SIGTERM [%(default)s]"
    add("--grace", type=float, default=10, metavar="SECONDS", help=grace)
    add("--log-level", default="info", choices=("debug", "info", "warning", "error"), help="[%(default)s]")
    add("--log-format", default="json", choices=("json", "text"), help="[%(default)s]")
    add_sidecar_options(parser.add_argument_group("the sidecar"))
    return parser


def _addresses(text: str) -> list[TcpAddress]:
    try:
        found = [address for address in address_texts.addresses(text) if isinstance(address, TcpAddress)]
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    if not found:
        raise argparse.ArgumentTypeError("the API server needs a TCP port")
    return found


async def _serve(given: argparse.Namespace, options: Options, api: ApiServer) -> None:
    """Raises `OSError` before anything is served."""
    stop, metrics = StopSignals(), WebhookMetrics()
    certificate = RotatingCertificate(given.certificate, metrics.certificate_loaded)
    metrics.follow_certificate(certificate.ends)
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http:
        roles = NamespaceRoles(api, http, time.monotonic)
        webhook = Webhook(options, roles, metrics, stop.asked.is_set).application()
        async with (
            listening(webhook, given.listen, certificate.context) as reviews,
            listening(admin(metrics, stop.asked.is_set), given.admin_listen) as pages,
        ):
            logger.info("webhook listening", extra={"reviews": ", ".join(reviews), "admin": ", ".join(pages)})
            await _until_stopped(stop, given.grace)
    logger.info("stopped")


async def _until_stopped(stop: StopSignals, grace: Seconds) -> None:
    """Wait for the signal, and then for the grace: API servers learn one by one that the pod ends."""
    await stop.asked.wait()
    logger.info("stopping", extra={"grace": 0 if stop.insisted.is_set() else grace})
    with suppress(TimeoutError):
        async with asyncio.timeout(grace):
            await stop.insisted.wait()
