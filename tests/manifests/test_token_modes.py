"""Who can read a projected token: the kubelet's rules, laid over each pod.

Source: Kubernetes since 1.19, pkg/volume/util.FsUserFrom and pkg/volume/projected: with an fsGroup 0640 and that group;
else, where all containers have one explicit uid, 0600 and that uid; else the default mode, 0644.
"""

import copy
from dataclasses import dataclass
from typing import Any

import pytest

from tests.manifests.pod_spec import containers_of, sidecar_of
from tests.manifests.rendering import NAMES, applied


@dataclass(frozen=True)
class File:
    mode: int
    uid: int = 0
    gid: int = 0


def token_file(pod: dict[str, Any]) -> File:
    context = pod.get("securityContext", {})
    if group := context.get("fsGroup"):
        return File(0o640, gid=group)
    uids = {uid_of(container, pod) for container in containers_of(pod)}
    if len(uids) == 1 and None not in uids:
        return File(0o600, uid=uids.pop() or 0)
    return File(0o644)


def uid_of(container: dict[str, Any], pod: dict[str, Any]) -> int | None:
    uid: int | None = container.get("securityContext", {}).get(
        "runAsUser", pod.get("securityContext", {}).get("runAsUser")
    )
    return uid


def can_read(uid: int | None, pod: dict[str, Any]) -> bool:
    file = token_file(pod)
    groups = {pod.get("securityContext", {}).get("fsGroup")}
    return bool(file.mode & 0o004 or (file.mode & 0o040 and file.gid in groups) or file.uid == uid)


@pytest.mark.parametrize("name", NAMES)
def test_the_group_reads_it_and_the_world_does_not(name: str) -> None:
    pod = applied(name).pod
    assert token_file(pod).mode == 0o640
    assert can_read(uid_of(sidecar_of(pod), pod), pod)


@pytest.mark.parametrize("name", NAMES)
def test_without_the_group_the_sidecar_still_reads_it(name: str) -> None:
    pod = copy.deepcopy(applied(name).pod)
    del pod["securityContext"]["fsGroup"]
    assert can_read(uid_of(sidecar_of(pod), pod), pod)


def test_without_the_group_differing_uids_open_it_to_all() -> None:
    pod = copy.deepcopy(applied("pod.yaml").pod)
    del pod["securityContext"]["fsGroup"]
    assert token_file(pod) == File(0o644)
