"""Reads a cluster from what `kubectl get serviceaccounts,pods -A -o json` prints, object by object."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from sidecar.audit.cluster import AUDIENCE_ANNOTATION, ROLE_ANNOTATION, Cluster, ClusterServiceAccount, RunningPod
from sidecar.core import audiences
from sidecar.terminal.json_items import JsonItems, NotUsableJson

MOST_MEMORY = 48 << 20
"""Bytes, roughly, for what is kept: of 150,000 pods, the most that Kubernetes is made for, and 30,000 accounts."""

_OF_ACCOUNT, _OF_POD, _OF_TEXT = 600, 150, 60
"""Bytes that each takes in Python; a text besides its characters."""

_SKIP_ANNOTATION = "eks.amazonaws.com/skip-containers"
_ROLE_VARIABLE = "AWS_ROLE_ARN"
_REFERENCE = "$("
"""The kubelet puts another variable's value there."""
_ENDED = ("Succeeded", "Failed")
_PRINTS = "`kubectl get serviceaccounts,pods -A -o json` prints them"


class NotACluster(Exception):
    """The text is not what kubectl prints of a cluster; it says why."""


def cluster_from(pieces: Iterable[str], *, name: str, issuer: str, audience: str = audiences.STS) -> Cluster:
    """Read the text; `audience` is what the cluster's webhook projects by default. Raises `NotACluster`."""
    found = _Objects(audience)
    try:
        found.take(JsonItems(pieces))
    except NotUsableJson as problem:
        raise NotACluster(f"{problem}; {_PRINTS}") from None
    accounts = found.accounts()
    if not accounts:
        raise NotACluster(f"it has no list of items with a service account; {_PRINTS}")
    return Cluster(name, issuer, accounts)


class _Objects:
    """What the audit needs of a cluster's objects: a pod of ten kilobytes leaves a few hundred bytes."""

    def __init__(self, audience: str) -> None:
        self._audience = audience
        self._kept = _Kept()
        self._accounts: dict[tuple[str, str], ClusterServiceAccount] = {}
        self._pods: dict[tuple[str, str], list[RunningPod]] = defaultdict(list)

    def take(self, items: JsonItems) -> None:
        """Raises `NotUsableJson`, `NotACluster`."""
        for name, item in items:
            kind = item.get("kind") if name == "items" and isinstance(item, dict) else None
            if kind == "Pod":
                self._take_pod(item)
            elif kind == "ServiceAccount":
                self._take_account(_mapping(item.get("metadata")))
            else:
                continue
            items.found_one()

    def accounts(self) -> tuple[ClusterServiceAccount, ...]:
        """With their pods, which may come before them; sorted. Listings may overlap: each once, as it came last."""
        found = (
            replace(account, pods=tuple({pod.name: pod for pod in self._pods.get(place, ())}.values()))
            for place, account in self._accounts.items()
        )
        return tuple(sorted(found, key=lambda account: account.subject))

    def _take_pod(self, item: Mapping[str, Any]) -> None:
        """Those that ended, or are about to, ask for nothing any more."""
        metadata, spec = _mapping(item.get("metadata")), _mapping(item.get("spec"))
        if "deletionTimestamp" in metadata or _mapping(item.get("status")).get("phase") in _ENDED:
            return
        account = _text(spec, "serviceAccountName") or _text(spec, "serviceAccount") or "default"  # the old name
        self._kept.count(_OF_POD)
        self._pods[self._kept.text(_text(metadata, "namespace")), account].append(_pod(metadata, spec, self._kept))

    def _take_account(self, metadata: Mapping[str, Any]) -> None:
        if not metadata:
            return
        annotations = _mapping(metadata.get("annotations"))
        namespace, name, role_arn, audience = map(
            self._kept.text,
            (
                _text(metadata, "namespace"),
                _text(metadata, "name"),
                _text(annotations, ROLE_ANNOTATION),
                _text(annotations, AUDIENCE_ANNOTATION) or self._audience,
            ),
        )
        self._kept.count(_OF_ACCOUNT)
        self._accounts[namespace, name] = ClusterServiceAccount(namespace, name, role_arn, audience, pods=())


class _Kept:
    """Texts that are kept, each once: many pods have one namespace, one role and one audience."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}
        self._memory = 0

    def text(self, text: str) -> str:
        """The same text. Raises `NotACluster` for more than fits."""
        if text not in self._texts:
            self.count(_OF_TEXT + len(text))
            self._texts[text] = text
        return self._texts[text]

    def texts(self, found: Iterable[str]) -> tuple[str, ...]:
        """Each once, without the empty one."""
        return tuple(map(self.text, dict.fromkeys(filter(None, found))))

    def count(self, more: int) -> None:
        self._memory += more
        if self._memory > MOST_MEMORY:
            raise NotACluster("it has more pods and service accounts than any cluster")


def _pod(metadata: Mapping[str, Any], spec: Mapping[str, Any], kept: _Kept) -> RunningPod:
    containers = [*_mappings(spec.get("initContainers")), *_mappings(spec.get("containers"))]
    variables = [variable for container in containers for variable in _mappings(container.get("env"))]
    asking = [variable for variable in variables if variable.get("name") == _ROLE_VARIABLE]
    written = [_text(variable, "value") for variable in asking]
    return RunningPod(
        name=kept.text(_text(metadata, "name")),
        roles=kept.texts(value for value in written if _REFERENCE not in value),
        audiences=kept.texts(_projected(spec)),
        hidden=any("valueFrom" in variable for variable in asking)
        or any(_REFERENCE in value for value in written)
        or any("envFrom" in found for found in containers),
        skipped=_SKIP_ANNOTATION in _mapping(metadata.get("annotations")),
    )


def _projected(spec: Mapping[str, Any]) -> Iterator[str]:
    """The audiences of a pod's tokens; one without an audience is for the API server."""
    for volume in _mappings(spec.get("volumes")):
        for source in _mappings(_mapping(volume.get("projected")).get("sources")):
            yield _text(_mapping(source.get("serviceAccountToken")), "audience")


def _mapping(found: Any) -> dict[str, Any]:
    return found if isinstance(found, dict) else {}


def _mappings(found: Any) -> list[dict[str, Any]]:
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []


def _text(found: Mapping[str, Any], name: str) -> str:
    value = found.get(name)
    return value if isinstance(value, str) else ""
