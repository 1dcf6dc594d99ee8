"""Statements that can serve nobody, whoever asks: only such a statement may be changed without a loss to somebody."""

import re

from sidecar.core.arns import account_of
from sidecar.explain.question import Case
from sidecar.trust import ASSUME_ROLE_WITH_WEB_IDENTITY, Condition, Statement, StatementResult
from sidecar.trust.lint_conditions import claim_key, holds_without_key, is_for_web_identity, is_never_there
from sidecar.trust.mistakes import SERVICE_ACCOUNT, service_account
from sidecar.trust.patterns import has_wildcard

_WRITTEN_BY_A_CLUSTER = re.compile(r"system:serviceaccount:[a-z0-9-]{1,63}:[a-z0-9.-]{1,253}")
_EXACT = ("StringEquals", "ForAnyValue:StringEquals")


def can_serve_nobody(case: Case, result: StatementResult) -> bool:
    """Whether no request at all passes the statement, and one subject at most was meant. In doubt it is not so."""
    statement = result.statement
    if statement.except_actions or len(statement.principals) > 1 or _several_subjects(statement):
        return False
    return _wrong_action(statement) or _wrong_principal(case, statement) or _impossible(case, statement)


def _several_subjects(statement: Statement) -> bool:
    return any(
        len(condition.values) > 1 or (has_wildcard(condition.values[0]) and condition.operator.allows_wildcards)
        for condition in statement.conditions
        if claim_key(condition)[1] == "sub"
    )


def _wrong_action(statement: Statement) -> bool:
    """OIDC providers can do nothing but assume a role with a web identity."""
    wanted = ASSUME_ROLE_WITH_WEB_IDENTITY.casefold()
    literal = not any(has_wildcard(action) for action in statement.actions)
    return (
        is_for_web_identity(statement) and literal and wanted not in {action.casefold() for action in statement.actions}
    )


def _wrong_principal(case: Case, statement: Statement) -> bool:
    """A provider that cannot be in the role's account, where alone STS looks."""
    name = statement.principals[0].name
    if ":oidc-provider/" not in name or case.role is None:
        return False
    place = case.role.partition, case.role.account
    return "://" in name or (name.split(":")[1], account_of(name)) != place


def _impossible(case: Case, statement: Statement) -> bool:
    return is_for_web_identity(statement) and any(
        _never_holds(condition, statement) or _no_such_subject(case, condition) for condition in statement.conditions
    )


def _never_holds(condition: Condition, statement: Statement) -> bool:
    unread = any("${" in value for value in condition.values)
    return not unread and is_never_there(condition, statement) and not holds_without_key(condition)


def _no_such_subject(case: Case, condition: Condition) -> bool:
    """An exact sub that no cluster writes, or an aud that is a service account."""
    claim, values = claim_key(condition)[1], condition.values
    if condition.operator.name not in _EXACT or service_account(case.token.subject) is None:
        return False
    if claim == "aud":
        return all(value.startswith(SERVICE_ACCOUNT) for value in values)
    return claim == "sub" and not any(_WRITTEN_BY_A_CLUSTER.fullmatch(value) or "${" in value for value in values)
