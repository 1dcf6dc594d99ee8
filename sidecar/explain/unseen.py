"""Conditions on what only a real request carries, such as its network: removed before evaluating, and reported."""

from collections.abc import Iterator
from dataclasses import replace

from sidecar.core.findings import Finding, warning
from sidecar.trust import Condition, Effect, RequestContext, Statement, TrustPolicy

_NAMESPACES = ("aws:", "sts:", "iam:", "ec2:")


def is_unseen(condition: Condition, request: RequestContext) -> bool:
    """Is it IAM's own key, and one that we cannot know here?"""
    key = condition.key.casefold()
    return key.startswith(_NAMESPACES) and key not in request.keys


def visible(policy: TrustPolicy, request: RequestContext) -> TrustPolicy:
    """The policy as if every unseen condition held in an Allow, and no Deny with one applied."""
    return replace(policy, statements=tuple(_visible(policy, request)))


def _visible(policy: TrustPolicy, request: RequestContext) -> Iterator[Statement]:
    for statement in policy.statements:
        kept = tuple(condition for condition in statement.conditions if not is_unseen(condition, request))
        if statement.effect is Effect.ALLOW or kept == statement.conditions:
            yield replace(statement, conditions=kept)


def unseen_conditions(policy: TrustPolicy, request: RequestContext) -> Iterator[Finding]:
    for statement in policy.statements:
        for condition in statement.conditions:
            if is_unseen(condition, request):
                assumed = "assumed to hold" if statement.effect is Effect.ALLOW else "assumed not to apply"
                yield warning(
                    "condition-unseen",
                    f"{condition.operator.name} {condition.key} depends on the request itself, which is unknown "
                    f"here; {assumed}.",
                    "Check it against the pod's route to STS (source address, VPC endpoint).",
                    ("Statement", statement.index, "Condition", condition.operator.name, condition.key),
                )
