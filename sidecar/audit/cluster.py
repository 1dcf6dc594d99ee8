"""A cluster's service accounts and pods, as far as the audit needs them."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from sidecar.audit.subjects import Subjects
from sidecar.trust import issuer_prefix
from sidecar.trust.mistakes import SERVICE_ACCOUNT

ROLE_ANNOTATION = "eks.amazonaws.com/role-arn"
AUDIENCE_ANNOTATION = "eks.amazonaws.com/audience"


@dataclass(frozen=True, slots=True)
class RunningPod:
    """What a pod asks for: `roles` are its AWS_ROLE_ARN values, `audiences` those of its projected tokens.

    `hidden` says that variables come from where this file does not show them. `skipped` are containers that the
    webhook leaves alone.
    """

    name: str
    roles: tuple[str, ...]
    audiences: tuple[str, ...]
    hidden: bool
    skipped: bool


@dataclass(frozen=True, slots=True)
class Wish:
    """A role that a service account is meant to have; `told_by` says where it is written."""

    role_arn: str
    told_by: str
    audiences: tuple[str, ...]


@dataclass(frozen=True)
class ClusterServiceAccount:
    """A service account with the pods that use it. `role_arn` is its annotation, "" for none."""

    namespace: str
    name: str
    role_arn: str
    audience: str
    pods: tuple[RunningPod, ...]

    @cached_property
    def subject(self) -> str:
        return f"{SERVICE_ACCOUNT}{self.namespace}:{self.name}"

    @property
    def written(self) -> str:
        return f"{self.namespace}/{self.name}"

    @cached_property
    def audiences(self) -> tuple[str, ...]:
        """Those of the tokens that its pods have, the webhook's first."""
        return tuple(dict.fromkeys((self.audience, *(name for pod in self.pods for name in pod.audiences))))

    @property
    def wishes(self) -> tuple[Wish, ...]:
        """Each role once: the annotation, then what pods ask for besides."""
        found = {self.role_arn: Wish(self.role_arn, "annotation", (self.audience,))} if self.role_arn else {}
        for pod in self.pods:
            for role_arn in pod.roles:
                told_by = f"AWS_ROLE_ARN of pod {pod.name}"
                found.setdefault(role_arn, Wish(role_arn, told_by, pod.audiences or (self.audience,)))
        return tuple(found.values())


@dataclass(frozen=True)
class Cluster:
    """A cluster: `issuer` is the iss of its tokens, with its scheme."""

    name: str
    issuer: str
    accounts: tuple[ClusterServiceAccount, ...]

    @property
    def issuer_name(self) -> str:
        """As provider ARNs and condition keys spell it."""
        return issuer_prefix(self.issuer)

    @cached_property
    def by_subject(self) -> Mapping[str, ClusterServiceAccount]:
        return {account.subject: account for account in self.accounts}

    @cached_property
    def by_audiences(self) -> Mapping[tuple[str, ...], tuple[ClusterServiceAccount, ...]]:
        """Those whose tokens have the same audiences, together."""
        found: dict[tuple[str, ...], list[ClusterServiceAccount]] = defaultdict(list)
        for account in self.accounts:
            found[account.audiences].append(account)
        return {audiences: tuple(accounts) for audiences, accounts in found.items()}

    @cached_property
    def subjects(self) -> Subjects:
        return Subjects(self.by_subject)
