"""Evaluates a policy for a request, and records what decided about each statement.

IAM's logic: a statement applies if its action, its principal and every condition match; any applying Deny refuses,
else any applying Allow lets in, else the answer is no. STS says AccessDenied for both kinds of no.
"""

import enum
from collections.abc import Iterable
from dataclasses import dataclass

from sidecar.trust.context import RequestContext
from sidecar.trust.document import ANYONE, Principal, Statement, TrustPolicy
from sidecar.trust.elements import Condition, Effect
from sidecar.trust.patterns import compile_glob, expand, glob


class Decision(enum.Enum):
    ALLOW = "allow"
    EXPLICIT_DENY = "explicit deny"
    IMPLICIT_DENY = "implicit deny"


@dataclass(frozen=True, slots=True)
class ConditionResult:
    """One condition as it met the request. No `actual` value means that the request has no such key."""

    operator: str
    key: str
    wanted: tuple[str, ...]
    actual: tuple[str, ...]
    holds: bool

    def __str__(self) -> str:
        wanted = " or ".join(map(repr, self.wanted))
        actual = ", ".join(map(repr, self.actual)) or "no value: the request has no such key"
        return f"{self.operator} {self.key} expects {wanted}, the request has {actual}"


@dataclass(frozen=True, slots=True)
class StatementResult:
    """One statement as it met the request: which of its parts matched."""

    statement: Statement
    action: bool
    principal: bool
    conditions: tuple[ConditionResult, ...]

    @property
    def applies(self) -> bool:
        return self.action and self.principal and all(condition.holds for condition in self.conditions)

    @property
    def failed_conditions(self) -> tuple[ConditionResult, ...]:
        return tuple(condition for condition in self.conditions if not condition.holds)

    @property
    def misses(self) -> int:
        """How many of its parts did not match: 0 for a statement that applies."""
        return (not self.action) + (not self.principal) + len(self.failed_conditions)


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The answer and all its reasons."""

    decision: Decision
    request: RequestContext
    statements: tuple[StatementResult, ...]

    @property
    def allowed(self) -> bool:
        return self.decision is Decision.ALLOW

    @property
    def decided_by(self) -> StatementResult | None:
        """The first statement that brought the answer about; None if no statement applied."""
        effect = Effect.ALLOW if self.allowed else Effect.DENY
        applying = (result for result in self.statements if result.applies)
        return next((result for result in applying if result.statement.effect is effect), None)

    @property
    def closest(self) -> StatementResult | None:
        """The Allow that came nearest to applying: where a person should look first."""
        allows = [result for result in self.statements if result.statement.effect is Effect.ALLOW]
        return min(allows, key=lambda result: result.misses, default=None)

    @property
    def reason(self) -> str:
        """One sentence for a person."""
        if self.decided_by:
            verb = "allows" if self.allowed else "denies"
            return f"{_name(self.decided_by.statement)} {verb} it."
        if self.closest is None:
            return "The policy has no Allow statement."
        return f"{_name(self.closest.statement)} does not apply: {'; '.join(_misses(self.closest, self.request))}."


def evaluate(policy: TrustPolicy, request: RequestContext) -> Evaluation:
    """Every statement against the request, and the answer that follows."""
    results = tuple(_evaluate(statement, policy, request) for statement in policy.statements)
    effects = {result.statement.effect for result in results if result.applies}
    return Evaluation(decision_of(effects), request, results)


def decision_of(effects: set[Effect]) -> Decision:
    if Effect.DENY in effects:
        return Decision.EXPLICIT_DENY
    return Decision.ALLOW if Effect.ALLOW in effects else Decision.IMPLICIT_DENY


def _evaluate(statement: Statement, policy: TrustPolicy, request: RequestContext) -> StatementResult:
    action = matches_action(statement.actions, request.action)
    principal = any(_means(principal, statement.effect, request) for principal in statement.principals)
    return StatementResult(
        statement,
        action is not statement.except_actions,
        principal is not statement.except_principals,
        tuple(meet(condition, request, variables=policy.has_variables) for condition in statement.conditions),
    )


def matches_action(patterns: Iterable[str], action: str) -> bool:
    """IAM ignores the case of actions."""
    return any(glob(pattern.casefold(), action.casefold()) for pattern in patterns)


def _means(principal: Principal, effect: Effect, request: RequestContext) -> bool:
    """Exact and case-sensitive.

    `*` and `{"AWS": "*"}` surely cover AWS principals, and everyone in a Deny. Whether an Allow for `*` admits a web
    identity is not documented; the stricter reading is that it does not (inference).
    """
    if principal.name == ANYONE:
        return effect is Effect.DENY or request.principal_kind == "AWS"
    return principal.kind == request.principal_kind and principal.name in request.principals


def meet(condition: Condition, request: RequestContext, *, variables: bool) -> ConditionResult:
    """One condition against the request. `variables`: whether the policy's version knows `${...}`."""
    actual = request.keys.get(condition.key.casefold(), ())
    wanted = [expand(value, request.keys) if variables else compile_glob(value) for value in condition.values]
    # A variable without a value leaves nothing to compare: such a condition never holds, negated or not.
    known = [pattern for pattern in wanted if pattern is not None]
    holds = len(known) == len(wanted) and condition.operator.holds(known, actual)
    return ConditionResult(condition.operator.name, condition.key, condition.values, actual, holds)


def _name(statement: Statement) -> str:
    sid = f" ({statement.sid})" if statement.sid else ""
    return f"Statement {statement.index}{sid}"


def _misses(result: StatementResult, request: RequestContext) -> list[str]:
    statement = result.statement
    misses = []
    if not result.action:
        covered = "all but " if statement.except_actions else ""
        misses.append(f"its action is {covered}{', '.join(statement.actions)}, not {request.action}")
    if not result.principal:
        named = ", ".join(map(str, statement.principals))
        covered = "all but " if statement.except_principals else ""
        misses.append(f"its principal is {covered}{named}, not {request.principal_kind} {request.principals[0]}")
    return misses + [str(condition) for condition in result.failed_conditions]
