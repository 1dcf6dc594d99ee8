"""The whole audit: who was meant to have which role and has it or not, who else can, and what else is odd. Pure."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from sidecar.audit import pod_remarks, role_remarks
from sidecar.audit.cluster import Cluster, ClusterServiceAccount
from sidecar.audit.intentions import Intended, Intention, meant_by
from sidecar.audit.reach import exactly_named, reached
from sidecar.audit.role_remarks import Observation
from sidecar.audit.roles import AuditedRole
from sidecar.audit.tokens import Asker
from sidecar.core.findings import Level
from sidecar.core.model import UnixTime
from sidecar.explain.question import OidcProvider


@dataclass(frozen=True, slots=True)
class Unintended:
    """Accounts of one cluster that can assume a role though nothing says that they should.

    `named` says that the policy has their very names; else a pattern or a missing condition lets them in. `everyone`
    says that it is the whole cluster.
    """

    role_arn: str
    cluster: Cluster
    accounts: tuple[ClusterServiceAccount, ...]
    depends_on: tuple[str, ...]
    named: bool
    everyone: bool

    @property
    def level(self) -> Level:
        if self.named:
            return Level.INFO
        return Level.ERROR if self.everyone else Level.WARNING


@dataclass(frozen=True)
class Audit:
    """All that was found. `clusters` and `roles` are what was looked at."""

    clusters: tuple[Cluster, ...]
    roles: tuple[AuditedRole, ...] = field(repr=False)
    intended: tuple[Intended, ...]
    unintended: tuple[Unintended, ...]
    remarks: tuple[Observation, ...]

    @cached_property
    def levels(self) -> Mapping[Level, int]:
        """How many findings there are of each level."""
        counts: dict[Level, int] = defaultdict(int)
        for level in (
            *(entry.level for entry in self.intended),
            *(entry.level for entry in self.unintended),
            *(remark.finding.level for remark in self.remarks),
        ):
            counts[level] += 1
        return counts


def audit(
    clusters: Iterable[Cluster],
    roles: Iterable[AuditedRole],
    *,
    now: UnixTime,
    providers: Iterable[OidcProvider] = (),
) -> Audit:
    """Every service account against every role. `providers` are those of the accounts, as far as they are known."""
    clusters, roles = tuple(clusters), tuple(roles)
    ask = Asker(now, _by_account(providers))
    intentions = [wish for cluster in clusters for wish in meant_by(cluster)]
    wanted: dict[tuple[str, ...], set[str]] = defaultdict(set)
    for wish in intentions:
        wanted[wish.cluster.issuer, *wish.likeness].add(wish.account.subject)
    return Audit(
        clusters,
        roles,
        tuple(_intended(intentions, roles, ask)),
        tuple(found for role in roles for cluster in clusters for found in _unintended(role, cluster, wanted, ask)),
        (
            *(remark for cluster in clusters for remark in pod_remarks.about(cluster)),
            *role_remarks.about(roles, clusters, intentions),
        ),
    )


def _by_account(providers: Iterable[OidcProvider]) -> Mapping[str, tuple[OidcProvider, ...]]:
    found: dict[str, tuple[OidcProvider, ...]] = {}
    for provider in providers:
        if provider.place:
            found[provider.place.account] = (*found.get(provider.place.account, ()), provider)
    return found


def _intended(intentions: Sequence[Intention], roles: Sequence[AuditedRole], ask: Asker) -> Iterator[Intended]:
    """In the order of the roles, so that each policy is read once; reported in the order of the clusters."""
    known = {role.likeness: role for role in roles}
    accounts = {role.account for role in roles}
    order = sorted(range(len(intentions)), key=lambda index: intentions[index].wish.role_arn)
    answers: dict[int, Intended] = {}
    for index in order:
        intention = intentions[index]
        role = known.get(intention.likeness)
        answers[index] = intention.met_by(role, ask) if role else intention.without_role(accounts)
    return (answers[index] for index in range(len(intentions)))


def _unintended(
    role: AuditedRole, cluster: Cluster, wanted: Mapping[tuple[str, ...], Collection[str]], ask: Asker
) -> Iterator[Unintended]:
    can = reached(role, cluster, ask)
    meant = wanted.get((cluster.issuer, *role.likeness), ())
    others = tuple(account for found in can for account in found.accounts if account.subject not in meant)
    depends_on = tuple(dict.fromkeys(key for found in can for key in found.depends_on))
    names = frozenset(exactly_named(role, cluster.issuer_name))
    named = tuple(account for account in others if account.subject in names) if names else ()
    unnamed = tuple(account for account in others if account.subject not in names) if names else others
    everyone = sum(len(found.accounts) for found in can) == len(cluster.accounts)
    if named:
        yield Unintended(role.arn, cluster, named, depends_on, named=True, everyone=False)
    if unnamed:
        yield Unintended(role.arn, cluster, unnamed, depends_on, named=False, everyone=everyone)
