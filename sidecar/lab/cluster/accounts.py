"""The service accounts whose tokens are projected, with audience and lifetime: `cluster.yaml`.

File modes follow kubelet's rules for projected tokens (Kubernetes 1.19 and later).
"""

import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sidecar.lab import yaml_file
from sidecar.lab.yaml_file import BadFile, Complaint

_NAMES = uuid.UUID("5b0a7d5e-3a7e-4f0e-9a43-0d5a6f4f3c11")
_KNOWN = ("namespace", "name", "audience", "expirationSeconds", "fsGroup", "runAsUser", "pod", "node")
_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
MINIMUM_LIFETIME = 600
"""Seconds; the API server grants no shorter token (Kubernetes API, ServiceAccountTokenProjection)."""


@dataclass(frozen=True, slots=True)
class ServiceAccount:
    """A service account, and its one pod whose volume the lab keeps. `lifetime` is in seconds."""

    namespace: str = "default"
    name: str = "app"
    audience: str = "sts.amazonaws.com"
    lifetime: float = 3600
    fs_group: int | None = None
    run_as_user: int | None = None
    pod: str = ""
    node: str = "lab-node"

    @property
    def subject(self) -> str:
        return f"system:serviceaccount:{self.namespace}:{self.name}"

    @property
    def pod_name(self) -> str:
        return self.pod or f"{self.name}-0"

    def uid_of(self, kind: str) -> str:
        """A stable uid for the pod, the node or the service account itself."""
        return str(uuid.uuid5(_NAMES, f"{kind}/{self.namespace}/{self.name}/{self.pod_name}/{self.node}"))


DEFAULT_TEXT = """\
# The service accounts whose tokens the lab projects, as kubelet would. Read again when the lab starts.
# Each gets a directory with a `token` file: projected/<namespace>/<name>/ beside this file.
serviceAccounts:
  - namespace: default
    name: app
    audience: sts.amazonaws.com
    expirationSeconds: 3600 # at least 600; the file is replaced at 80 % of this, or after 24 h
    # runAsUser: 1000       # the file then is 0600 and owned by this uid
    # fsGroup: 2000         # the file then is 0640 and of this group
"""

OLD_APP_TEXT = """\

  - namespace: default
    name: old-app
    audience: pods.eks.amazonaws.com # what EKS Pod Identity asks for
    expirationSeconds: 3600
"""
"""What the first file of a lab with an EKS Pod Identity agent has besides."""


def parse_cluster(text: str, name: str = "cluster.yaml") -> tuple[ServiceAccount, ...]:
    """Raises BadFile with every complaint and its line."""
    document = yaml_file.load(text, name)
    complaints: list[Complaint] = []
    accounts = []
    for index, item in enumerate(document.items("serviceAccounts")):
        where = ("serviceAccounts", index)
        found = list(_complaints(item))
        complaints += [document.complain(complaint, *where) for complaint in found]
        if not found:
            accounts.append(_account(item))
    places = [(account.namespace, account.name) for account in accounts]
    complaints += [
        document.complain(f"{'/'.join(place)} appears twice", "serviceAccounts")
        for index, place in enumerate(places)
        if place in places[:index]
    ]
    if not complaints and not accounts:
        complaints.append(document.complain("serviceAccounts is empty; list at least one", "serviceAccounts"))
    if complaints:
        raise BadFile(complaints)
    return tuple(accounts)


def _complaints(item: Any) -> Iterator[str]:
    if not isinstance(item, dict):
        yield "a service account is a mapping with namespace and name"
        return
    for key in item:
        if key not in _KNOWN:
            yield f"unknown setting {key!r}; known: {', '.join(_KNOWN)}"
    for key in ("namespace", "name"):
        if not _NAME.fullmatch(item.get(key, "")):
            yield f"{key} is missing or not a Kubernetes name: lower case letters, digits, '-' and '.'"
    for key in ("expirationSeconds", "fsGroup", "runAsUser"):
        if not str(item.get(key, "0")).isdigit():
            yield f"{key} is {item[key]!r}; write a whole number"
    lifetime = str(item.get("expirationSeconds", MINIMUM_LIFETIME))
    if lifetime.isdigit() and int(lifetime) < MINIMUM_LIFETIME:
        yield f"expirationSeconds is {lifetime}; the API server grants no less than {MINIMUM_LIFETIME}"


def _account(item: dict[str, str]) -> ServiceAccount:
    return ServiceAccount(
        namespace=item["namespace"],
        name=item["name"],
        audience=item.get("audience", "sts.amazonaws.com"),
        lifetime=float(item.get("expirationSeconds", 3600)),
        fs_group=int(item["fsGroup"]) if "fsGroup" in item else None,
        run_as_user=int(item["runAsUser"]) if "runAsUser" in item else None,
        pod=item.get("pod", ""),
        node=item.get("node", "lab-node"),
    )
