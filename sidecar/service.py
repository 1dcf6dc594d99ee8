"""`irsa-sidecar serve`: builds the parts from a `Config`, runs them together, stops them in order."""

import asyncio
import contextlib
import ipaddress
import logging
import os
import random
import signal
import socket
import ssl
import sys
from collections.abc import Sequence
from typing import Literal
from urllib.parse import urlsplit

from sidecar import __version__
from sidecar.admin.app import admin_plane
from sidecar.authorization import NoToken, Tokens
from sidecar.broker import Broker
from sidecar.clock import SystemClock
from sidecar.config import BadConfig, Config, load
from sidecar.faces.container import ContainerFace
from sidecar.faces.guards import Authorization, Guard
from sidecar.listening import CannotListen, listening
from sidecar.observe import logs
from sidecar.observe.board import Board
from sidecar.observe.logs import LogEvents
from sidecar.observe.metrics import Metrics
from sidecar.ports import Clock, Observer
from sidecar.refresh import Event, Policy, RoleState
from sidecar.sts.exchange import StsCall, StsExchange, sts_session
from sidecar.token_file import TokenFile
from sidecar.values import Address
from sidecar.wire.server import data_plane

BAD_CONFIG = 2
SHORT_DURATION = 1800
POLICY = Policy()

logger = logging.getLogger("sidecar")


def main(argv: Sequence[str]) -> int:
    """Serve until told to stop. Returns the exit code: 0, or 2 for settings that nothing can be run with."""
    try:
        config = load(os.environ, argv)
    except BadConfig as error:
        return _refuse(error.complaints)
    logs.configure(config.log_level, config.log_format)
    try:
        asyncio.run(serve(config))
    except CannotListen as error:
        return _refuse([str(error)])
    return 0


def _refuse(complaints: Sequence[str]) -> int:
    print("irsa-sidecar cannot start:", *complaints, sep="\n  ", file=sys.stderr)  # noqa: T201 (a person typed this)
    return BAD_CONFIG


class Stop:
    """What signals ask for. The handlers set an event and do nothing else; the block that waits decides."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.insisted = asyncio.Event()
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._ask)
        loop.add_signal_handler(signal.SIGINT, self._insist)

    def _ask(self) -> None:
        if self.asked.is_set():
            self.insisted.set()
        self.asked.set()

    def _insist(self) -> None:
        """Ctrl-C comes from a person who is waiting for the prompt."""
        self.insisted.set()
        self.asked.set()


async def serve(config: Config, policy: Policy = POLICY) -> None:
    """Serve credentials until SIGTERM and the grace after it. Raises `CannotListen` before anything is served."""
    clock, stop = SystemClock(), Stop()
    started_at = clock.now()
    _announce(config)
    async with sts_session(_trusted(config)) as http:
        tokens = TokenFile(config.token_file)
        metrics = Metrics(clock, started_at=started_at, token=lambda: tokens.current.value)
        broker = Broker(
            tokens=tokens,
            exchange=StsExchange(http, _call(config), clock),
            clock=clock,
            dice=random.Random(socket.gethostname()).random,  # noqa: S311 (spreads a fleet, keeps no secret)
            observe=_all(LogEvents(policy), metrics),
            policy=policy,
        )
        board = Board(config.role_arn, broker, lambda: tokens.current.value, clock, stop.asked.is_set)
        face = ContainerFace(broker, Guard(config.host_names, _authorization(config, clock)))
        async with (
            listening(data_plane(face, metrics.observe_request), config.listen) as addresses,
            listening(admin_plane(board, metrics), config.admin_listen) as admin_addresses,
            asyncio.TaskGroup() as group,
        ):
            logger.info("listening", extra={"credentials": _shown(addresses), "admin": _shown(admin_addresses)})
            running = [
                group.create_task(tokens.watch(), name="watch the token"),
                group.create_task(broker.keep_fresh(), name="keep credentials fresh"),
            ]
            await _until_stopped(stop, config)
            for task in running:
                task.cancel()
    logger.info("stopped")


async def _until_stopped(stop: Stop, config: Config) -> None:
    """Wait for the signal, then for the grace: the pod's other containers may still be asking."""
    await stop.asked.wait()
    logger.info("stopping", extra={"grace": 0 if stop.insisted.is_set() else config.grace})
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(config.grace):
            await stop.insisted.wait()


def _call(config: Config) -> StsCall:
    return StsCall(
        endpoint=config.sts_endpoint,
        role_arn=config.role_arn,
        duration=config.duration,
        session_name=config.session_name,
        proxy=config.proxy,
    )


def _trusted(config: Config) -> ssl.SSLContext | Literal[True]:
    return True if config.ca_bundle is None else ssl.create_default_context(cafile=str(config.ca_bundle))


def _authorization(config: Config, clock: Clock) -> Authorization:
    if config.auth_token is None and config.auth_token_file is None:
        return NoToken()
    return Tokens(fixed=config.auth_token, file=config.auth_token_file, clock=clock)


def _all(*observers: Observer) -> Observer:
    def observe(event: Event, state: RoleState) -> None:
        for observer in observers:
            observer(event, state)

    return observe


def _announce(config: Config) -> None:
    settings = {"version": __version__, "role_arn": config.role_arn, "token_file": str(config.token_file)}
    logger.info("starting", extra=settings | {"sts": config.sts_endpoint, "duration": config.duration})
    if config.duration < SHORT_DURATION:
        logger.warning(
            "short sessions",
            extra={"fix": f"set SIDECAR_DURATION to {SHORT_DURATION} or more: below, some SDKs ask on every call"},
        )
    url = urlsplit(config.sts_endpoint)
    if url.scheme == "http" and not _is_loopback(url.hostname or ""):
        logger.warning(
            "token travels unencrypted",
            extra={"sts": config.sts_endpoint, "fix": "use an https endpoint outside a lab"},
        )


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _shown(addresses: Sequence[Address]) -> str:
    return ", ".join(str(address) for address in addresses)
