"""A corrected policy: it lets this token in, changes the answer for nobody else, and keeps all that is not at fault."""

import json
from dataclasses import replace
from typing import Any

from sidecar.explain.jwt_parts import NotAJwt, take_apart
from sidecar.explain.nowhere import can_serve_nobody
from sidecar.explain.question import UNKNOWN_ACCOUNT, Case, Question
from sidecar.explain.token_mistakes import wrong_file
from sidecar.explain.trust_mistakes import OIDC, allows, closest_allow, evaluation
from sidecar.trust import (
    ASSUME_ROLE,
    ConditionResult,
    Decision,
    Effect,
    MalformedPolicy,
    StatementResult,
    issuer_prefix,
    parse,
    required_actions,
)

PolicyDocument = dict[str, Any]


class CannotFix(Exception):
    """There is no policy that would help, or none that is safe to print: the reason, and what to give."""


def corrected(asked: Question) -> PolicyDocument:
    """The policy, changed so that this token is allowed. Raises `CannotFix`.

    A policy that allows the token comes back as it was. A Deny that applies is told to spare this subject. A statement
    that was meant for the token and can serve nobody is mended in its place; where it may serve somebody, it stays and
    a new one is put beside it.
    """
    case = _case(asked)
    document: PolicyDocument = json.loads(asked.policy)
    if allows(case):
        return document
    written = document["Statement"]
    statements: list[PolicyDocument] = list(written) if isinstance(written, list) else [written]
    document["Statement"] = statements
    denying = _denying(case)
    statements[:] = [_spared(raw, case) if index in denying else raw for index, raw in enumerate(statements)]
    if not allows(_with(case, document)):
        index = _let_in(statements, _with(case, document))
        _divide(statements, index, _with(case, document))
    if not allows(_with(case, document)):
        raise CannotFix("no change that leaves all others alone lets the token in; correct the policy by hand")
    return document


def _case(asked: Question) -> Case:
    try:
        policy = parse(asked.policy)
    except MalformedPolicy as problem:
        raise CannotFix(
            f"IAM would not store this policy, and nothing is mended unread: {str(problem).rstrip('.')}"
        ) from None
    try:
        token = take_apart(asked.token.strip())
    except NotAJwt:
        raise CannotFix("the token is not a JWT, so no policy can allow it; get the right token first") from None
    case = Case(asked, token, policy)
    if not (token.issuer and token.subject and token.audience):
        raise CannotFix("the token lacks iss, sub or aud; get the right token first")
    if wrong := next(wrong_file(token), None):
        raise CannotFix(f"the token is the wrong one, so no policy should allow it: {wrong.message.rstrip('.')}")
    if "${" in token.subject + token.audience:
        raise CannotFix("the token's sub or aud holds ${, which a policy would take for a variable")
    if case.place.account == UNKNOWN_ACCOUNT and not case.is_built_in:
        raise CannotFix("neither the policy nor a provider names the account; pass --role-arn")
    return case


def _with(case: Case, document: PolicyDocument) -> Case:
    return replace(case, policy=parse(json.dumps(document)))


# --- a Deny ----------------------------------------------------------------------------------------------------


def _denying(case: Case) -> set[int]:
    """The numbers of the Deny statements that apply to something that the token needs."""
    return {
        found.statement.index
        for action in required_actions(case.token.claims)
        for found in evaluation(case, action).statements
        if found.applies and found.statement.effect is Effect.DENY
    }


def _spared(raw: PolicyDocument, case: Case) -> PolicyDocument:
    """A Deny with the exception of this subject."""
    condition: PolicyDocument = dict(raw.get("Condition", {}))
    block = dict(condition.get("StringNotEquals", {}))
    key = next((name for name in block if name.casefold() == case.key("sub").casefold()), case.key("sub"))
    block[key] = [*_listed(block.get(key, [])), case.token.subject]
    return raw | {"Condition": condition | {"StringNotEquals": block}}


# --- an Allow --------------------------------------------------------------------------------------------------


def _let_in(statements: list[PolicyDocument], case: Case) -> int:
    """Mend the statement that was meant for the token, or put a new one beside it: the index of that one."""
    meant = closest_allow(evaluation(case))
    if meant is None or not _names_my_issuer(meant, case):
        statements.append(_statement({}, None, case))
        return len(statements) - 1
    index = meant.statement.index
    if can_serve_nobody(case, meant):
        statements[index] = _statement(statements[index], meant, case)
        return index
    statements.append(_statement(_without_sid(statements[index]), meant, case))
    return len(statements) - 1


def _divide(statements: list[PolicyDocument], index: int, case: Case) -> None:
    """Give an action a statement of its own where a condition that the call meets cannot be met by that action.

    sts:RoleSessionName, say, comes with the call alone: asked of sts:TagSession too, it would refuse every tag.
    """
    for action in required_actions(case.token.claims)[1:]:
        answer = evaluation(case, action)
        if answer.decision is not Decision.IMPLICIT_DENY:
            continue
        mended = statements[index]
        statements[index] = mended | {"Action": _one_or_all([name for name in mended["Action"] if name != action])}
        met = next(result for result in answer.statements if result.statement.index == index)
        own = _statement(_without_sid(mended), met, case)
        statements.append(own | {"Action": action})


def _without_sid(raw: PolicyDocument) -> PolicyDocument:
    """A copy that may stand beside it: two statements with one Sid are refused."""
    return {name: part for name, part in raw.items() if name != "Sid"}


def _names_my_issuer(result: StatementResult, case: Case) -> bool:
    """Is it for the token's issuer, however its ARN is misspelt?"""
    names = [principal.name.partition(OIDC)[2] for principal in result.statement.principals]
    mine = case.token.issuer_name.casefold().rstrip("/")
    return any(issuer_prefix(name).casefold().rstrip("/") == mine for name in names) or any(
        principal.name in case.request.principals for principal in result.statement.principals
    )


def _statement(raw: PolicyDocument, met: StatementResult | None, case: Case) -> PolicyDocument:
    """One statement for this token alone: what the old one says besides stays, so that it is as narrow."""
    parts = {name: part for name, part in raw.items() if name not in ("NotAction", "NotPrincipal")}
    return parts | {
        "Effect": Effect.ALLOW.value,
        "Principal": {"Federated": case.provider_arn},
        "Action": _actions(raw, case),
        "Condition": _conditions(raw, met, case),
    }


def _actions(raw: PolicyDocument, case: Case) -> str | list[str]:
    """What the token needs, and what else was named without a wildcard."""
    needed = required_actions(case.token.claims)
    folded = {ASSUME_ROLE.casefold(), *(action.casefold() for action in needed)}
    named = [name for name in _listed(raw.get("Action", [])) if "*" not in name and "?" not in name]
    actions = [*needed, *(name for name in named if name.casefold() not in folded)]
    return _one_or_all(actions)


def _conditions(raw: PolicyDocument, met: StatementResult | None, case: Case) -> PolicyDocument:
    """What holds stays; what fails is written as the token has it, or is left out where no token can meet it."""
    failed = {(miss.operator, miss.key): miss for miss in met.failed_conditions} if met else {}
    exact: PolicyDocument = {case.key("aud"): case.token.audience, case.key("sub"): case.token.subject}
    pinned = {key.casefold() for key in exact}
    kept: PolicyDocument = {}
    for operator, block in raw.get("Condition", {}).items():
        for key, values in block.items():
            miss = failed.get((operator, key))
            if miss is not None and key.casefold() not in pinned:
                exact |= _as_it_is(miss)
            elif miss is None and (operator, key.casefold() in pinned) != ("StringEquals", True):
                kept.setdefault(operator, {})[key] = values
    return {"StringEquals": exact | kept.pop("StringEquals", {})} | kept


def _as_it_is(miss: ConditionResult) -> PolicyDocument:
    """A claim of the token that was wanted otherwise."""
    ours = miss.key.casefold().startswith(("aws:", "sts:"))
    return {} if ours or not miss.actual or "${" in miss.actual[0] else {miss.key: miss.actual[0]}


def _one_or_all(actions: list[str]) -> str | list[str]:
    return actions if len(actions) > 1 else actions[0]


def _listed(found: Any) -> list[Any]:
    return found if isinstance(found, list) else [found]
