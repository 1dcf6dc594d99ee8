"""Evaluates the policies of a caller for a request about one resource, and records what decided.

IAM's logic is the same as for trust policies, with resources in the place of principals: any applying Deny refuses,
else any applying Allow allows, else the answer is no. Source: AWS IAM User Guide, "Policy evaluation logic".
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sidecar.trust.context import RequestContext
from sidecar.trust.elements import Effect
from sidecar.trust.evaluate import ConditionResult, Decision, decision_of, matches_action, meet
from sidecar.trust.identity_document import IdentityPolicy, IdentityStatement
from sidecar.trust.operators import arn_like
from sidecar.trust.patterns import compile_glob, expand

ANYTHING = "*"


@dataclass(frozen=True, slots=True)
class IdentityResult:
    """One statement as it met the request."""

    policy: IdentityPolicy
    statement: IdentityStatement
    action: bool
    resource: bool
    conditions: tuple[ConditionResult, ...]

    @property
    def applies(self) -> bool:
        return self.misses == 0

    @property
    def misses(self) -> int:
        """How many of its parts did not match: 0 for a statement that applies."""
        return (not self.action) + (not self.resource) + len(self.failed_conditions)

    @property
    def failed_conditions(self) -> tuple[ConditionResult, ...]:
        return tuple(condition for condition in self.conditions if not condition.holds)

    @property
    def name(self) -> str:
        """What a person finds it by."""
        sid = f" ({self.statement.sid})" if self.statement.sid else ""
        of = f" of {self.policy.name}" if self.policy.name else ""
        return f"Statement {self.statement.index}{sid}{of}"


@dataclass(frozen=True, slots=True)
class IdentityEvaluation:
    """The answer and all its reasons."""

    decision: Decision
    request: RequestContext
    resource: str
    statements: tuple[IdentityResult, ...]

    @property
    def allowed(self) -> bool:
        return self.decision is Decision.ALLOW

    @property
    def denied(self) -> bool:
        """Whether a Deny applies, which nothing overrides."""
        return self.decision is Decision.EXPLICIT_DENY

    @property
    def decided_by(self) -> IdentityResult | None:
        """The first statement that brought the answer about; None if none applied."""
        effect = Effect.ALLOW if self.allowed else Effect.DENY
        return next((each for each in self.statements if each.applies and each.statement.effect is effect), None)

    @property
    def closest(self) -> IdentityResult | None:
        """The Allow about this action that came nearest to applying; None where none is about it."""
        about = [each for each in self.statements if each.action and each.statement.effect is Effect.ALLOW]
        return min(about, key=lambda each: each.misses, default=None)

    @property
    def reason(self) -> str:
        """One sentence for a person."""
        if self.decided_by:
            return f"{self.decided_by.name} {'allows' if self.allowed else 'denies'} it."
        if self.closest is None:
            return f"No statement allows {self.request.action}."
        return f"{self.closest.name} does not apply: {'; '.join(_misses(self.closest, self.resource))}."


def evaluate_identity(policies: Sequence[IdentityPolicy], request: RequestContext, resource: str) -> IdentityEvaluation:
    """Every statement of all policies against the request, and the answer that follows."""
    results = tuple(
        _evaluate(statement, policy, request, resource) for policy in policies for statement in policy.statements
    )
    return IdentityEvaluation(
        decision_of({result.statement.effect for result in results if result.applies}), request, resource, results
    )


def _evaluate(
    statement: IdentityStatement, policy: IdentityPolicy, request: RequestContext, resource: str
) -> IdentityResult:
    action = matches_action(statement.actions, request.action)
    covered = any(_covers(each, policy, request, resource) for each in statement.resources)
    return IdentityResult(
        policy,
        statement,
        action is not statement.except_actions,
        covered is not statement.except_resources,
        tuple(meet(condition, request, variables=policy.has_variables) for condition in statement.conditions),
    )


def _covers(written: str, policy: IdentityPolicy, request: RequestContext, resource: str) -> bool:
    """`*` is everything; in an ARN a star stays within its part."""
    if written == ANYTHING:
        return True
    pattern = expand(written, request.keys) if policy.has_variables else compile_glob(written)
    return pattern is not None and arn_like(pattern, resource)


def _misses(result: IdentityResult, resource: str) -> list[str]:
    misses = []
    if not result.resource:
        but = "all but " if result.statement.except_resources else ""
        misses.append(f"its resource is {but}{', '.join(result.statement.resources)}, not {resource}")
    return misses + [str(condition) for condition in result.failed_conditions]
