"""`irsa-sidecar doctor`: reads the same settings as `serve`, and checks instead of serving."""

import argparse
import asyncio
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from sidecar.core.errors import OutOfThreads
from sidecar.core.findings import Finding
from sidecar.doctor import report
from sidecar.doctor.examination import examine
from sidecar.doctor.pod import inspect_pod
from sidecar.doctor.pod_document import Application, NotAPod, applications
from sidecar.explain import NotAPolicy, PolicyText, policy_text
from sidecar.terminal.colour import colour_for
from sidecar.terminal.command_parser import CommandParser
from sidecar.terminal.complaints import complain
from sidecar.terminal.files import BadArguments, read, read_document

BAD_ARGUMENTS = 2


def main(argv: Sequence[str]) -> int:
    """Examine. Returns 0 if no check failed, 1 if one did, 2 for bad usage."""
    given = _parser().parse_args(argv)
    try:
        inputs = _inputs(given)
    except BadArguments as problem:
        complain(f"irsa-sidecar doctor: {problem}.")
        return BAD_ARGUMENTS
    try:
        findings = asyncio.run(_examine(inputs, offline=given.offline, show=_nothing if given.json else _shower(given)))
    except OutOfThreads as problem:
        complain(f"irsa-sidecar doctor: {problem}")
        return 1
    if given.json:
        print(report.as_json(findings))
    else:
        _conclude(findings, verbose=given.verbose)
    return report.exit_code(findings)


@dataclass(frozen=True, slots=True)
class Inputs:
    """What the arguments name, read. Environments hold secrets."""

    app: Mapping[str, str] | None = field(repr=False)
    applications: Sequence[Application]
    policy: PolicyText | None


def _inputs(given: argparse.Namespace) -> Inputs:
    """Raises `BadArguments`."""
    if given.container and given.pod is None:
        raise BadArguments("--container: it says which of the containers in --pod to look at")
    return Inputs(
        app=None if given.app_env is None else variables(read(given.app_env, "--app-env")),
        applications=() if given.pod is None else _applications(given.pod, given.container),
        policy=None if given.trust_policy is None else _policy(given.trust_policy),
    )


def _applications(path: str, container: str) -> Sequence[Application]:
    try:
        return applications(read(path, "--pod"), container)
    except NotAPod as problem:
        raise BadArguments(f"--pod: {path}: {problem}") from None


def _parser() -> argparse.ArgumentParser:
    parser = CommandParser(
        prog="irsa-sidecar doctor",
        allow_abbrev=False,
        description="Check each step from the pod's environment to the caller's identity, and print what was found and "
        "how to fix it. Reads the same settings as `serve`. Never prints a secret.",
        epilog="Exit code: 0 no check failed, 1 a check failed, 2 invalid arguments.",
    )
    parser.add_argument("--offline", action="store_true", help="local checks only, without network calls")
    parser.add_argument("--json", action="store_true", help="print the findings as JSON")
    parser.add_argument("-v", "--verbose", action="store_true", help="print what passed too, in the chain's order")
    environment = parser.add_mutually_exclusive_group()
    environment.add_argument(
        "--pod",
        metavar="FILE",
        help="the pod as `kubectl get pod POD -o json` prints it, to check its applications; - for standard input",
    )
    parser.add_argument("--container", metavar="NAME", default="", help="of that pod, check this container alone")
    environment.add_argument(
        "--app-env",
        metavar="FILE",
        help="the application's environment, lines NAME=value as `env` prints them; - for standard input",
    )
    parser.add_argument(
        "--trust-policy",
        metavar="FILE",
        help="the role's trust policy, or the output of `aws iam get-role`: names the cause of a refusal",
    )
    return parser


def variables(text: str) -> Mapping[str, str]:
    """Lines `NAME=value`, as `env` prints them; of a value with line breaks the first line. Raises `BadArguments`."""
    found = {}
    for line in text.splitlines():
        name, equals, value = line.partition("=")
        if equals and name.isidentifier():
            found[name] = value
    if not found and text.strip():
        raise BadArguments("--app-env: there is no line NAME=value in it")
    return found


def _policy(path: str) -> PolicyText:
    try:
        return policy_text(read_document(path, "--trust-policy"))
    except NotAPolicy as problem:
        raise BadArguments(f"--trust-policy: {path}: {problem}") from None


async def _examine(inputs: Inputs, *, offline: bool, show: Callable[[Finding], None]) -> list[Finding]:
    """All findings; each is shown as soon as it is there, for a step may take seconds."""
    findings = []
    pod = await inspect_pod(os.environ, app=inputs.app, now=time.time(), trust_policy=inputs.policy)
    async for finding in examine(pod, offline=offline, applications=inputs.applications):
        findings.append(finding)
        show(finding)
    return findings


def _nothing(_: Finding) -> None:
    """Show nothing before the end."""


def _shower(given: argparse.Namespace) -> Callable[[Finding], None]:
    return _print if given.verbose else _nothing


def _print(finding: Finding) -> None:
    print(report.as_text(finding, colour_for(sys.stdout, os.environ)), flush=True)


def _conclude(findings: Sequence[Finding], *, verbose: bool) -> None:
    shown = [] if verbose else report.in_short(findings)
    for finding in shown:
        _print(finding)
    more = "" if verbose else " (-v shows all)"
    print(f"{chr(10) * bool(shown or verbose)}{report.summary(findings)}{more}")
