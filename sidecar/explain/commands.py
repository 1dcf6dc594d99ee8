"""`irsa-sidecar explain`: reads the files, evaluates them, prints the result."""

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from typing import TextIO

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
from sidecar.explain.arguments import parser
from sidecar.explain.chain_arguments import links_of
from sidecar.explain.cloudtrail import NotAnEvent, RecordedCall, of_event, recorded_call
from sidecar.terminal.colour import colour_for
from sidecar.terminal.files import BadArguments, read, read_document

ALLOWED, REFUSED, BAD_ARGUMENTS = 0, 1, 2
STATUS_OF_CODE = {"AccessDenied": 403, "RegionDisabledException": 403}


def main(argv: Sequence[str]) -> int:
    """Explain one token against one policy. Returns 0 for allow, 1 for any refusal, 2 for unusable arguments."""
    given = parser().parse_args(argv)
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
