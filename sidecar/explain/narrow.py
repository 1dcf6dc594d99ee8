"""A corrected policy: allows this token and no other, and leaves unrelated statements unchanged."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from sidecar.core.findings import Finding, Level
from sidecar.explain.jwt_parts import NotAJwt, take_apart
from sidecar.explain.nearest import is_typo
from sidecar.explain.question import UNKNOWN_ACCOUNT, Case, Question
from sidecar.explain.trust_mistakes import OIDC, closest_allow, evaluation
from sidecar.trust import (
    ASSUME_ROLE_WITH_WEB_IDENTITY,
    ConditionResult,
    Effect,
    MalformedPolicy,
    Statement,
    StatementResult,
    TrustPolicy,
    issuer_prefix,
    lint,
    parse,
)
from sidecar.trust.document import VERSIONS

PolicyDocument = dict[str, Any]


class CannotFix(Exception):
    """There is no policy that would help: the reason, and what to give."""


def narrowed(asked: Question) -> PolicyDocument:
    """The policy, changed so that this token is allowed. Raises `CannotFix`.

    A statement that was meant for this token and cannot work is replaced, any other stays. A Deny that applies is told
    to spare this service account, and stays for all others.
    """
    document = _kept(asked.policy)
    case = _case(asked, document)
    document["Version"] = VERSIONS[0]
    document["Statement"] = [_spared(raw, case) for raw in document["Statement"]]
    answer = evaluation(replace(case, policy=_parsed(document)))
    if not answer.allowed or (answer.decided_by and _is_loose(case.policy, answer.decided_by)):
        _put(document, case)
    return document


def _case(asked: Question, document: PolicyDocument) -> Case:
    try:
        token = take_apart(asked.token.strip())
    except NotAJwt:
        raise CannotFix("the token is not a JWT, so no policy can allow it; get the right token first") from None
    case = Case(asked, token, _parsed(document))
    if not (token.issuer and token.subject and token.audience):
        raise CannotFix("the token lacks iss, sub or aud; get the right token first")
    if case.place.account == UNKNOWN_ACCOUNT:
        raise CannotFix("neither the policy nor a provider names the account; pass --role-arn")
    return case


def _parsed(document: PolicyDocument) -> TrustPolicy:
    """The policy behind the document; one without statements, which IAM has no form for, is empty."""
    return parse(json.dumps(document)) if document["Statement"] else TrustPolicy(VERSIONS[0], (), "")


# --- what stays ------------------------------------------------------------------------------------------------


def _kept(policy: str) -> PolicyDocument:
    """The document with every statement that IAM would store; those that it would not are left out."""
    try:
        found = json.loads(policy)
    except (ValueError, RecursionError):
        found = {}
    document = found if isinstance(found, dict) else {}
    statements = document.get("Statement", [])
    raws = statements if isinstance(statements, list) else [statements]
    envelope = {name: document[name] for name in ("Version", "Id") if isinstance(document.get(name), str)}
    return envelope | {"Version": VERSIONS[0], "Statement": [raw for raw in raws if _is_sound(raw)]}


def _is_sound(raw: Any) -> bool:
    try:
        parse(json.dumps({"Version": VERSIONS[0], "Statement": [raw]}))
    except MalformedPolicy:
        return False
    return True


def _spared(raw: PolicyDocument, case: Case) -> PolicyDocument:
    """The statement, if it is a Deny that applies, with the exception of this subject."""
    alone = replace(case, policy=_parsed({"Version": VERSIONS[0], "Statement": [raw]}))
    result = evaluation(alone).statements
    if not result or not result[0].applies or result[0].statement.effect is Effect.ALLOW:
        return raw
    condition: PolicyDocument = dict(raw.get("Condition", {}))
    block = dict(condition.get("StringNotEquals", {}))
    key = next((name for name in block if name.casefold() == case.key("sub").casefold()), case.key("sub"))
    block[key] = [*_listed(block.get(key, [])), case.token.subject]
    return raw | {"Condition": condition | {"StringNotEquals": block}}


# --- what is put in --------------------------------------------------------------------------------------------


def _put(document: PolicyDocument, case: Case) -> None:
    """Replace the statement that was meant for the token, or add one."""
    statements: list[PolicyDocument] = document["Statement"]
    intended = _allow_to_replace(replace(case, policy=_parsed(document)))
    if intended is None:
        statements.append(_statement({}, None, case))
    else:
        index = intended.statement.index
        statements[index] = _statement(statements[index], intended, case)


def _allow_to_replace(case: Case) -> StatementResult | None:
    """The Allow to replace: one that serves nobody as it is, or whoever asks. None if all may serve others."""
    answer = evaluation(case)
    closest = answer.decided_by or closest_allow(answer)
    if closest and _names_my_issuer(closest, case) and (_is_loose(case.policy, closest) or _is_slip(closest, case)):
        return closest
    return next((result for result in answer.statements if _is_broken(case.policy, result.statement)), None)


def _names_my_issuer(result: StatementResult, case: Case) -> bool:
    """Is it for the token's issuer, however its ARN is misspelt: scheme, slash, case, account or partition?"""
    names = (principal.name.partition(OIDC)[2] for principal in result.statement.principals)
    mine = case.token.issuer_name.casefold().rstrip("/")
    return any(issuer_prefix(name).casefold().rstrip("/") == mine for name in names)


def _is_broken(policy: TrustPolicy, statement: Statement) -> bool:
    """Is it an Allow for web identities that can let nobody in?"""
    return statement.effect is Effect.ALLOW and any(
        found.level is Level.ERROR and found.code not in LOOSE and not _is_one_of_several(statement, found)
        for found in _lint_of(policy, statement)
    )


def _is_one_of_several(statement: Statement, found: Finding) -> bool:
    """Is it about a value that has others beside it, which may work?"""
    return any(
        len(condition.values) > 1 and found.where[3:] == (condition.operator.name, condition.key)
        for condition in statement.conditions
    )


def _is_loose(policy: TrustPolicy, result: StatementResult) -> bool:
    """Does it let in more than anybody can have meant?"""
    return any(found.code in LOOSE for found in _lint_of(policy, result.statement))


LOOSE = frozenset({"no-condition", "no-subject-condition", "pattern-covers-the-cluster", "for-all-values-hole"})
"""What the lint calls statements that trust a whole cluster, or more."""


def _lint_of(policy: TrustPolicy, statement: Statement) -> Iterator[Finding]:
    return (found for found in lint(policy) if found.where[:2] == ("Statement", statement.index))


def _is_slip(result: StatementResult, case: Case) -> bool:
    """Is all that is wrong with the conditions a few letters, so that nobody else is served by them?"""
    return result.action and all(_is_slip_in(failed, case) for failed in result.failed_conditions)


def _is_slip_in(failed: ConditionResult, case: Case) -> bool:
    key = failed.key.casefold()
    if len(failed.wanted) > 1:
        return False
    if key == case.key("sub").casefold():
        return is_typo(failed.wanted[0], case.token.subject)
    return key == case.key("aud").casefold()


def _statement(raw: PolicyDocument, met: StatementResult | None, case: Case) -> PolicyDocument:
    """One statement for one service account: principal, action, audience and subject, each to the letter."""
    sid = {"Sid": raw["Sid"]} if raw.get("Sid") else {}
    condition = {"StringEquals": {case.key("aud"): case.token.audience, case.key("sub"): case.token.subject}}
    for operator, block in _other_conditions(raw, met).items():
        condition[operator] = block | condition.get(operator, {})
    return sid | {
        "Effect": "Allow",
        "Principal": {"Federated": case.provider_arn},
        "Action": _actions(raw),
        "Condition": condition,
    }


def _actions(raw: PolicyDocument) -> str | list[str]:
    """The one action, and what else was named without a wildcard, such as sts:TagSession."""
    others = [
        name
        for name in _listed(raw.get("Action", []))
        if "*" not in name and name.casefold() not in ("sts:assumerole", ASSUME_ROLE_WITH_WEB_IDENTITY.casefold())
    ]
    return [ASSUME_ROLE_WITH_WEB_IDENTITY, *others] if others else ASSUME_ROLE_WITH_WEB_IDENTITY


def _other_conditions(raw: PolicyDocument, met: StatementResult | None) -> dict[str, PolicyDocument]:
    """Conditions on IAM's own keys, where they are not what failed: somebody wanted the statement that narrow."""
    failed = {(miss.operator, miss.key) for miss in met.failed_conditions} if met else set()
    return {
        operator: kept
        for operator, block in raw.get("Condition", {}).items()
        if (
            kept := {
                key: values
                for key, values in block.items()
                if key.casefold().startswith(("aws:", "sts:")) and (operator, key) not in failed
            }
        )
    }


def _listed(found: Any) -> list[Any]:
    return found if isinstance(found, list) else [found]
