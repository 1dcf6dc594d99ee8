"""Which service accounts of a cluster can assume a role: candidates by index, then explain's judgement of each kind."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from math import inf

from sidecar.audit.cluster import Cluster, ClusterServiceAccount
from sidecar.audit.roles import AuditedRole, issuers_of
from sidecar.audit.subjects import matcher
from sidecar.audit.tokens import Asked, Asker
from sidecar.core.model import SESSION_NAME
from sidecar.explain import Judgement, Verdict
from sidecar.trust import Condition, Statement, TrustPolicy
from sidecar.trust.lint_conditions import claim_key

_BY_CALLER = "sts:rolesessionname"
_SHORTEST_NAME = 2
"""Characters of a session name (AWS STS API reference)."""
Trait = Callable[[str], object]
"""Something about a subject that a policy asks."""


@dataclass(frozen=True, slots=True)
class Reached:
    """Service accounts that can assume a role; `depends_on` are condition keys that cannot be seen from here."""

    accounts: tuple[ClusterServiceAccount, ...]
    depends_on: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Choice:
    """What whoever may create a pod can choose besides what its pods do, as far as the policy asks for it."""

    audiences: tuple[str, ...]
    session_names: tuple[str, ...]
    """"" for the one that the sidecar would choose."""


def reached(role: AuditedRole, cluster: Cluster, ask: Asker) -> tuple[Reached, ...]:
    """All who can. Accounts between which the policy cannot tell are judged once."""
    subjects = candidates(role, cluster)
    if not subjects or role.policy is None:
        return ()
    choice = Choice(_wanted_audiences(role.policy, cluster.issuer_name), ("", *_wanted_names(role.policy)))
    judged = [(kind, _best(role, cluster, kind[0], choice, ask)) for kind in _kinds(role.policy, cluster, subjects)]
    return tuple(Reached(kind, answer.depends_on) for kind, answer in judged if answer.verdict is Verdict.ALLOW)


def _kinds(
    policy: TrustPolicy, cluster: Cluster, subjects: tuple[str, ...]
) -> Iterable[tuple[ClusterServiceAccount, ...]]:
    """The candidates, those together that the policy cannot tell apart."""
    traits = _traits(policy, cluster.issuer_name)
    if traits == () and subjects is cluster.subjects.all:
        return cluster.by_audiences.values()
    accounts = [cluster.by_subject[subject] for subject in subjects]
    if traits is None:
        return ((account,) for account in accounts)
    kinds: dict[object, list[ClusterServiceAccount]] = defaultdict(list)
    for account in accounts:
        kinds[account.audiences, *(bool(trait(account.subject)) for trait in traits)].append(account)
    return map(tuple, kinds.values())


def candidates(role: AuditedRole, cluster: Cluster) -> tuple[str, ...]:
    """Subjects of the cluster, among them all that an Allow may let in."""
    issuer = cluster.issuer_name
    if issuer not in role.issuers or role.policy is None:
        return ()
    found: set[str] = set()
    for statement in role.allows:
        if issuer in issuers_of(statement):
            let_in = _candidates_of(statement, role.policy, cluster)
            if len(let_in) == len(cluster.subjects.all):
                return let_in
            found.update(let_in)
    return tuple(sorted(found))


def _candidates_of(statement: Statement, policy: TrustPolicy, cluster: Cluster) -> tuple[str, ...]:
    """By the first condition that names subjects; the judgement sees to all others."""
    for condition in statement.conditions:
        if names_subjects(condition, cluster.issuer_name) and not _has_variable(condition, policy):
            base = condition.operator.base
            look = cluster.subjects.like if base == "StringLike" else cluster.subjects.equal_to
            return tuple(dict.fromkeys(subject for value in condition.values for subject in look(value)))
    return cluster.subjects.all


def names_subjects(condition: Condition, issuer: str) -> bool:
    """Whether it lets in only subjects that match one of its values. A token always has a sub."""
    return _is_on(condition, issuer, "sub") and condition.operator.base in ("StringEquals", "StringLike")


def _is_on(condition: Condition, issuer: str, claim: str) -> bool:
    return condition.key.casefold() == f"{issuer}:{claim}".casefold()


def _has_variable(condition: Condition, policy: TrustPolicy) -> bool:
    return policy.has_variables and any("${" in value for value in condition.values)


def _traits(policy: TrustPolicy, issuer: str) -> tuple[Trait, ...] | None:
    """What the policy can tell two subjects apart by; None where it may be by anything."""
    found: dict[tuple[str, str], Trait] = {}
    for condition in (condition for statement in policy.statements for condition in statement.conditions):
        if _has_variable(condition, policy) or condition.key.casefold() == _BY_CALLER:
            return None
        if not _is_on(condition, issuer, "sub"):
            continue
        compare = _COMPARISONS.get(condition.operator.base)
        if compare is None:
            return None
        found |= {(condition.operator.base, value): compare(value) for value in condition.values}
    return tuple(found.values())


def _equals(value: str) -> Trait:
    return value.__eq__


def _equals_ignoring_case(value: str) -> Trait:
    folded = value.casefold()
    return lambda subject: subject.casefold() == folded


_COMPARISONS: dict[str, Callable[[str], Trait]] = {
    "StringEquals": _equals,
    "StringNotEquals": _equals,
    "StringEqualsIgnoreCase": _equals_ignoring_case,
    "StringNotEqualsIgnoreCase": _equals_ignoring_case,
    "StringLike": matcher,
    "StringNotLike": matcher,
    "Null": _equals,
}


def _wanted_audiences(policy: TrustPolicy, issuer: str) -> tuple[str, ...]:
    """Audiences that the policy names: whoever may create a pod may project a token for any of them."""
    conditions = (condition for statement in policy.statements for condition in statement.conditions)
    named = (
        value
        for condition in conditions
        if claim_key(condition)[0].casefold() == issuer.casefold()
        and claim_key(condition)[1] == "aud"
        and not condition.operator.negated
        and condition.operator.base.startswith("String")
        for value in condition.values
    )
    return tuple(dict.fromkeys(named))


def _wanted_names(policy: TrustPolicy) -> tuple[str, ...]:
    """Session names that the policy asks for, or spares in a Deny, one for each pattern: the caller chooses its own."""
    conditions = (condition for statement in policy.statements for condition in statement.conditions)
    named = (
        value.replace("*", "").replace("?", "x")
        for condition in conditions
        if condition.key.casefold() == _BY_CALLER and condition.operator.base.startswith("String")
        for value in condition.values
    )
    padded = dict.fromkeys(name.ljust(_SHORTEST_NAME, "x") for name in named)
    return tuple(name for name in padded if SESSION_NAME.fullmatch(name))


def _best(role: AuditedRole, cluster: Cluster, account: ClusterServiceAccount, choice: Choice, ask: Asker) -> Judgement:
    """The judgement of the call that gets in with the fewest reservations."""
    audiences = dict.fromkeys((*account.audiences, *choice.audiences))
    judged = (
        ask.judge(Asked(role, cluster, account, audience, role.arn, name))
        for audience in audiences
        for name in choice.session_names
    )
    return min(judged, key=_reservations)


def _reservations(judged: Judgement) -> float:
    return len(judged.depends_on) if judged.verdict is Verdict.ALLOW else inf


def exactly_named(role: AuditedRole, issuer: str) -> Iterator[str]:
    """The subjects that the policy lets in by their very name."""
    for statement in role.allows:
        for condition in statement.conditions:
            if names_subjects(condition, issuer):
                literal = condition.operator.base == "StringEquals"
                yield from (value for value in condition.values if literal or not ("*" in value or "?" in value))
