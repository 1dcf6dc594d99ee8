"""`irsa-sidecar serve`: builds the parts from a `Config`, runs them together, stops them in order."""

import asyncio
import contextlib
import logging
import os
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Mapping, Sequence
from typing import Any, NoReturn

from sidecar.admin.app import AdminFace, PublicAdminFace
from sidecar.admin.status import Status
from sidecar.core.clock import SystemClock
from sidecar.core.daemon_thread import within
from sidecar.core.errors import OutOfThreads
from sidecar.core.model import Seconds
from sidecar.core.process_limits import LimitTooLow, check_limits
from sidecar.core.process_privacy import PredictableHashes, check_hashes_are_keyed, keep_private
from sidecar.core.refresh import RefreshPolicy
from sidecar.event_loop import Loop
from sidecar.faces.registry import CONTAINER, FACES
from sidecar.http.addresses import Address
from sidecar.http.binding import CannotListen
from sidecar.http.limits import admin_limits, allow_open_files, limits_of_each
from sidecar.http.messages import Face, Request, RequestObserver, Response
from sidecar.http.room import ByteBudget
from sidecar.http.server import serving
from sidecar.http.strangers import PeerRate
from sidecar.observe import logs
from sidecar.observe.fan_out import to_request_observers
from sidecar.observe.line_writer import LineWriter
from sidecar.observe.metrics import Metrics
from sidecar.observe.refusals import Refusals
from sidecar.observe.startup import announce
from sidecar.observe.usage import Usage
from sidecar.roles.at_work import roles_at_work
from sidecar.roles.endpoints import Endpoint
from sidecar.settings.complaints import BadConfig
from sidecar.settings.config import Config, load
from sidecar.settings.rules import PATHS
from sidecar.terminal.complaints import complain
from sidecar.terminal.early_signals import end_when_told
from sidecar.terminal.last_resort import end_process_after
from sidecar.terminal.stop_signals import StopSignals

DEFECT, BAD_CONFIG = 1, 2
READ_WITHIN: Seconds = 10
"""All files that the settings name, at the start. A disk that hangs is then told of, and holds up no SIGTERM before."""
END_WITHIN: Seconds = 2
"""After the grace: by then the process has ended, whatever hangs."""

logger = logging.getLogger("sidecar")


def main(argv: Sequence[str]) -> int:
    """Serve until told to stop. Returns the exit code: 0, or 2 for settings that nothing can be run with."""
    allow_open_files()
    try:
        check_hashes_are_keyed()
        check_limits()  # before the settings: to read their files takes a thread
        config = within(READ_WITHIN, load, os.environ, argv)
    except BadConfig as error:
        return _refuse(map(str, error.complaints))
    except TimeoutError:
        return _refuse([_hanging(os.environ)])
    except (LimitTooLow, PredictableHashes, OutOfThreads) as error:
        return _refuse([str(error)])
    keep_private()  # now: the secrets that it takes out of the environment have been read
    log = logs.configure(config.log_level, config.log_format)
    try:
        return _run_to_the_end(config, log)
    finally:
        log.end()


def _run_to_the_end(config: Config, log: LineWriter) -> int:
    try:
        with asyncio.Runner(loop_factory=Loop) as runner:
            runner.run(
                serve(
                    config,
                    log_lines_dropped=lambda: log.dropped,
                    on_grace_over=lambda: end_process_after(END_WITHIN - 0.1),
                )
            )
        end_when_told(lambda _: 0)  # the loop has taken its handlers along
    except (CannotListen, OutOfThreads) as error:
        log.end()
        return _refuse([str(error)])
    except Exception:
        # Through the log, which shows places and types: the interpreter would print texts, which may quote anything.
        logger.exception("crashed")
        return DEFECT
    return 0


def _hanging(environ: Mapping[str, str]) -> str:
    files = ", ".join(f"{name} ({text!r})" for name in PATHS if (text := environ.get(name)))
    return f"A file that the settings name was not read within {READ_WITHIN:.0f} s; check the disks of {files}."


def _refuse(complaints: Iterable[str]) -> int:
    complain("\n  ".join(("irsa-sidecar cannot start:", *complaints)))
    return BAD_CONFIG


async def serve(
    config: Config,
    policy: RefreshPolicy | None = None,
    log_lines_dropped: Callable[[], int] = lambda: 0,
    on_grace_over: Callable[[], None] = lambda: None,
) -> None:
    """Serve credentials until SIGTERM and the grace after it. Raises `CannotListen` before anything is served."""
    clock, stop, policy = SystemClock(), StopSignals(), policy or RefreshPolicy()
    metrics, usage, refusals = Metrics(log_lines_dropped), Usage(clock), Refusals(clock)
    announce(config)
    metrics.observe_config(config)
    async with roles_at_work(config, clock, policy, metrics) as work:
        status = Status(
            *(lambda: work.roles.default_first, clock, stop.asked.is_set, usage, refusals, config),
            config_file=lambda: work.config_file,
        )
        observe = to_request_observers(metrics, usage, refusals)
        public = PublicAdminFace(status, metrics)
        async with _listening(work.endpoints, (AdminFace(public, status), public), observe, config, stop):
            await _run([work.watch.run, work.jobs.run], stop, config.grace, on_grace_over)
    logger.info("stopped")


async def _run(
    jobs: Iterable[Callable[[], Coroutine[Any, Any, NoReturn]]],
    stop: StopSignals,
    grace: Seconds,
    on_grace_over: Callable[[], None],
) -> None:
    """Let all jobs run until the sidecar is stopped; a defect in one ends them all."""
    async with asyncio.TaskGroup() as group:
        running = [group.create_task(job(), name=job.__qualname__) for job in jobs]
        await _until_stopped(stop, grace)
        on_grace_over()
        for task in running:
            task.cancel()


async def _until_stopped(stop: StopSignals, grace: Seconds) -> None:
    """Wait for the signal, then for the grace: the pod's other containers may still be asking."""
    await stop.asked.wait()
    logger.info("stopping", extra={"grace": 0 if stop.insisted.is_set() else grace})
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(grace):
            await stop.insisted.wait()


@contextlib.asynccontextmanager
async def _listening(
    endpoints: Iterable[Endpoint], admin: tuple[Face, Face], observe: RequestObserver, config: Config, stop: StopSignals
) -> AsyncIterator[None]:
    """Serve each endpoint on its addresses, and the admin pages, for as long as the block lasts.

    `admin`: what is shown in the pod, and to everybody else.
    """
    listening = [endpoint for endpoint in endpoints if endpoint.addresses]
    limits = limits_of_each(servers=max(len(FACES), len(listening)) + 1)
    shown: dict[str, str] = {}
    budget = ByteBudget()
    async with contextlib.AsyncExitStack() as stack:
        for endpoint in listening:
            served = serving(endpoint.face, observe, endpoint.addresses, limits, stop.asked.is_set, budget=budget)
            shown[_label(endpoint)] = _shown(await stack.enter_async_context(served))
        ours, public = admin
        served = serving(
            *(ours, _uncounted, config.admin_listen, admin_limits(limits), _always),
            strangers=public,
            budget=budget,
            admits=PeerRate(time.monotonic),
        )
        bound = await stack.enter_async_context(served)
        logger.info("listening", extra=shown | {"admin": _shown(bound)})
        yield


def _label(endpoint: Endpoint) -> str:
    """A log field's name."""
    name = "credentials" if endpoint.spec is CONTAINER else endpoint.spec.name
    return f"{name}_{endpoint.role}" if endpoint.role else name


def _always() -> bool:
    """Each answer of the admin port is its connection's last: who asks often is noticed when it connects."""
    return True


def _uncounted(face: str, request: Request | None, response: Response, seconds: float, times: int = 1) -> None:
    """Probes and scrapes are not counted: they would drown the applications' requests."""


def _shown(addresses: Sequence[Address]) -> str:
    return ", ".join(str(address) for address in addresses)
