"""Mistakes that show in one condition: an operator, a key, its values."""

from collections.abc import Callable, Iterator

from sidecar.core import audiences
from sidecar.core.findings import Finding, Where, error, warning
from sidecar.trust import mistakes
from sidecar.trust.context import CLAIM_KEYS
from sidecar.trust.document import Condition, Effect, Statement
from sidecar.trust.mistakes import SERVICE_ACCOUNT, IntendedCaller
from sidecar.trust.operators import SetOperator
from sidecar.trust.patterns import has_wildcard


def _wildcard_under_equals(statement: Statement, condition: Condition) -> Iterator[Finding]:
    if condition.operator.allows_wildcards or not condition.operator.base.startswith("String"):
        return
    for value in condition.values:
        if has_wildcard(value.replace("${*}", "").replace("${?}", "")):
            yield error(
                "wildcard-under-equals",
                f"{condition.operator.name} treats the wildcard in {value!r} as a plain character.",
                f"Write {'StringNotLike' if condition.operator.negated else 'StringLike'} instead.",
                _at(statement, condition),
            )


def _swapped_claims(statement: Statement, condition: Condition) -> Iterator[Finding]:
    claim = claim_key(condition)[1]
    for value in condition.values:
        where = _at(statement, condition)
        if claim in ("aud", "oaud") and value.startswith(SERVICE_ACCOUNT):
            yield error(
                "subject-under-aud",
                f"{condition.key} is compared with the service account {value}, which is in sub; aud is the audience.",
                f'Put it under "{condition.key.rpartition(":")[0]}:sub".',
                where,
            )
        elif claim == "sub" and value.startswith("sts."):
            yield error(
                "audience-under-sub",
                f"{condition.key} is compared with the audience {value}, which is in aud; sub is the service account.",
                f'Put it under "{condition.key.rpartition(":")[0]}:aud".',
                where,
            )


def subject_shapes(statement: Statement, intended: IntendedCaller) -> Iterator[Finding]:
    """Subjects that no cluster writes, where the issuer is surely a cluster."""
    for condition in statement.conditions:
        if claim_key(condition)[1] == "sub" and _is_eks(condition) and condition.operator.base.startswith("String"):
            for value in filter(_has_wrong_shape, condition.values):
                yield mistakes.subject_shape(condition.key, value, intended, _at(statement, condition))


def _has_wrong_shape(subject: str) -> bool:
    known_otherwise = has_wildcard(subject) or subject.startswith("sts.")
    return not known_otherwise and mistakes.service_account(subject) is None


def _whole_cluster_pattern(statement: Statement, condition: Condition) -> Iterator[Finding]:
    if claim_key(condition)[1] != "sub" or not condition.operator.allows_wildcards:
        return
    for value in condition.values:
        namespace = value.removeprefix(SERVICE_ACCOUNT).partition(":")[0]
        if not condition.operator.negated and namespace.startswith("*"):
            yield warning(
                "pattern-covers-the-cluster",
                f"{value!r} leaves the namespace open: service accounts of any namespace can match.",
                f'Name the namespace: "{SERVICE_ACCOUNT}<namespace>:<pattern>".',
                _at(statement, condition),
            )


def _odd_audience(statement: Statement, condition: Condition) -> Iterator[Finding]:
    if claim_key(condition)[1] != "aud" or not _is_eks(condition):
        return
    for value in condition.values:
        if (remark := audiences.remark(value)) and not has_wildcard(value):
            yield warning(
                "odd-audience",
                f"EKS and the pod identity webhook do not use the audience {value!r} by default: {remark}.",
                f'Write "{audiences.STS}", unless your pods use {value!r} intentionally.',
                _at(statement, condition),
            )


def _scheme_in_key(statement: Statement, condition: Condition) -> Iterator[Finding]:
    if "://" in condition.key:
        yield error(
            "scheme-in-condition-key",
            f"The condition key {condition.key} contains a URL scheme. IAM refuses such a key, or it never matches.",
            f"Write {condition.key.partition('://')[2]}.",
            _at(statement, condition),
        )


def _unusable_claim(statement: Statement, condition: Condition) -> Iterator[Finding]:
    issuer, claim = claim_key(condition)
    if "kubernetes.io" in condition.key or (issuer and "." in issuer and claim not in CLAIM_KEYS):
        yield error(
            "claim-is-no-key",
            f"{condition.key} is not a condition key: of a token's claims IAM provides only {', '.join(CLAIM_KEYS)}.",
            "Namespace and service account are in sub; pod and node cannot be used in a trust policy.",
            _at(statement, condition),
        )


def _for_all_values(statement: Statement, condition: Condition) -> Iterator[Finding]:
    if condition.operator.set_operator is SetOperator.ALL and statement.effect is Effect.ALLOW:
        yield error(
            "for-all-values-hole",
            f"{condition.operator.name} is true when {condition.key} is missing: it allows what it should deny.",
            f"aud and sub have one value: write {condition.operator.base} without ForAllValues.",
            _at(statement, condition),
        )


CONDITION_RULES: tuple[Callable[[Statement, Condition], Iterator[Finding]], ...] = (
    _wildcard_under_equals,
    _swapped_claims,
    _whole_cluster_pattern,
    _odd_audience,
    _scheme_in_key,
    _unusable_claim,
    _for_all_values,
)


def claim_key(condition: Condition) -> tuple[str, str]:
    """The issuer and the claim that a condition key names; two empty strings for IAM's own keys (aws:, sts:)."""
    issuer, _, claim = condition.key.rpartition(":")
    if issuer.casefold() in ("", "aws", "sts", "saml", "iam"):
        return "", ""
    return issuer, claim.casefold()


def _is_eks(condition: Condition) -> bool:
    return condition.key.casefold().removeprefix("https://").startswith("oidc.eks.")


def _at(statement: Statement, condition: Condition) -> Where:
    return ("Statement", statement.index, "Condition", condition.operator.name, condition.key)
