"""`irsa-sidecar lab`: runs the lab, shows its state, starts and ends faults.

Except `lab` and `lab sts`, every command works on the state directory: it needs no running lab, and a running one
notices the change. A token is written to a file and never printed; its claims are printed.
"""

import argparse
import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

from sidecar.lab.app import running, running_sts
from sidecar.lab.cli import export, report, state_commands, tokens
from sidecar.lab.cli.argument_types import address, seconds
from sidecar.lab.cluster.key_tenures import WEEK
from sidecar.lab.cluster.keys import KidForm
from sidecar.lab.events import LabEvent
from sidecar.lab.settings import LabSettings, StsSettings
from sidecar.terminal.command_parser import CommandParser
from sidecar.terminal.complaints import OutputLost

REFUSED = 1


def main(argv: Sequence[str]) -> int:
    """Runs one command and prints its result. Returns 0 for success, 1 for a refusal, 2 for bad arguments."""
    arguments = _parser().parse_args(argv)
    command: Callable[[argparse.Namespace], str] = arguments.command
    try:
        print(command(arguments))
    except BrokenPipeError:  # nobody reads what is printed: the command line knows how to end
        raise
    except (ValueError, OSError) as error:
        print(f"irsa-sidecar lab: {error}", file=sys.stderr)
        return REFUSED
    return 0


def default_state() -> Path:
    """Where a lab keeps its files by default: below XDG_STATE_HOME, as programs do."""
    base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(base) / "irsa-sidecar" / "lab"


def _parser() -> argparse.ArgumentParser:
    parser = CommandParser(
        prog="irsa-sidecar lab",
        description="Run an offline OIDC issuer, kubelet, IAM and STS, to learn IRSA and to rehearse outages.",
    )
    _add_state(parser, default_state())
    _add_running(parser)
    parser.set_defaults(command=_run)
    commands = parser.add_subparsers(metavar="COMMAND", title="without a command the lab runs; commands")
    _add_sts(commands.add_parser("sts", help="run STS alone, for a lab that was started with --no-sts"))
    state_commands.add_status(commands.add_parser("status", help="print addresses, faults, keys, IAM and its lint"))
    state_commands.add_get_role(
        commands.add_parser("get-role", help="print a role and its trust policy, as `aws iam get-role`")
    )
    state_commands.add_fault(commands.add_parser("fault", help="start or end a fault; without a name, list them"))
    state_commands.add_rotate(commands.add_parser("rotate", help="rotate the signing key, correctly or wrongly"))
    tokens.add_arguments(commands.add_parser("token", help="issue a token: print its claims, write it to a file"))
    export.add_arguments(
        commands.add_parser("export", help="write discovery and JWKS files from a cluster's public key")
    )
    for name, command in commands.choices.items():
        if name != "export":
            _add_state(command, argparse.SUPPRESS)
    return parser


def _add_state(parser: argparse.ArgumentParser, default: Any) -> None:
    usual = "" if default is argparse.SUPPRESS else f" ({default})".replace("%", "%%")
    parser.add_argument("--state", type=Path, default=default, metavar="DIR", help=f"state directory{usual}")


def _add_running(parser: argparse.ArgumentParser) -> None:
    defaults = LabSettings(Path())
    for name, default in (("issuer", defaults.issuer), ("sts", defaults.sts), ("control", defaults.control)):
        parser.add_argument(f"--{name}-listen", type=address, default=default, metavar="HOST:PORT")
    parser.add_argument(
        "--agent-listen",
        type=address,
        metavar="HOST:PORT",
        help="also run an EKS Pod Identity agent there, such as 127.0.0.1:9924",
    )
    parser.add_argument("--no-sts", action="store_true", help="do not run STS here; run `lab sts` in another process")
    parser.add_argument(
        "--token-lifetime", type=seconds, metavar="S", help="lifetime of tokens, instead of that in cluster.yaml"
    )
    parser.add_argument(
        "--key-period", type=seconds, default=WEEK, metavar="S", help="time between key rotations (7 days)"
    )
    parser.add_argument("--kid-form", type=KidForm, choices=list(KidForm), default=KidForm.EKS, metavar="eks|upstream")
    _add_sts_rules(parser)


def _add_sts(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--listen", type=address, default=StsSettings(Path()).listen, metavar="HOST:PORT")
    _add_sts_rules(parser)
    parser.set_defaults(command=_run_sts)


def _add_sts_rules(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--region", default="us-east-1", help="the region that requests must be signed for (%(default)s)"
    )
    parser.add_argument(
        "--session-lifetime", type=seconds, metavar="S", help="lifetime of sessions, instead of what a request asks for"
    )


def _run(arguments: argparse.Namespace) -> str:
    settings = LabSettings(
        arguments.state,
        issuer=arguments.issuer_listen,
        sts=None if arguments.no_sts else arguments.sts_listen,
        control=arguments.control_listen,
        agent=arguments.agent_listen,
        region=arguments.region,
        token_lifetime=arguments.token_lifetime,
        session_lifetime=arguments.session_lifetime,
        key_period=arguments.key_period,
        kid_form=arguments.kid_form,
    )
    return _until_stopped(running(settings, _tell), report.welcome)


def _run_sts(arguments: argparse.Namespace) -> str:
    settings = StsSettings(arguments.state, arguments.listen, arguments.region, arguments.session_lifetime)
    return _until_stopped(running_sts(settings, _tell), lambda url: f"STS on {url}")


def _tell(event: LabEvent) -> None:
    """Print what happened, or end: an error here would be STS's answer to the request that caused the event."""
    try:
        print(report.line(event, time.time()), flush=True)
    except (BrokenPipeError, OutputLost):
        signal.raise_signal(signal.SIGTERM)


def _until_stopped(world: AbstractAsyncContextManager[Any], greeting: Callable[[Any], str]) -> str:
    async def live() -> None:
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        async with world as found:
            print(greeting(found), flush=True)
            await stop.wait()

    asyncio.run(live())
    return "Stopped."
