"""Why the trust policy does not let this token in: the statement that comes closest, part by part."""

from collections.abc import Collection, Iterator

from sidecar.core.findings import Finding, error, info
from sidecar.explain.condition_mistakes import FailedCondition, condition_mistakes
from sidecar.explain.principal_mistakes import principal_mistakes
from sidecar.explain.question import Case
from sidecar.explain.unseen import Unseen, undecided, visible
from sidecar.trust import (
    ASSUME_ROLE_WITH_WEB_IDENTITY,
    SET_SOURCE_IDENTITY,
    TAG_SESSION,
    Decision,
    Effect,
    Evaluation,
    StatementResult,
    evaluate,
    for_action,
    required_actions,
)
from sidecar.trust.context import SOURCE_IDENTITY_CLAIM, TAGS_CLAIM
from sidecar.trust.mistakes import action_not_web_identity

OIDC = ":oidc-provider/"


def evaluation(case: Case, action: str = ASSUME_ROLE_WITH_WEB_IDENTITY) -> Evaluation:
    """The answer of the policy alone, what cannot be seen from here taken for right."""
    return evaluate(visible(case.policy, case.request), for_action(case.request, action))


def trust(case: Case) -> Iterator[Finding]:
    """Why not: findings of level error; or which statement lets it in."""
    answer = evaluation(case)
    if not answer.allowed:
        yield from _refusal(case, answer)
        return
    others = required_actions(case.token.claims)[1:]
    missing = [finding for action in others if (finding := _session_action(case, action))]
    yield from missing
    if not missing and answer.decided_by is not None:
        where = ("Statement", answer.decided_by.statement.index)
        yield info("allowed-by", "This statement allows the token.", where=where)


def allows(case: Case) -> bool:
    """Whether the policy allows all that the token needs, what cannot be seen taken for right."""
    return all(evaluation(case, action).allowed for action in required_actions(case.token.claims))


def _refusal(case: Case, answer: Evaluation) -> Iterator[Finding]:
    if answer.decision is Decision.EXPLICIT_DENY:
        yield from _denials(answer)
    elif closest := closest_allow(answer):
        yield from _why_not(case, closest)
    else:
        yield _no_allow()


def _session_action(case: Case, action: str) -> Finding | None:
    """A token that brings tags or a source identity needs a second permission."""
    answer = evaluation(case, action)
    if answer.allowed:
        return None
    if answer.decision is Decision.EXPLICIT_DENY:
        return next(_denials(answer))
    code, claim = _SESSION_ACTIONS[action]
    return error(
        code,
        f"The token has the claim {claim}, so the policy must allow {action} too, and it does not.",
        f'Write "Action": ["{ASSUME_ROLE_WITH_WEB_IDENTITY}", "{action}"], or let the issuer leave the claim out.',
    )


_SESSION_ACTIONS = {
    TAG_SESSION: ("tag-session-missing", TAGS_CLAIM),
    SET_SOURCE_IDENTITY: ("source-identity-missing", SOURCE_IDENTITY_CLAIM),
}


def lint_besides(case: Case, reasons: Collection[Finding]) -> Iterator[Finding]:
    """What the lint says of the policy and is not among the reasons of the refusal."""
    told = {(reason.code, reason.where) for reason in reasons}
    return (found for found in case.linted if (found.code, found.where) not in told)


def unseen(case: Case) -> list[Unseen]:
    """The conditions on which an allow depends and that cannot be seen from here, each once."""
    found = [
        unseen
        for action in required_actions(case.token.claims)
        for unseen in undecided(case.policy, for_action(case.request, action))
    ]
    return list(dict.fromkeys(found))


def closest_allow(answer: Evaluation) -> StatementResult | None:
    """The Allow that was meant for this token: for its issuer, else for any provider; of these the fewest misses."""
    allows = [result for result in answer.statements if result.statement.effect is Effect.ALLOW]
    issuer = answer.request.issuer.casefold()
    return min(allows, key=lambda result: (_distance_of_principal(result, issuer), result.misses), default=None)


def _distance_of_principal(result: StatementResult, issuer: str) -> int:
    names = [principal.name.casefold() for principal in result.statement.principals if principal.kind == "Federated"]
    if result.principal or any(name.endswith(f"/{issuer}") for name in names):
        return 0
    return 1 if any(OIDC in name for name in names) else 2


def _no_allow() -> Finding:
    return error(
        "no-allow",
        "The policy has no Allow statement at all.",
        "`explain --fix` prints one for this token.",
    )


def _denials(answer: Evaluation) -> Iterator[Finding]:
    for result in answer.statements:
        if result.applies and result.statement.effect is Effect.DENY:
            conditions = "; ".join(str(condition) for condition in result.conditions)
            yield error(
                "explicit-deny",
                "This Deny applies to the token; no Allow overrides it" + (f": {conditions}." if conditions else "."),
                "Narrow the Deny, if it should not apply to this service account; `explain --fix` shows how.",
                ("Statement", result.statement.index),
            )


def _why_not(case: Case, result: StatementResult) -> Iterator[Finding]:
    at = ("Statement", result.statement.index)
    if not result.action:
        yield action_not_web_identity(result.statement)
    if not result.principal:
        yield from principal_mistakes(case, result.statement, (*at, "Principal"))
    for condition in result.failed_conditions:
        where = (*at, "Condition", condition.operator, condition.key)
        yield from condition_mistakes(FailedCondition(condition, where, case))
