"""What is odd about a role though nobody is refused: whom it trusts, and who names it."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from sidecar.audit.cluster import Cluster
from sidecar.audit.intentions import Intention
from sidecar.audit.reach import exactly_named
from sidecar.audit.roles import AuditedRole
from sidecar.core.findings import Finding, info, warning
from sidecar.explain.issuer_names import issuer_slip
from sidecar.trust import MalformedPolicy, lint, parse
from sidecar.trust.mistakes import SERVICE_ACCOUNT, service_account

OPEN = frozenset(
    {
        *("no-condition", "no-subject-condition", "open-door", "for-all-values-hole"),
        *("pattern-covers-everyone", "pattern-covers-the-cluster"),
    }
)
"""The lint's names for a policy that lets in more than it names."""


@dataclass(frozen=True, slots=True)
class Observation:
    """A finding, and what it is about: a role's ARN, or a cluster's pod."""

    about: str
    finding: Finding


def about(
    roles: Sequence[AuditedRole], clusters: Sequence[Cluster], intentions: Iterable[Intention]
) -> Iterator[Observation]:
    """Role by role."""
    asking: dict[tuple[str, str], list[Intention]] = defaultdict(list)
    for intention in intentions:
        asking[intention.likeness].append(intention)
    by_issuer = {cluster.issuer_name: cluster for cluster in clusters}
    for role in roles:
        for finding in _of_role(role, by_issuer, asking.get(role.likeness, [])):
            yield Observation(role.arn, finding)


def _of_role(role: AuditedRole, clusters: Mapping[str, Cluster], asking: Sequence[Intention]) -> Iterator[Finding]:
    if role.policy is None:
        yield _not_understood(role)
        return
    if not role.issuers:
        return
    yield from (_in_its_place(finding) for finding in lint(role.policy) if finding.code in OPEN)
    for issuer in sorted(role.issuers):
        if issuer in clusters:
            yield from _missing_accounts(role, clusters[issuer])
        elif misspelt := _misspelt_issuer(issuer, clusters):
            yield misspelt
        elif _is_a_clusters(role, issuer):
            yield _stale_issuer(issuer)
    if not asking and (trusted := sorted(clusters[issuer].name for issuer in role.issuers & clusters.keys())):
        yield _named_nowhere(trusted)
    if len(asking) > 1:
        yield _shared(asking)


def _in_its_place(finding: Finding) -> Finding:
    index = finding.where[1] if len(finding.where) > 1 else ""
    return replace(finding, message=f"Statement {index}: {finding.message}")


def _not_understood(role: AuditedRole) -> Finding:
    try:
        parse(role.text)
    except MalformedPolicy as problem:
        return warning(
            "policy-not-understood",
            f"The trust policy could not be read, so nobody was judged by it: {problem.cause}",
            problem.fix,
        )
    raise AssertionError(role.arn)


def _missing_accounts(role: AuditedRole, cluster: Cluster) -> Iterator[Finding]:
    for subject in dict.fromkeys(exactly_named(role, cluster.issuer_name)):
        names = service_account(subject)
        if names and subject not in cluster.by_subject:
            yield warning(
                "no-such-service-account",
                f"The policy lets in {names[0]}/{names[1]} of {cluster.name}, which does not exist: whoever may create "
                "it gets the role.",
                "Take it out of the policy, or correct its name.",
            )


def _is_a_clusters(role: AuditedRole, issuer: str) -> bool:
    """Whether an issuer is surely a cluster's, and not that of a forge or a company."""
    return issuer.startswith("oidc.eks.") or any(
        subject.startswith(SERVICE_ACCOUNT) for subject in exactly_named(role, issuer)
    )


def _misspelt_issuer(issuer: str, clusters: Iterable[str]) -> Finding | None:
    """The issuer of one of the clusters, as somebody should have written it."""
    for meant in clusters:
        if slip := issuer_slip(issuer, meant):
            return warning(
                slip[0],
                f"The policy trusts {issuer}, and no cluster's token matches that: {slip[1]}.",
                f"Write {meant} in the policy's principal and condition keys.",
            )
    return None


def _stale_issuer(issuer: str) -> Finding:
    return warning(
        "stale-issuer",
        f"The policy trusts {issuer}, the issuer of none of the clusters given: a deleted cluster's, or one that this "
        "audit did not look at.",
        "Take the statement out of the policy and delete the OIDC provider, or give that cluster's file too.",
    )


def _named_nowhere(trusted: Sequence[str]) -> Finding:
    return warning(
        "role-named-nowhere",
        "No service account is annotated with this role and no pod asks for it, though its policy trusts "
        f"{', '.join(trusted)}.",
        "Delete the role if nothing uses it; else annotate the service account that should have it.",
    )


def _shared(asking: Sequence[Intention]) -> Finding:
    names = [f"{found.cluster.name} {found.account.written}" for found in asking]
    return info(
        "role-shared",
        f"{len(names)} service accounts are meant to have this role: {', '.join(names[:_SHOWN])}"
        + (", …" if len(names) > _SHOWN else "")
        + ". CloudTrail tells them apart by session name alone.",
        "Give each its own role, unless they are one application.",
    )


_SHOWN = 5
