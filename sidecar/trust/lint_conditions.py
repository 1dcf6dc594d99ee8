"""Mistakes that show in one condition: an operator, a key, its values."""

from collections.abc import Callable, Iterator

from sidecar.core import audiences
from sidecar.core.findings import Finding, Where, error, warning
from sidecar.trust import mistakes
from sidecar.trust.context import CLAIM_KEYS
from sidecar.trust.document import Statement
from sidecar.trust.elements import Condition, Effect
from sidecar.trust.keys import is_never_carried, is_own_key, likely_meant
from sidecar.trust.mistakes import SERVICE_ACCOUNT, IntendedCaller
from sidecar.trust.operators import SetOperator
from sidecar.trust.patterns import compile_glob, glob, has_wildcard
from sidecar.trust.shared_issuers import BUILT_IN, is_shared, may_have_more_keys, sure_claims
from sidecar.trust.subjects import who_gets_in


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
            fold = str.casefold if "IgnoreCase" in condition.operator.base else str
            for value in condition.values:
                if _has_wrong_shape(fold(value)):
                    yield mistakes.subject_shape(condition.key, value, intended, _at(statement, condition))


def _has_wrong_shape(subject: str) -> bool:
    known_otherwise = has_wildcard(subject) or subject.startswith("sts.") or "${" in subject
    return not known_otherwise and mistakes.service_account(subject) is None


def _covering_pattern(statement: Statement, condition: Condition) -> Iterator[Finding]:
    """Patterns for sub that leave open who it is: tried on a service account and a repository that do not exist."""
    operator = condition.operator
    if claim_key(condition)[1] != "sub" or not operator.allows_wildcards or operator.negated:
        return
    for value in condition.values:
        if found := _covered_by(value, claim_key(condition)[0]):
            told, code, who = found
            yield told(
                code,
                f"{value!r} {who} assume the role.",
                f'Name the namespace: "{SERVICE_ACCOUNT}<namespace>:<pattern>".'
                if told is warning
                else 'Name the repository: "repo:<owner>/<repository>:ref:refs/heads/<branch>".',
                _at(statement, condition),
            )


def _covered_by(pattern: str, issuer: str) -> tuple[Callable[..., Finding], str, str] | None:
    """How bad it is, its code, and who gets in."""
    if is_shared(issuer):
        everyone = glob(pattern, "repo:zq/zq:ref:refs/heads/zq") or glob(pattern, "zq")
        return (error, "pattern-covers-everyone", "lets every repository of every owner") if everyone else None
    if glob(pattern, f"{SERVICE_ACCOUNT}zq:zq"):
        return warning, "pattern-covers-the-cluster", "covers every service account of the cluster: all of them can"
    namespace, _, name = pattern.removeprefix(SERVICE_ACCOUNT).partition(":")
    open_name = name.replace("*", "zq").replace("?", "z")
    if namespace.startswith("*") or glob(pattern, f"{SERVICE_ACCOUNT}zq:{open_name}"):
        whose = f"service accounts named {name or 'as it says'} of any namespace"
        return warning, "pattern-covers-the-cluster", f"leaves the namespace open: {whose} can"
    return None


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
    if "kubernetes.io" in condition.key or (issuer and "." in issuer and not may_be_a_key(issuer, claim)):
        yield error(
            "claim-is-no-key",
            f"{condition.key} is not a condition key: of a token's claims IAM provides only {', '.join(CLAIM_KEYS)}.",
            "Namespace and service account are in sub; pod and node cannot be used in a trust policy.",
            _at(statement, condition),
        )


def _never_carried(statement: Statement, condition: Condition) -> Iterator[Finding]:
    """IAM's own keys that no call for web identity has, where only such a call can use the statement."""
    if not is_for_web_identity(statement) or not is_never_carried(condition.key) or holds_without_key(condition):
        return
    yield mistakes.key_never_carried(condition.key, likely_meant(condition.key), _at(statement, condition))


def _without_effect(statement: Statement, condition: Condition) -> Iterator[Finding]:
    """It holds for everyone, since its key is never there. An Allow with no other limit is an open door."""
    if statement.effect is Effect.DENY or not is_for_web_identity(statement):
        return
    if not is_open_door(condition, statement):
        return
    limited = any(restricts(other, "sub", statement) for other in statement.conditions)
    told, code = (warning, "condition-without-effect") if limited else (error, "open-door")
    who = "" if limited else f": {who_gets_in(statement)} may assume this role"
    yield told(
        code,
        f"{condition.operator.name} {condition.key} holds for every token, since no token has that key{who}.",
        'Write a condition on "<issuer>:sub" with StringEquals or StringLike, or correct the key.',
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
    _covering_pattern,
    _never_carried,
    _without_effect,
    _odd_audience,
    _scheme_in_key,
    _unusable_claim,
    _for_all_values,
)


def claim_key(condition: Condition) -> tuple[str, str]:
    """The issuer and the claim that a condition key names; two empty strings for IAM's own keys (aws:, sts:)."""
    issuer, _, claim = condition.key.rpartition(":")
    if not issuer or is_own_key(condition.key):
        return "", ""
    return issuer, claim.casefold()


def restricts(condition: Condition, claim: str, statement: Statement) -> bool:
    """Whether only some tokens pass it, for what they have as this claim."""
    operator = condition.operator
    return (
        claim_key(condition)[1] == claim
        and operator.base != "Null"
        and not operator.negated
        and not is_open_door(condition, statement)
    )


def is_open_door(condition: Condition, statement: Statement) -> bool:
    """Whether it holds for every token, because no token has its key."""
    return is_never_there(condition, statement) and holds_without_key(condition)


def holds_without_key(condition: Condition) -> bool:
    """Whether it holds for a request that has no such key."""
    return condition.operator.holds([compile_glob(value) for value in condition.values], ())


def is_never_there(condition: Condition, statement: Statement) -> bool:
    """Whether no token of the providers that the statement trusts brings the key."""
    issuer, claim = claim_key(condition)
    if not issuer:
        return is_never_carried(condition.key) or ":" not in condition.key
    trusted = {
        principal.name.partition(":oidc-provider/")[2].casefold() or principal.name.casefold()
        for principal in statement.principals
    }
    return issuer.casefold() not in trusted or not may_be_a_key(issuer, claim)


def may_be_a_key(issuer: str, claim: str) -> bool:
    """Whether the claim is a condition key at this issuer, or may be one."""
    return claim in CLAIM_KEYS or claim in sure_claims(issuer) or may_have_more_keys(issuer, claim)


def is_for_web_identity(statement: Statement) -> bool:
    """Whether OIDC providers alone can use the statement."""
    return all(
        principal.kind == "Federated" and (":oidc-provider/" in principal.name or principal.name in BUILT_IN)
        for principal in statement.principals
    )


def _is_eks(condition: Condition) -> bool:
    return condition.key.casefold().removeprefix("https://").startswith("oidc.eks.")


def _at(statement: Statement, condition: Condition) -> Where:
    return ("Statement", statement.index, "Condition", condition.operator.name, condition.key)
