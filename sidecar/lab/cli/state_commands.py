"""The commands that read or change the state directory and end: status, get-role, fault, rotate."""

import argparse
import json
import time
from pathlib import Path

from sidecar.lab.aws.iam_file import IamFile, with_faults
from sidecar.lab.cli import report
from sidecar.lab.cli.argument_types import seconds
from sidecar.lab.cluster.key_ring import KeyRing
from sidecar.lab.cluster.key_rotation import WAYS_TO_ROTATE, rotate
from sidecar.lab.cluster.key_tenures import KEEP_AFTER_SIGNING, PUBLISH_BEFORE_SIGNING
from sidecar.lab.faults import FAULTS, Faults
from sidecar.lab.state import StateDirectory
from sidecar.lab.status import status


def add_status(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON, for programs")
    parser.set_defaults(command=_status)


def _status(arguments: argparse.Namespace) -> str:
    found = status(StateDirectory(arguments.state), time.time())
    return json.dumps(found, indent=2) if arguments.json else report.as_text(found)


def add_get_role(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("arn", nargs="?", metavar="ARN", help="the role (the first one)")
    parser.set_defaults(command=_get_role)


def _get_role(arguments: argparse.Namespace) -> str:
    state = StateDirectory(arguments.state)
    roles = with_faults(Faults(state), IamFile(state))().roles
    found = [role for role in roles if arguments.arn in (None, str(role.arn))]
    if not found:
        known = ", ".join(str(role.arn) for role in roles) or "none"
        raise ValueError(f"There is no role {arguments.arn or ''}. Known: {known}.")
    return json.dumps({"Role": found[0].as_iam_shows()}, indent=2)


def add_fault(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", nargs="?", choices=list(FAULTS), metavar="NAME")
    parser.add_argument("value", nargs="?", metavar="VALUE", help="for policy-changed: a file with the policy")
    parser.add_argument("--off", action="store_true", help="end the fault; without a name, end all faults")
    parser.set_defaults(command=_fault)


def _fault(arguments: argparse.Namespace) -> str:
    state = StateDirectory(arguments.state)
    state.create()
    faults = Faults(state)
    if arguments.off:
        faults.end(arguments.name) if arguments.name else faults.end_all()
    elif arguments.name:
        faults.start(arguments.name, _fault_value(arguments.name, arguments.value))
    return report.faults_as_text(faults.active, everything=arguments.name is None and not arguments.off)


def _fault_value(name: str, value: str | None) -> str | None:
    return Path(value).read_text(encoding="utf-8") if name == "policy-changed" and value else value


def add_rotate(parser: argparse.ArgumentParser) -> None:
    how = parser.add_mutually_exclusive_group()
    for name in WAYS_TO_ROTATE:
        how.add_argument(f"--{name}", dest="how", action="store_const", const=name)
    parser.add_argument(
        "--wait",
        type=seconds,
        default=PUBLISH_BEFORE_SIGNING,
        metavar="S",
        help="time between publishing the new key and signing with it (%(default).0f)",
    )
    parser.add_argument(
        "--keep",
        type=seconds,
        default=KEEP_AFTER_SIGNING,
        metavar="S",
        help="how long the old key stays published (%(default).0f)",
    )
    parser.set_defaults(command=_rotate, how="well")


def _rotate(arguments: argparse.Namespace) -> str:
    state = StateDirectory(arguments.state)
    state.create()
    kid = rotate(KeyRing(state), time.time(), arguments.how, wait=arguments.wait, keep=arguments.keep)
    return f"New signing key {kid} ({arguments.how})."
