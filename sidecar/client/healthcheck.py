"""`irsa-sidecar healthcheck`: what an exec probe runs, in an image without curl."""

import os
import time
from collections.abc import Sequence

from sidecar.client.local_http import NotHttp
from sidecar.client.running_sidecar import OK, admin, admin_listen, document, last_error, refused_requests
from sidecar.terminal.complaints import complain

POLL_INTERVAL = 0.2
"""Seconds between two questions of `--wait`."""


def main(argv: Sequence[str]) -> int:
    """Ask `/readyz` or `/livez`. Returns 0 for a 200, 1 for anything else.

    Standard error has why; also where credentials are served and their refresh fails.
    """
    question, wait = _given(argv)
    deadline = time.monotonic() + wait
    while not (result := _probe(f"/{question}z")).good and time.monotonic() + POLL_INTERVAL < deadline:
        time.sleep(POLL_INTERVAL)
    if result.message:
        complain(" ".join(("irsa-sidecar healthcheck:", *result.message.split())))  # one line, whoever answered
    return 0 if result.good else 1


def _given(argv: Sequence[str]) -> tuple[str, float]:
    """The question, and how many seconds to wait for a yes."""
    if not argv:
        return "ready", 0  # a probe's: reading arguments would be a third of its cost
    from sidecar.terminal.command_parser import CommandParser  # noqa: PLC0415

    parser = CommandParser(
        prog="irsa-sidecar healthcheck",
        description="Ask the running sidecar whether it is ready, for probes in an image without curl.",
        epilog="Exit code: 0 when ready (or live), 1 when not, with the reason on standard error.",
    )
    parser.add_argument(
        "question",
        nargs="?",
        choices=("ready", "live"),
        default="ready",
        help="ready: it can serve credentials (the default); live: its refresh loop runs",
    )
    parser.add_argument(
        "--wait",
        type=float,
        default=0,
        metavar="SECONDS",
        help="repeat the check until it succeeds, for at most this long",
    )
    given = parser.parse_args(argv)
    return given.question, given.wait


class ProbeResult:
    """The answer to the question, and a message for standard error; "" for none."""

    __slots__ = ("good", "message")

    def __init__(self, *, good: bool, message: str) -> None:
        self.good = good
        self.message = message


def _probe(path: str) -> ProbeResult:
    listen = admin_listen(os.environ)
    try:
        reply = admin(os.environ, path)
    except (OSError, NotHttp, ValueError) as error:
        return ProbeResult(good=False, message=f"no answer at {listen}: {error}")
    if reply.status == OK and b'"cause"' not in reply.body:
        return ProbeResult(good=True, message="")  # whatever else it tells: reading JSON would be a third of the cost
    told = document(reply) or {}
    failed = last_error(told)
    failure = f"{failed.cause} {failed.fix}" if failed else ""
    if reply.status == OK:
        return ProbeResult(good=True, message=_while_serving(failure, refused_requests(told)))
    phase = f"phase {told['phase']}" if "phase" in told else f"{reply.status} at {listen}"
    return ProbeResult(good=False, message=failure or phase)


def _while_serving(failure: str, refused: list[str]) -> str:
    """What somebody should know though credentials are served."""
    if failure:
        return f"credentials are served, but the refresh is failing: {failure}"
    return f"credentials are served, but requests for them are refused: {' '.join(refused)}" if refused else ""
