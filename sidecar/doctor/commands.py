"""`irsa-sidecar doctor`: reads the same settings as `serve`, and checks instead of serving."""

import argparse
import asyncio
import os
import sys
import time
from collections.abc import Mapping, Sequence

from sidecar.core.errors import OutOfThreads
from sidecar.core.findings import Finding
from sidecar.doctor import report
from sidecar.doctor.examination import examine
from sidecar.doctor.pod import inspect_pod
from sidecar.explain import NotAPolicy, PolicyText, policy_text
from sidecar.terminal.colour import colour_for
from sidecar.terminal.complaints import complain
from sidecar.terminal.files import BadArguments, read, read_document

BAD_ARGUMENTS = 2


def main(argv: Sequence[str]) -> int:
    """Examine. Returns 0 if no check failed, 1 if one did, 2 for bad usage."""
    given = _parser().parse_args(argv)
    try:
        app = None if given.app_env is None else variables(read(given.app_env, "--app-env"))
        policy = None if given.trust_policy is None else _policy(given.trust_policy)
    except BadArguments as problem:
        print(f"irsa-sidecar doctor: {problem}.", file=sys.stderr)
        return BAD_ARGUMENTS
    try:
        findings = asyncio.run(_examine(app, policy, offline=given.offline, quiet=given.json))
    except OutOfThreads as problem:
        complain(f"irsa-sidecar doctor: {problem}")
        return 1
    print(report.as_json(findings) if given.json else f"\n{report.summary(findings)}")
    return report.exit_code(findings)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="irsa-sidecar doctor",
        allow_abbrev=False,
        description="Check each step from the pod's environment to the caller's identity, and print what was found and "
        "how to fix it. Reads the same settings as `serve`. Never prints a secret.",
        epilog="Exit code: 0 no check failed, 1 a check failed, 2 invalid arguments.",
    )
    parser.add_argument("--offline", action="store_true", help="local checks only, without network calls")
    parser.add_argument("--json", action="store_true", help="print the findings as JSON")
    parser.add_argument(
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


async def _examine(
    app: Mapping[str, str] | None, policy: PolicyText | None, *, offline: bool, quiet: bool
) -> list[Finding]:
    """All findings; unless `quiet`, each is printed as soon as it is there, for a step may take seconds."""
    colour, findings = colour_for(sys.stdout, os.environ), []
    pod = await inspect_pod(os.environ, app=app, now=time.time(), trust_policy=policy)
    async for finding in examine(pod, offline=offline):
        findings.append(finding)
        if not quiet:
            print(report.as_text(finding, colour), flush=True)
    return findings
