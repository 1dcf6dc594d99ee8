"""The verdict alone: the first of STS's steps that refuses names the code.

The order is pieced together from real refusals: AWS does not document it. Provider before role is certain, audience
after time is not (inference).
"""

import enum
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial

from sidecar.core.findings import Finding, Level, error
from sidecar.explain import provider_mistakes, sts_message, token_mistakes, trust_mistakes
from sidecar.explain.jwt_parts import NotAJwt, UnverifiedToken, take_apart
from sidecar.explain.question import Case, Question
from sidecar.explain.unseen import Unseen
from sidecar.trust import MalformedPolicy, TrustPolicy, parse

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
class Judgement:
    """The verdict and AWS's code for a refusal, "" for none, or for one that nobody knows.

    `depends_on` are condition keys that cannot be seen from here and that decide whether an allow stands.
    """

    verdict: Verdict
    aws_code: str
    depends_on: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that STS checks. A finding of level error means that it refuses here, with this code.

    `passes` answers the same without the words, where that is cheaper.
    """

    aws_code: str
    look: Callable[[], Iterable[Finding]]
    passes: Callable[[], bool] | None = None

    @property
    def refuses(self) -> bool:
        if self.passes:
            return not self.passes()
        return any(found.level is Level.ERROR for found in self.look())


@dataclass(frozen=True)
class Reading:
    """What a question's texts turned out to be, and with it STS's steps in their order."""

    asked: Question
    token: UnverifiedToken | None
    policy: TrustPolicy | None
    wrong: tuple[Step, ...]
    """Why there is no token, or no policy."""

    @cached_property
    def case(self) -> Case | None:
        """Token and policy, where both can be used."""
        if self.token is None or self.policy is None or self.asked.untold or any(token_mistakes.claims(self.token)):
            return None
        return Case(self.asked, self.token, self.policy)

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        before = (*self.wrong, Step(VALIDATION_ERROR, partial(provider_mistakes.role_arn_form, self.asked)))
        if self.token is None:
            return before
        of_token = Step(INVALID_IDENTITY_TOKEN, partial(_of_token, self.token, self.asked.untold))
        return (*before, of_token, *(_of_case(self.case) if self.case else ()))

    @cached_property
    def unseen(self) -> list[Unseen]:
        """What an allow depends on."""
        case = self.case
        return trust_mistakes.unseen(case) if case and trust_mistakes.allows(case) else []


def read(asked: Question) -> Reading:
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
    return Reading(asked, token, policy, tuple(wrong))


def judge(asked: Question) -> Judgement:
    """What would become of the call. Pure, and quick enough for whole clusters; `explain` says why."""
    return judgement_of(read(asked))


def judgement_of(reading: Reading) -> Judgement:
    code = _aws_code(reading)
    if code or reading.asked.sts_message.strip():
        return Judgement(_VERDICTS.get(code, Verdict.DENY), code)
    return Judgement(Verdict.ALLOW, "", tuple(dict.fromkeys(found.condition.key for found in reading.unseen)))


def _aws_code(reading: Reading) -> str:
    """What STS answered, if somebody tells, comes before what is seen here; IAM's refusal of the policy before both."""
    if reading.policy is None:
        return MALFORMED_POLICY
    told = sts_message.aws_code(reading.asked.sts_message)
    return told or next((step.aws_code for step in reading.steps if step.refuses), "")


def _told(aws_code: str, finding: Finding) -> Step:
    return Step(aws_code, lambda: [finding])


def _not_a_jwt(problem: NotAJwt) -> Finding:
    return error(
        "not-a-jwt",
        f"The file does not hold a JWT: {problem}. STS says `The ID Token provided is not a valid JWT`.",
        token_mistakes.project_another(),
    )


def _of_token(token: UnverifiedToken, untold: tuple[str, ...]) -> Iterator[Finding]:
    yield from token_mistakes.form(token)
    yield from () if untold else token_mistakes.claims(token)


def _of_case(case: Case) -> Iterator[Step]:
    """In STS's order."""
    token, now = case.token, case.asked.now
    yield Step(INVALID_IDENTITY_TOKEN, partial(provider_mistakes.no_provider, case))
    if case.asked.asks_aws:
        yield Step(INVALID_IDENTITY_TOKEN, partial(token_mistakes.issuer_unreachable, token))
    yield Step(EXPIRED_TOKEN, partial(token_mistakes.expiry, token, now))
    yield Step(INVALID_IDENTITY_TOKEN, partial(token_mistakes.not_yet, token, now))
    yield Step(INVALID_IDENTITY_TOKEN, partial(provider_mistakes.audience, case))
    yield Step(ACCESS_DENIED, partial(provider_mistakes.other_role, case))
    yield Step(ACCESS_DENIED, partial(trust_mistakes.trust, case), partial(trust_mistakes.allows, case))
