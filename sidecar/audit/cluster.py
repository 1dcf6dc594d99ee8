"""A cluster's service accounts and pods, from `kubectl get serviceaccounts,pods -A -o json`."""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sidecar.audit.subjects import Subjects
from sidecar.core import audiences
from sidecar.trust import issuer_prefix
from sidecar.trust.mistakes import SERVICE_ACCOUNT

ROLE_ANNOTATION = "eks.amazonaws.com/role-arn"
AUDIENCE_ANNOTATION = "eks.amazonaws.com/audience"
_SKIP_ANNOTATION = "eks.amazonaws.com/skip-containers"
_ROLE_VARIABLE = "AWS_ROLE_ARN"
_ENDED = ("Succeeded", "Failed")
_NEEDED = frozenset(
    {
        *("apiVersion", "kind", "items", "metadata", "namespace", "name", "annotations", "deletionTimestamp", "spec"),
        *("serviceAccountName", "containers", "initContainers", "env", "envFrom", "value", "valueFrom", "volumes"),
        *("projected", "sources", "serviceAccountToken", "audience", "status", "phase"),
        *(ROLE_ANNOTATION, AUDIENCE_ANNOTATION, _SKIP_ANNOTATION),
    }
)
"""All other members are dropped while the text is read: a pod of ten kilobytes leaves a few hundred bytes."""


class NotACluster(Exception):
    """The file is not what `kubectl get serviceaccounts,pods -A -o json` prints; it says why."""


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


def cluster_from(text: str, *, name: str, issuer: str, audience: str = audiences.STS) -> Cluster:
    """Read it; `audience` is what the cluster's webhook projects by default. Raises `NotACluster`."""
    try:
        found = json.loads(text, object_hook=_kept)
    except (ValueError, RecursionError):
        raise NotACluster("it is not JSON; `kubectl get serviceaccounts,pods -A -o json` prints it") from None
    items = found.get("items") if isinstance(found, dict) else None
    if not isinstance(items, list):
        raise NotACluster("it has no list of items; `kubectl get serviceaccounts,pods -A -o json` prints one")
    pods = _pods(items)
    accounts = [_service_account(item, pods, audience) for item in _of_kind(items, "ServiceAccount") if _metadata(item)]
    if not accounts:
        raise NotACluster("it has no service account; `kubectl get serviceaccounts,pods -A -o json` lists them")
    return Cluster(name, issuer, tuple(sorted(accounts, key=lambda account: account.subject)))


def _kept(found: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in found.items() if name in _NEEDED}


def _of_kind(items: list[Any], kind: str) -> Iterator[dict[str, Any]]:
    return (item for item in items if isinstance(item, dict) and item.get("kind") == kind)


def _metadata(item: Mapping[str, Any]) -> dict[str, Any]:
    return _mapping(item.get("metadata"))


def _pods(items: list[Any]) -> dict[tuple[str, str], list[RunningPod]]:
    """By namespace and service account; those that ended, or are about to, ask for nothing any more."""
    found = defaultdict(list)
    for item in _of_kind(items, "Pod"):
        metadata, spec = _metadata(item), _mapping(item.get("spec"))
        if "deletionTimestamp" in metadata or _mapping(item.get("status")).get("phase") in _ENDED:
            continue
        key = (_text(metadata, "namespace"), _text(spec, "serviceAccountName") or "default")
        found[key].append(_pod(metadata, spec))
    return found


def _pod(metadata: Mapping[str, Any], spec: Mapping[str, Any]) -> RunningPod:
    containers = [*_mappings(spec.get("initContainers")), *_mappings(spec.get("containers"))]
    variables = [variable for container in containers for variable in _mappings(container.get("env"))]
    asking = [variable for variable in variables if variable.get("name") == _ROLE_VARIABLE]
    return RunningPod(
        name=_text(metadata, "name"),
        roles=tuple(dict.fromkeys(filter(None, (_text(variable, "value") for variable in asking)))),
        audiences=tuple(dict.fromkeys(_projected(spec))),
        hidden=any("valueFrom" in variable for variable in asking) or any("envFrom" in found for found in containers),
        skipped=_SKIP_ANNOTATION in _mapping(metadata.get("annotations")),
    )


def _projected(spec: Mapping[str, Any]) -> Iterator[str]:
    """The audiences of a pod's tokens; one without an audience is for the API server."""
    for volume in _mappings(spec.get("volumes")):
        for source in _mappings(_mapping(volume.get("projected")).get("sources")):
            if audience := _text(_mapping(source.get("serviceAccountToken")), "audience"):
                yield audience


def _service_account(
    item: Mapping[str, Any], pods: Mapping[tuple[str, str], list[RunningPod]], audience: str
) -> ClusterServiceAccount:
    metadata = _metadata(item)
    annotations = _mapping(metadata.get("annotations"))
    namespace, name = _text(metadata, "namespace"), _text(metadata, "name")
    return ClusterServiceAccount(
        namespace,
        name,
        _text(annotations, ROLE_ANNOTATION),
        _text(annotations, AUDIENCE_ANNOTATION) or audience,
        tuple(pods.get((namespace, name), ())),
    )


def _mapping(found: Any) -> dict[str, Any]:
    return found if isinstance(found, dict) else {}


def _mappings(found: Any) -> list[dict[str, Any]]:
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []


def _text(found: Mapping[str, Any], name: str) -> str:
    value = found.get(name)
    return value if isinstance(value, str) else ""
