"""Conditions on what only a real request carries, such as its network: left out of the evaluation, and named.

An Allow is then read as if they held and a Deny as if they did not, so a refusal is certain and an allow may depend on
them.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from sidecar.core.findings import Finding, warning
from sidecar.trust import Condition, Effect, RequestContext, Statement, TrustPolicy, evaluate
from sidecar.trust.keys import is_own_key, needs_unseen


@dataclass(frozen=True, slots=True)
class Unseen:
    """A condition on which an allow depends."""

    statement: Statement
    condition: Condition


def visible(policy: TrustPolicy, request: RequestContext) -> TrustPolicy:
    """The policy as if every unseen condition held in an Allow, and no Deny with one applied."""
    if not any(_hidden(statement, request) for statement in policy.statements):
        return policy
    return replace(policy, statements=tuple(_visible(policy, request)))


def undecided(policy: TrustPolicy, request: RequestContext) -> list[Unseen]:
    """The unseen conditions that could turn an allow into a refusal; none where another statement allows anyway."""
    allows = [statement for statement in policy.statements if statement.effect is Effect.ALLOW]
    denies = [statement for statement in policy.statements if statement.effect is Effect.DENY]
    applying = [statement for statement in allows if _may_apply(statement, policy, request)]
    certain = any(not _hidden(statement, request) for statement in applying)
    perhaps = [statement for statement in denies if _may_apply(statement, policy, request)]
    return [
        Unseen(statement, condition)
        for statement in ([] if certain else applying) + perhaps
        for condition in _hidden(statement, request)
    ]


def told(found: Unseen) -> Finding:
    statement, condition = found.statement, found.condition
    assumed = "assumed to hold" if statement.effect is Effect.ALLOW else "assumed not to apply"
    why = (
        "depends on the request itself, which is unknown here"
        if is_own_key(condition.key)
        else "may be a condition key of this shared issuer since 2026, which is not certain"
    )
    return warning(
        "condition-unseen",
        f"{condition.operator.name} {condition.key} {why}; {assumed}.",
        "Check it against the pod's route to STS (source address, VPC endpoint), or give the call's CloudTrail event "
        "with --event.",
        ("Statement", statement.index, "Condition", condition.operator.name, condition.key),
    )


def _visible(policy: TrustPolicy, request: RequestContext) -> Iterator[Statement]:
    for statement in policy.statements:
        hidden = _hidden(statement, request)
        if not hidden or statement.effect is Effect.ALLOW:
            yield _without(statement, hidden)


def _hidden(statement: Statement, request: RequestContext) -> list[Condition]:
    return [found for found in statement.conditions if needs_unseen(found.key, found.values, request)]


def _without(statement: Statement, hidden: list[Condition]) -> Statement:
    return replace(statement, conditions=tuple(found for found in statement.conditions if found not in hidden))


def _may_apply(statement: Statement, policy: TrustPolicy, request: RequestContext) -> bool:
    alone = replace(policy, statements=(_without(statement, _hidden(statement, request)),))
    return evaluate(alone, request).statements[0].applies
