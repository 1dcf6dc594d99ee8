"""`irsa-sidecar explain`: reads the files, evaluates them, prints the result."""

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from typing import TextIO
from urllib.parse import urlsplit

from sidecar.explain import (
    CannotFix,
    Explanation,
    NotAPolicy,
    PolicyText,
    Question,
    Verdict,
    corrected,
    explain,
    policy_text,
)
from sidecar.explain.chain_arguments import links_of
from sidecar.explain.cloudtrail import NotAnEvent, RecordedCall, of_event, recorded_call
from sidecar.explain.question import OidcProvider, provider
from sidecar.terminal.colour import colour_for
from sidecar.terminal.command_parser import CommandParser
from sidecar.terminal.files import BadArguments, read, read_document

ALLOWED, REFUSED, BAD_ARGUMENTS = 0, 1, 2
STATUS_OF_CODE = {"AccessDenied": 403, "RegionDisabledException": 403}


def main(argv: Sequence[str]) -> int:
    """Explain one token against one policy. Returns 0 for allow, 1 for any refusal, 2 for unusable arguments."""
    given = _parser().parse_args(argv)
    try:
        if given.profile:
            return _tell_chain(given)
        asked = _question(given)
        told = explain(asked)
        fixed = corrected(asked) if given.fix else None
    except (BadArguments, CannotFix) as problem:
        print(f"irsa-sidecar explain: {problem}.", file=sys.stderr)
        return BAD_ARGUMENTS
    if given.json:
        print(json.dumps(told.as_json() | ({} if fixed is None else {"policy": fixed}), indent=2))
    else:
        _tell(told, sys.stdout if fixed is None else sys.stderr)
        if fixed is not None:
            print(json.dumps(fixed, indent=2))
    return ALLOWED if told.verdict is Verdict.ALLOW else REFUSED


def _parser() -> argparse.ArgumentParser:
    parser = CommandParser(
        prog="irsa-sidecar explain",
        allow_abbrev=False,
        description="Check offline whether STS would accept this token for this trust policy, and if not, why. "
        "Never prints the token.",
        epilog="Exit code: 0 allow, 1 refusal, 2 invalid arguments.",
    )
    of_call = parser.add_mutually_exclusive_group(required=True)
    of_call.add_argument("--token-file", metavar="FILE", help="the service-account token")
    of_call.add_argument(
        "--event", metavar="FILE", help="a CloudTrail event of the call in the place of the token; a log file works too"
    )
    parser.add_argument(
        "--trust-policy",
        metavar="FILE",
        help="required without --profile: the policy document, or what contains it, such as the output of "
        "`aws iam get-role`, a Terraform plan in JSON, "
        "a CloudFormation template, ...",
    )
    parser.add_argument(
        "--role-arn",
        default="",
        metavar="ARN",
        help="the role that the pod requests: AWS_ROLE_ARN; with --profile, also the role of a container endpoint",
    )
    parser.add_argument(
        "--provider",
        action="append",
        default=[],
        type=_provider,
        metavar="URL|ARN",
        help="an IAM OIDC provider of the account; repeatable. Default: assume one for the token's issuer",
    )
    parser.add_argument(
        "--client-id",
        action="append",
        default=[],
        metavar="ID",
        help="an audience that the provider lists; repeatable. Default: assume the token's own",
    )
    parser.add_argument(
        "--endpoint-url-sts",
        type=_endpoint,
        metavar="URL",
        help="the STS that is asked, as AWS_ENDPOINT_URL_STS of the sidecar. Default: AWS's. If it is not AWS's, the "
        "token's issuer need not be reachable from AWS",
    )
    parser.add_argument(
        "--sts-message", "--said", default="", metavar="TEXT", help="STS's error message, as the SDK printed it"
    )
    parser.add_argument(
        "--profile", metavar="NAME", help="explain this profile's chain link by link, from the token's role on"
    )
    parser.add_argument("--config", metavar="FILE", help="the file with the profile. Default: AWS_CONFIG_FILE")
    parser.add_argument(
        "--account",
        action="append",
        default=[],
        metavar="FILE",
        help="with --profile: the output of `aws iam get-account-authorization-details`, or of `get-role` where a role "
        "is not yours; repeatable",
    )
    parser.add_argument("--fix", action="store_true", help="print a corrected policy on standard output")
    parser.add_argument("--json", action="store_true", help="print verdict and findings as JSON")
    parser.add_argument(
        "--now", type=float, metavar="UNIX", help="evaluate the token's times as of this moment, in Unix seconds"
    )
    return parser


def _tell_chain(given: argparse.Namespace) -> int:
    """Raises `BadArguments`."""
    if given.event or given.fix:
        raise BadArguments("--profile goes with --token-file, and prints no policy")
    links = links_of(given, os.environ, time.time() if given.now is None else given.now)
    if given.json:
        print(json.dumps({"links": [{"role": link.role} | link.told.as_json() for link in links]}, indent=2))
    else:
        for link in links:
            print(f"{link.base} → {link.role}: " if link.base else f"{link.role}: ", end="")
            _tell(link.told, sys.stdout)
            print()
    return ALLOWED if all(link.told.verdict is Verdict.ALLOW for link in links) else REFUSED


def _provider(text: str) -> OidcProvider:
    try:
        return provider(text)
    except ValueError as problem:
        raise argparse.ArgumentTypeError(str(problem)) from None


def _endpoint(text: str) -> str:
    try:
        parts = urlsplit(text)
        if parts.scheme in {"http", "https"} and parts.hostname:
            return text
    except ValueError:
        pass
    raise argparse.ArgumentTypeError(f"{text!r} is not an http:// or https:// URL")


def _question(given: argparse.Namespace) -> Question:
    """From the token, or from the event of a call; what the command line says comes first. Raises `BadArguments`."""
    if given.trust_policy is None:
        raise BadArguments("--trust-policy is required, unless --profile names a chain")
    call = _recorded(given.event) if given.event else None
    role_arn = given.role_arn or (call.role_arn if call else "")
    policy = _policy(given.trust_policy, role_arn)
    asked = Question(
        token="" if call else read(given.token_file, "--token-file"),
        policy=policy.text,
        now=time.time() if given.now is None else given.now,
        role_arn=role_arn,
        policy_of=policy.role_arn,
        sts_endpoint=given.endpoint_url_sts or "",
        providers=tuple(given.provider),
        client_ids=tuple(given.client_id),
        sts_message=given.sts_message,
        remarks=policy.remarks,
    )
    return asked if call is None else of_event(asked, call)


def _policy(path: str, role_arn: str) -> PolicyText:
    try:
        return policy_text(read_document(path, "--trust-policy"), role_arn)
    except NotAPolicy as problem:
        raise BadArguments(f"--trust-policy: {path}: {problem}") from None


def _recorded(path: str) -> RecordedCall:
    try:
        return recorded_call(read_document(path, "--event"))
    except NotAnEvent as problem:
        raise BadArguments(f"--event: {path}: {problem}") from None


def _tell(told: Explanation, out: TextIO) -> None:
    colour = colour_for(out, os.environ)
    print(_headline(told), file=out)
    for found in told.findings:
        level = found.level
        print(f"\n{colour(level, f'{level:<8}')} {found.code}\n  {found.message}", file=out)
        if found.fix:
            print(f"  Fix: {found.fix}", file=out)


def _headline(told: Explanation) -> str:
    if told.depends_on:
        return f"allow, if the policy's conditions on {', '.join(told.depends_on)} hold: they cannot be seen from here."
    if told.verdict is Verdict.ALLOW and any(found.code == "issuer-of-the-lab" for found in told.findings):
        return "allow by the STS of `irsa-sidecar lab` only: AWS cannot reach the token's issuer."
    if told.verdict is Verdict.ALLOW:
        return "allow: STS would issue credentials, as far as token and policy show."
    if not told.aws_code:
        return "deny: the call failed; its message is unknown."
    if told.verdict is Verdict.INVALID_POLICY:
        return "invalid-policy: IAM would not store this policy (MalformedPolicyDocument)."
    return f"{told.verdict.value}: STS would answer {STATUS_OF_CODE.get(told.aws_code, 400)} {told.aws_code}."
