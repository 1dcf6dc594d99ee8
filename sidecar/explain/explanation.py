"""The verdict: every step in STS's order, the first refusal naming the code, all of them explained.

The order is pieced together from real refusals: AWS does not document it. Provider before role is certain, audience
after time is not (inference).
"""

import enum
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from sidecar.core.findings import Finding, Level, error, info
from sidecar.explain import provider_mistakes, sts_message, token_mistakes, trust_mistakes
from sidecar.explain.jwt_parts import NotAJwt, UnverifiedToken, printable, take_apart
from sidecar.explain.question import Case, Question
from sidecar.sts.wordings import wording_in
from sidecar.trust import MalformedPolicy, TrustPolicy, lint, parse

INVALID_IDENTITY_TOKEN = "InvalidIdentityToken"  # noqa: S105 (a code, not a secret)
EXPIRED_TOKEN = "ExpiredTokenException"  # noqa: S105 (a code, not a secret)
ACCESS_DENIED = "AccessDenied"
VALIDATION_ERROR = "ValidationError"
MALFORMED_POLICY = "MalformedPolicyDocument"


class Verdict(enum.Enum):
    """What would become of the call."""

    ALLOW = "allow"
    DENY = "deny"
    INVALID_TOKEN = "invalid-token"  # noqa: S105 (a name, not a secret)
    INVALID_POLICY = "invalid-policy"


_VERDICTS = {
    INVALID_IDENTITY_TOKEN: Verdict.INVALID_TOKEN,
    EXPIRED_TOKEN: Verdict.INVALID_TOKEN,
    MALFORMED_POLICY: Verdict.INVALID_POLICY,
}


@dataclass(frozen=True, slots=True)
class Explanation:
    """The verdict, AWS's code for a refusal ("" for none), and everything there is to say."""

    aws_code: str
    findings: tuple[Finding, ...]

    @property
    def verdict(self) -> Verdict:
        return _VERDICTS.get(self.aws_code, Verdict.DENY) if self.aws_code else Verdict.ALLOW

    def as_json(self) -> dict[str, Any]:
        """The documented form: these members, and no others, in every version of this major."""
        return {
            "verdict": self.verdict.value,
            "aws_code": self.aws_code or None,
            "findings": [
                {"code": found.code, "level": found.level, "message": found.message, "fix": found.fix}
                for found in self.findings
            ],
        }


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that STS checks. A finding of level error means that it refuses here, with this code."""

    aws_code: str
    look: Callable[[], Iterable[Finding]]


def explain(asked: Question) -> Explanation:
    """Meet the token with the policy. Pure; nothing in the answer is a secret."""
    token, policy, wrong = _read(asked)
    if token is None or policy is None or any(token_mistakes.claims(token)):
        return _concluded(asked, [*wrong, *_before_iam(asked, token)], policy, lint(policy) if policy else ())
    case = Case(asked, token, policy)
    reasons = tuple(trust_mistakes.trust(case))
    return _concluded(asked, _steps(case, reasons), policy, [*_asides(case, reasons)])


def _read(asked: Question) -> tuple[UnverifiedToken | None, TrustPolicy | None, list[Step]]:
    """Token and policy, each None with the step that tells why. A policy that IAM would not store comes first."""
    token: UnverifiedToken | None = None
    policy: TrustPolicy | None = None
    wrong: list[Step] = []
    try:
        policy = parse(asked.policy)
    except MalformedPolicy as problem:
        wrong.append(_told(MALFORMED_POLICY, error("malformed-policy", problem.cause, problem.fix, problem.where)))
    try:
        token = take_apart(asked.token.strip())
    except NotAJwt as problem:
        wrong.append(_told(INVALID_IDENTITY_TOKEN, _not_a_jwt(problem)))
    return token, policy, wrong


def _told(aws_code: str, finding: Finding) -> Step:
    return Step(aws_code, lambda: [finding])


def _not_a_jwt(problem: NotAJwt) -> Finding:
    return error(
        "not-a-jwt",
        f"The file does not hold a JWT: {problem}. STS says `The ID Token provided is not a valid JWT`.",
        token_mistakes.PROJECT_ANOTHER,
    )


def _of_token(token: UnverifiedToken) -> Iterator[Finding]:
    yield from token_mistakes.form(token)
    yield from token_mistakes.claims(token)


def _before_iam(asked: Question, token: UnverifiedToken | None) -> list[Step]:
    parameters = Step(VALIDATION_ERROR, partial(provider_mistakes.role_arn_form, asked))
    return [parameters] if token is None else [parameters, Step(INVALID_IDENTITY_TOKEN, partial(_of_token, token))]


def _steps(case: Case, reasons: tuple[Finding, ...]) -> list[Step]:
    """In STS's order."""
    token, now = case.token, case.asked.now
    return [
        *_before_iam(case.asked, token),
        Step(INVALID_IDENTITY_TOKEN, partial(provider_mistakes.no_provider, case)),
        Step(EXPIRED_TOKEN, partial(token_mistakes.expiry, token, now)),
        Step(INVALID_IDENTITY_TOKEN, partial(token_mistakes.not_yet, token, now)),
        Step(INVALID_IDENTITY_TOKEN, partial(provider_mistakes.audience, case)),
        Step(ACCESS_DENIED, partial(provider_mistakes.other_role, case)),
        Step(ACCESS_DENIED, lambda: reasons),
    ]


def _asides(case: Case, reasons: tuple[Finding, ...]) -> Iterator[Finding]:
    yield from trust_mistakes.lint_besides(case, reasons)
    yield from trust_mistakes.unseen(case)
    yield from token_mistakes.remarks(case.token)
    yield from provider_mistakes.assumptions(case)


def _concluded(
    asked: Question, steps: list[Step], policy: TrustPolicy | None, asides: Iterable[Finding]
) -> Explanation:
    looked = [(step.aws_code, tuple(step.look())) for step in steps]
    refusals = [code for code, findings in looked if any(found.level is Level.ERROR for found in findings)]
    known = wording_in(asked.sts_message)
    findings = [found for _, findings in looked for found in findings]
    findings = [
        *sts_message.about(asked, allowed_here=not refusals),
        *findings,
        *asides,
    ]
    if asked.token != asked.token.strip():
        findings.append(_white_space())
    findings.append(_out_of_sight())
    code = MALFORMED_POLICY if policy is None else known.aws_codes[0] if known else next(iter(refusals), "")
    return Explanation(code, tuple(_named(found, policy) for found in findings))


def _named(found: Finding, policy: TrustPolicy | None) -> Finding:
    """The finding as it may be printed, with its statement's number and Sid in front."""
    found = replace(found, message=printable(found.message), fix=printable(found.fix))
    if found.where[:1] != ("Statement",) or len(found.where) == 1:
        return found
    index = found.where[1]
    sids = {statement.index: statement.sid for statement in policy.statements} if policy else {}
    sid = sids.get(index) if isinstance(index, int) else None
    return replace(found, message=f"Statement {index}{f' ({sid})' if sid else ''}: {found.message}")


def _white_space() -> Finding:
    return info(
        "white-space-around-token",
        "The file has white space around the token. The sidecar removes it; botocore sends it unchanged.",
        "Write the file without a newline: printf, not echo.",
    )


def _out_of_sight() -> Finding:
    return info(
        "out-of-sight",
        "Not checked: whether the role exists under exactly this ARN and has this policy now (a change takes "
        "up to a minute to take effect), resource control policies, service control policies, the policy of an STS VPC "
        "endpoint, the provider's thumbprint, whether STS is activated in the region.",
        "If STS refuses what is allowed here, give its message as --sts-message.",
    )
