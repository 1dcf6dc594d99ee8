"""All that there is to say of a token and a policy: the verdict, every step's findings, and what cannot be seen."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from sidecar.core.findings import Finding, Level, info
from sidecar.explain import provider_mistakes, sts_message, token_mistakes, trust_mistakes, unseen
from sidecar.explain.judgement import Reading, Verdict, judgement_of, read
from sidecar.explain.jwt_parts import printable
from sidecar.explain.question import Case, Question
from sidecar.trust import TrustPolicy, lint


@dataclass(frozen=True, slots=True)
class Explanation:
    """The judgement, and everything there is to say."""

    verdict: Verdict
    aws_code: str
    findings: tuple[Finding, ...]
    depends_on: tuple[str, ...] = ()

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


def explain(asked: Question) -> Explanation:
    """Meet the token with the policy. Pure; nothing in the answer is a secret."""
    reading = read(asked)
    judged = judgement_of(reading)
    steps = [found for step in reading.steps for found in step.look()]
    refused = any(found.level is Level.ERROR for found in steps)
    findings = [
        *sts_message.about(asked, allowed_here=not refused),
        *steps,
        *_asides(reading, steps),
        *_of_the_files(asked),
    ]
    told = tuple(named(found, reading.policy) for found in findings)
    return Explanation(judged.verdict, judged.aws_code, told, judged.depends_on)


def _asides(reading: Reading, told: list[Finding]) -> Iterator[Finding]:
    """What refuses nothing here."""
    case = reading.case
    if case is None:
        yield from lint(reading.policy) if reading.policy else ()
        return
    yield from trust_mistakes.lint_besides(case, told)
    yield from map(unseen.told, reading.unseen)
    yield from _of_the_issuer(case)
    yield from token_mistakes.remarks(case.token)
    yield from provider_mistakes.assumptions(case)


def _of_the_issuer(case: Case) -> Iterator[Finding]:
    if case.asked.asks_aws:
        yield from token_mistakes.issuer_of_the_lab(case.token)
    else:
        yield from token_mistakes.issuer_unjudged(case.token)


def _of_the_files(asked: Question) -> Iterator[Finding]:
    if asked.token != asked.token.strip():
        yield _white_space()
    yield _out_of_sight()
    yield from asked.remarks


def named(found: Finding, policy: TrustPolicy | None) -> Finding:
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
