"""Every pod passes the restricted Pod Security Standard, but for the one that says that it does not."""

import copy
from typing import Any

import pytest

from tests.manifests.pod_security import violations
from tests.manifests.rendering import NAMES, applied

LOUD = "harbor"
"""The example with components/link-local."""


@pytest.mark.parametrize("name", [name for name in NAMES if name != LOUD])
def test_the_pod_is_let_into_a_restricted_namespace(name: str) -> None:
    assert violations(applied(name).pod) == []


def test_the_one_that_is_not_says_what_it_needs_and_nothing_else_does() -> None:
    assert violations(applied(LOUD).pod) == [
        "container link-local: runAsUser is 0",
        "container link-local: capability NET_ADMIN is added",
        "container link-local: runAsNonRoot is not true",
    ]


CHANGES: dict[str, tuple[str, Any]] = {
    "hostNetwork is true": ("hostNetwork", True),
    "hostPID is true": ("hostPID", True),
    "sysctl kernel.msgmax is not a safe one": ("securityContext.sysctls", [{"name": "kernel.msgmax", "value": "1"}]),
    "runAsUser is 0": ("securityContext.runAsUser", 0),
    "seccompProfile is Unconfined": ("securityContext.seccompProfile", {"type": "Unconfined"}),
    "volume v: is a hostPath": ("volumes", [{"name": "v", "hostPath": {"path": "/"}}]),
    "container app: privileged is true": ("containers.0.securityContext.privileged", True),
    "container app: allowPrivilegeEscalation is not false": (
        "containers.0.securityContext.allowPrivilegeEscalation",
        True,
    ),
    "container app: capabilities are not dropped": ("containers.0.securityContext.capabilities", {}),
    "container app: capability SYS_TIME is added": (
        "containers.0.securityContext.capabilities",
        {"drop": ["ALL"], "add": ["SYS_TIME"]},
    ),
    "container app: runAsNonRoot is not true": ("containers.0.securityContext.runAsNonRoot", False),
    "container app: procMount is not Default": ("containers.0.securityContext.procMount", "Unmasked"),
    "container app: seLinuxOptions are set": ("containers.0.securityContext.seLinuxOptions", {"user": "root"}),
    "container app: appArmorProfile is Unconfined": (
        "containers.0.securityContext.appArmorProfile",
        {"type": "Unconfined"},
    ),
    "container app: a hostPort is used": ("containers.0.ports", [{"containerPort": 80, "hostPort": 80}]),
    "container irsa-sidecar: a probe or hook names a host": (
        "initContainers.0.livenessProbe.httpGet.host",
        "127.0.0.1",
    ),
}


@pytest.mark.parametrize("objection", CHANGES)
def test_the_check_objects_to(objection: str) -> None:
    pod: Any = copy.deepcopy(applied("pod.yaml").pod)
    path, value = CHANGES[objection]
    *way, last = path.split(".")
    place = pod
    for step in way:
        place = place[int(step)] if step.isdigit() else place[step]
    place[last] = value
    assert violations(pod) == [objection]


def test_the_check_wants_a_seccomp_profile_from_the_pod_or_the_container() -> None:
    pod: Any = copy.deepcopy(applied("pod.yaml").pod)
    del pod["securityContext"]["seccompProfile"]
    assert "container app: seccompProfile is not set" in violations(pod)
