"""What a message of STS's adds to what is seen offline: mistakes that no token and no policy shows."""

import re
from collections.abc import Iterator

from sidecar.core.claims import unverified_claims
from sidecar.core.findings import Finding, error, info
from sidecar.explain.question import Question
from sidecar.sts.wording import RefusedCall, Wording
from sidecar.sts.wordings import KNOWN_CODES, wording_in, wording_of

MAXIMUM_SKEW = 60
"""Seconds by which two clocks may differ before it is worth a word."""


def wording(message: str) -> Wording | None:
    """What we know of a message of STS's, by its text or else by the code that it names."""
    return wording_in(message) or (wording_of(code, message) if (code := _code_in(message)) else None)


def aws_code(message: str) -> str:
    """AWS's code of the refusal, "" if neither its text nor a code in it is known."""
    if is_of_a_chain(message):
        return "AccessDenied"
    known = wording(message) if message else None
    if known is None:
        return ""
    written = _code_in(message)
    return written if written in known.aws_codes else known.aws_codes[0]


def _code_in(message: str) -> str:
    """As SDKs print a code, `(Code)`, as STS writes it, `<Code>`, or as CloudTrail does, `Code:`."""
    found = _CODE.search(message)
    code = next((group for group in found.groups() if group), "") if found else ""
    return code if code in KNOWN_CODES else code.removesuffix("Exception")


_CODE = re.compile(r"\((\w{4,60})\)|<Code>(\w{4,60})</Code>|^\s*(\w{4,60}):")


def about(asked: Question, *, allowed_here: bool) -> Iterator[Finding]:
    """What STS's message tells. `allowed_here` says that nothing is wrong with token and policy."""
    if not asked.sts_message.strip():
        return
    if is_of_a_chain(asked.sts_message):
        yield _of_a_chain()
        return
    known = wording(asked.sts_message)
    if known is None:
        yield error(
            "saying-unknown",
            "The call failed, and its message (--sts-message) is none of STS's that are known.",
            "Pass the complete message with its code. Faults of token and policy, if any, follow below.",
        )
    elif known.code:
        yield _told_by_sts(asked, known)
    elif allowed_here:
        yield error(
            "denied-out-of-sight",
            "STS answered AccessDenied although token and policy match: the cause cannot be seen from here.",
            "In this order: wait a minute (IAM changes spread slowly); compare this file with `aws iam get-role` now, "
            "the ARN's path included; ask for resource control policies and the policy of the STS VPC endpoint.",
        )
    yield from _skew(asked)


def is_of_a_chain(message: str) -> bool:
    """Whether STS refused AssumeRole, which is signed by a role: it names the caller, and the token it does not."""
    return _OF_A_CHAIN.search(message) is not None


_OF_A_CHAIN = re.compile(r"perform: sts:(AssumeRole|TagSession|SetSourceIdentity) on resource", re.IGNORECASE)


def _of_a_chain() -> Finding:
    return error(
        "of-another-call",
        "STS's message is about AssumeRole, a call that one role's session makes for another: no token is in it.",
        "If the sidecar makes it, `explain --profile NAME --account FILE` evaluates both roles; else compare the base "
        "role's policies and the other's trust policy by hand.",
    )


def _told_by_sts(asked: Question, known: Wording) -> Finding:
    call = RefusedCall(unverified_claims(asked.token.strip()), asked.role_arn or asked.policy_of)
    return error(known.code, f"From STS's message: {call.fill(known.cause)}", call.fill(known.fix))


def _skew(asked: Question) -> Iterator[Finding]:
    """STS names its own clock in the one message about expired tokens."""
    told = re.search(
        r"current date/time (\d{1,12}) must be before the expiration date/time\s*(\d{1,12})", asked.sts_message
    )
    if told and abs(int(told[1]) - asked.now) > MAXIMUM_SKEW:
        yield info(
            "sts-clock",
            f"STS's clock showed {told[1]}: {int(told[1]) - asked.now:+.0f} s from this machine's clock now.",
            "If the call was made just now, this machine's clock is wrong.",
        )
