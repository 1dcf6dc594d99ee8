"""`irsa-sidecar serve`: builds the parts from a `Config`, runs them together, stops them in order."""

import asyncio
import contextlib
import logging
import os
import random
import resource
import secrets
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from urllib.parse import urlsplit

import uvloop

from sidecar import __version__
from sidecar.admin.app import AdminFace
from sidecar.admin.status import Status
from sidecar.core.broker import Broker
from sidecar.core.clock import SystemClock
from sidecar.core.model import DEFAULT_ROLE
from sidecar.core.ports import Clock, Observer
from sidecar.core.refresh import RefreshEvent, RefreshPolicy, RoleState
from sidecar.faces.authorization import NoAuthorization, authorization
from sidecar.faces.container import ContainerFace
from sidecar.faces.counted import ClientObserver, Counted
from sidecar.faces.credentials_file import CredentialsFile
from sidecar.faces.guards import Guard
from sidecar.faces.imds import ImdsFace, protocol
from sidecar.faces.imds_tokens import SessionTokens
from sidecar.faces.instance import Instance
from sidecar.faces.registry import CONTAINER, ECS, FACES, IMDS
from sidecar.http.addresses import Address, is_loopback
from sidecar.http.limits import Limits, most_connections
from sidecar.http.listener import CannotListen
from sidecar.http.messages import Face
from sidecar.http.server import serving
from sidecar.observe import logs
from sidecar.observe.history import History
from sidecar.observe.logs import LogEvents
from sidecar.observe.metrics import Metrics
from sidecar.observe.usage import Usage
from sidecar.settings.config import SHORT_DURATION, BadConfig, Config, load
from sidecar.sources.token_file import TokenFile
from sidecar.sources.web_identity import WebIdentity, sts_client

DEFECT, BAD_CONFIG = 1, 2
DESCRIPTORS = 16_384
POLICY = RefreshPolicy()

logger = logging.getLogger("sidecar")


def main(argv: Sequence[str]) -> int:
    """Serve until told to stop. Returns the exit code: 0, or 2 for settings that nothing can be run with."""
    try:
        config = load(os.environ, argv)
    except BadConfig as error:
        return _refuse(map(str, error.complaints))
    logs.configure(config.log_level, config.log_format)
    _allow_descriptors()
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(serve(config))
    except CannotListen as error:
        return _refuse([str(error)])
    except Exception:
        # Through the log, which shows places and types: the interpreter would print texts, which may quote anything.
        logger.exception("ended by a defect")
        return DEFECT
    return 0


def _allow_descriptors() -> None:
    """More open files, as far as the hard limit goes: each client costs one, and the usual 1024 are for select()."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = DESCRIPTORS if hard == resource.RLIM_INFINITY else min(DESCRIPTORS, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(ValueError):  # macOS has a second limit, which may be lower
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _refuse(complaints: Iterable[str]) -> int:
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
        for number in (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2):
            # Each would end the process, unless it happens to be the container's first.
            loop.add_signal_handler(number, _ignore, number)

    def _ask(self) -> None:
        if self.asked.is_set():
            self.insisted.set()
        self.asked.set()

    def _insist(self) -> None:
        """Ctrl-C comes from a person who is waiting for the prompt."""
        self.insisted.set()
        self.asked.set()


def _ignore(number: signal.Signals) -> None:
    logger.info("signal ignored", extra={"signal": number.name})


async def serve(config: Config, policy: RefreshPolicy = POLICY) -> None:
    """Serve credentials until SIGTERM and the grace after it. Raises `CannotListen` before anything is served."""
    clock, stop = SystemClock(), Stop()
    started_at = clock.now()
    _announce(config)
    tokens = TokenFile(config.token_file)
    metrics = Metrics(
        clock, started_at=started_at, token=lambda: tokens.current.value, valid=lambda: broker.usable() is not None
    )
    metrics.observe_config(config)
    limits = Limits(connections=most_connections(servers=len(FACES) + 1))
    async with sts_client(config, clock, metrics.observe_skew) as exchange:
        history, usage = History(), Usage(clock)
        files = _credentials_files(config, metrics)
        broker = Broker(
            role=DEFAULT_ROLE,
            source=WebIdentity(tokens, exchange, clock),
            clock=clock,
            jitter=random.Random(socket.gethostname()).random,  # noqa: S311 (spreads a fleet, keeps no secret)
            observe=_all(LogEvents(policy), metrics, history, *files),
            policy=policy,
            waits=metrics.waits,
        )
        status = Status(broker, lambda: tokens.current.value, clock, stop.asked.is_set, history, usage, config)
        count = _both(metrics.observe_client, usage)
        async with (
            _serving(_faces(config, broker, clock, policy, count), metrics, limits, stop.asked.is_set) as addresses,
            serving(AdminFace(status, metrics), _nobody, config.admin_listen, limits) as admin_addresses,
            asyncio.TaskGroup() as group,
        ):
            logger.info("listening", extra=addresses | {"admin": _shown(admin_addresses)})
            running = [
                group.create_task(tokens.watch(), name="watch the token"),
                group.create_task(broker.keep_fresh(), name="keep credentials fresh"),
                *(group.create_task(file.keep_written(), name="keep the credentials file") for file in files),
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


Served = tuple[Face, tuple[Address, ...]]


def _faces(config: Config, broker: Broker, clock: Clock, policy: RefreshPolicy, count: ClientObserver) -> list[Served]:
    """All faces, and where each is served: nowhere, if it is off."""
    tokens = authorization(config.auth_token, config.auth_token_file, clock)
    container = ContainerFace(broker, Guard(config.host_names, tokens))
    open_to_the_pod = Guard(config.link_local_names, NoAuthorization())
    ecs = ContainerFace(broker, open_to_the_pod, ECS.name)
    imds = ImdsFace(
        broker,
        open_to_the_pod,
        SessionTokens(secrets.token_bytes(), clock.now),
        instance=Instance(config.role_arn, socket.gethostname(), config.region, config.availability_zone),
        v1=config.imds_v1,
        min_life=config.imds_min_life,
        policy=policy,
        now=clock.now,
    )
    return [
        (Counted(container, count), config.listen[CONTAINER]),
        (Counted(ecs, count), config.listen[ECS]),
        (Counted(imds, count, protocol), config.listen[IMDS]),
    ]


@contextlib.asynccontextmanager
async def _serving(
    faces: Sequence[Served], metrics: Metrics, limits: Limits, leaving: Callable[[], bool]
) -> AsyncIterator[dict[str, str]]:
    """Serve each face on its addresses; gives those bound, as the log shows them."""
    shown: dict[str, str] = {}
    async with contextlib.AsyncExitStack() as stack:
        for face, addresses in faces:
            if addresses:
                served = serving(face, metrics.observe_request, addresses, limits, leaving)
                bound = await stack.enter_async_context(served)
                shown["credentials" if face.name == CONTAINER.name else face.name] = _shown(bound)
        yield shown


def _credentials_files(config: Config, metrics: Metrics) -> list[CredentialsFile]:
    """The one that is asked for, or none."""
    if config.credentials_file is None:
        return []
    file = CredentialsFile(
        config.credentials_file,
        profile=config.credentials_profile,
        mode=config.credentials_mode,
        removed=config.credentials_removed,
        observe=metrics.observe_file,
    )
    return [file]


def _all(*observers: Observer) -> Observer:
    """One observer for many. A defect in one disturbs neither the others nor the broker."""

    def observe(role: str, event: RefreshEvent, state: RoleState) -> None:
        for observer in observers:
            try:
                observer(role, event, state)
            except Exception:
                logger.exception("observer failed")

    return observe


def _both(first: ClientObserver, second: ClientObserver) -> ClientObserver:
    def observe(face: str, user_agent: str | None) -> None:
        first(face, user_agent)
        second(face, user_agent)

    return observe


def _nobody(face: str, status: int, seconds: float) -> None:
    """Probes and scrapes are not counted: they would drown the applications' requests."""


def _announce(config: Config) -> None:
    settings = {"version": __version__, "role_arn": str(config.role_arn), "token_file": str(config.token_file)}
    logger.info("starting", extra=settings | {"sts": config.sts_endpoint, "duration": config.duration})
    if config.duration < SHORT_DURATION:
        logger.warning(
            "short sessions",
            extra={"fix": f"set SIDECAR_DURATION to {SHORT_DURATION} or more: below, some SDKs ask on every call"},
        )
    url = urlsplit(config.sts_endpoint)
    if url.scheme == "http" and not is_loopback(url.hostname or ""):
        logger.warning(
            "token travels unencrypted",
            extra={"sts": config.sts_endpoint, "fix": "use an https endpoint outside a lab"},
        )


def _shown(addresses: Sequence[Address]) -> str:
    return ", ".join(str(address) for address in addresses)
