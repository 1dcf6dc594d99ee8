"""`irsa-sidecar demo`: its arguments and its exit code."""

import asyncio
import sys
from collections.abc import Sequence

from sidecar.demo.roles_run import RolesDemo
from sidecar.demo.run import SESSION_LIFETIME, Demo, Plan, ProcessEnded, run
from sidecar.terminal.command_parser import CommandParser

MAXIMUM_OUTAGE = 600
"""Seconds. Credentials last for half a session at least: in a longer outage calls fail, until it has ended."""


def main(argv: Sequence[str]) -> int:
    """Run the demo.

    Returns 0 if no call failed for which there were credentials and, where it ends by itself, the access key changed.
    """
    try:
        plan, kind = _asked(argv)
        return 0 if asyncio.run(run(plan, kind)) else 1
    except* ProcessEnded as ended:
        print(*ended.exceptions, sep="\n", file=sys.stderr)
    return 1


def _asked(argv: Sequence[str]) -> tuple[Plan, type[Demo]]:
    parser = CommandParser(
        prog="irsa-sidecar demo",
        description="Run the whole chain offline: a lab (issuer, kubelet, IAM, STS), the sidecar, and boto3 as the "
        "application. Ctrl-C ends it.",
    )
    parser.add_argument("--once", action="store_true", help="end after two token rotations and two refreshes")
    parser.add_argument(
        "--outage",
        type=int,
        metavar="SECONDS",
        help=f"stop STS for so long (1 to {MAXIMUM_OUTAGE}) when a refresh is due, and end when the sidecar "
        f"has recovered; its credentials outlast {SESSION_LIFETIME // 2} s",
    )
    parser.add_argument(
        "--roles",
        action="store_true",
        help="two applications with a role each, one of them in another account by a chain, shown side by side; "
        "with --once: end when both have new keys",
    )
    given = parser.parse_args(argv)
    if given.outage is not None and not 1 <= given.outage <= MAXIMUM_OUTAGE:
        parser.error(f"--outage {given.outage}: 1 to {MAXIMUM_OUTAGE} is allowed")
    if given.roles and given.outage is not None:
        parser.error("--roles: not with --outage; kill the process that the demo names")
    return Plan(given.once, given.outage), RolesDemo if given.roles else Demo
