"""Why the trust policy does not let this token in: the statement that comes closest, part by part."""

from collections.abc import Collection, Iterator
from dataclasses import replace

from sidecar.core.claims import Claims
from sidecar.core.findings import Finding, Level, Where, error, info
from sidecar.explain.condition_mistakes import FailedCondition, condition_mistakes
from sidecar.explain.question import Case, OidcProvider, provider
from sidecar.explain.unseen import unseen_conditions, visible
from sidecar.sts.session_name import session_name_for
from sidecar.trust import (
    Decision,
    Effect,
    Evaluation,
    RequestContext,
    Statement,
    StatementResult,
    evaluate,
    web_identity,
)
from sidecar.trust.mistakes import action_not_web_identity, principal_not_federated

OIDC = ":oidc-provider/"


def request(case: Case) -> RequestContext:
    """What STS will show to the policy. The session's name is the one that `serve` would choose."""
    return web_identity(
        case.token.claims, case.provider_arn, session_name=session_name_for(_claims(case)), now=case.asked.now
    )


def evaluation(case: Case) -> Evaluation:
    """The answer of the policy alone, what cannot be seen from here taken for right."""
    asked = request(case)
    return evaluate(visible(case.policy, asked), asked)


def trust(case: Case) -> Iterator[Finding]:
    """Why not: findings of level error; or which statement lets it in."""
    answer = evaluation(case)
    if answer.decision is Decision.EXPLICIT_DENY:
        yield from _denials(answer)
    elif answer.decided_by is not None:
        where = ("Statement", answer.decided_by.statement.index)
        yield info("allowed-by", "This statement allows the token.", where=where)
    else:
        closest = closest_allow(answer)
        yield from _why_not(case, closest) if closest else [_no_allow()]


def lint_besides(case: Case, reasons: Collection[Finding]) -> Iterator[Finding]:
    """What the lint says of the policy and is not among the reasons of the refusal."""
    told = {(reason.code, reason.where) for reason in reasons}
    return (found for found in case.linted if (found.code, found.where) not in told)


def unseen(case: Case) -> Iterator[Finding]:
    return unseen_conditions(case.policy, request(case))


def closest_allow(answer: Evaluation) -> StatementResult | None:
    """The Allow that was meant for this token: one for OIDC providers before any other, then the fewest misses."""
    allows = [result for result in answer.statements if result.statement.effect is Effect.ALLOW]
    return min(allows, key=lambda result: (not _is_for_oidc(result), result.misses), default=None)


def _is_for_oidc(result: StatementResult) -> bool:
    return any(p.kind == "Federated" and OIDC in p.name for p in result.statement.principals)


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
        yield from _principal(case, result, (*at, "Principal"))
    for condition in result.failed_conditions:
        where = (*at, "Condition", condition.operator, condition.key)
        yield from condition_mistakes(FailedCondition(condition, where, case))


def _principal(case: Case, result: StatementResult, where: Where) -> list[Finding]:
    """What the lint says of the principal; what it only mentions is an error for this token."""
    if result.statement.except_principals:
        fix = f"Write {case.intended.principal}."
        return [error("not-principal", "NotPrincipal names the token's own provider.", fix, where)]
    linted = [found for found in case.linted if found.where == where and found.code in _PRINCIPAL_MISTAKES]
    return [replace(found, level=Level.ERROR) for found in linted] or [_other_principal(case, result.statement)]


_PRINCIPAL_MISTAKES = frozenset({"pod-identity-principal", "principal-not-federated", "scheme-in-provider-arn"})


def _other_principal(case: Case, statement: Statement) -> Finding:
    federated = [principal for principal in statement.principals if principal.kind == "Federated"]
    if not federated:
        return principal_not_federated(statement, case.intended)
    code, message = _difference(case, [found for name in federated if (found := _oidc(name.name))])
    named = ", ".join(f"{principal.kind} {principal.name}" for principal in federated)
    fix = f'Write "Federated": "{case.provider_arn}".'
    return error(code, f"The principal is {named}; {message}", fix, ("Statement", statement.index, "Principal"))


def _difference(case: Case, trusted: list[OidcProvider]) -> tuple[str, str]:
    """How the trusted providers differ from the token's, by the likeliest slip."""
    mine = case.token.issuer_name
    for found in trusted:
        if found.name == mine and found.place and found.place.account == case.place.account:
            return "partition-differs", f"the provider is in partition {case.place.partition}."
        if found.name == mine:
            return "provider-in-other-account", f"the role and its provider are in account {case.place.account}."
        if found.name.rstrip("/") == mine.rstrip("/"):
            return "trailing-slash", f"it differs from the token's issuer {mine} by a trailing slash."
        if found.name.casefold() == mine.casefold():
            return "issuer-case", f"it differs from the token's issuer {mine} in case; STS is case-sensitive."
    return "other-issuer", f"the token comes from another cluster: {mine}."


def _oidc(name: str) -> OidcProvider | None:
    try:
        return provider(name) if OIDC in name else None
    except ValueError:
        return None


def _claims(case: Case) -> Claims:
    kubernetes = case.token.claims.get("kubernetes.io")
    found = kubernetes if isinstance(kubernetes, dict) else {}
    pod = found.get("pod")
    name = pod.get("name") if isinstance(pod, dict) else ""
    namespace = found.get("namespace")
    return Claims(
        subject=case.token.subject,
        namespace=namespace if isinstance(namespace, str) else "",
        pod=name if isinstance(name, str) else "",
    )
