"""What Pod Security admission says to every pod: the real admission plugin, in namespaces that enforce a standard."""

import re
from typing import Any

import pytest

from tests.kubernetes.api import Api, Refused
from tests.kubernetes.documents import Manifest, documents, link_local, pod_of
from tests.kubernetes.live_pods import the_pod
from tests.kubernetes.namespaces import under_pod_security

NET_ADMIN = {"drop": ["ALL"], "add": ["NET_ADMIN"]}


def with_link_local(pod: Manifest) -> Manifest:
    """The pod as docs/ways.md has it for AWS's link-local addresses."""
    pod["spec"]["initContainers"].insert(0, link_local())
    pod["spec"]["securityContext"]["sysctls"] = [{"name": "net.ipv4.ip_unprivileged_port_start", "value": "80"}]
    return pod


def changes_the_network(pod: Manifest) -> bool:
    return any(
        container.get("securityContext", {}).get("capabilities") == NET_ADMIN
        for container in pod["spec"].get("initContainers", [])
    )


PODS = [(str(document), pod) for document in documents() if (pod := pod_of(document.content))]
ORDINARY = [pytest.param(pod, id=name) for name, pod in PODS if not changes_the_network(pod)]
CHANGING = [pytest.param(pod, id=name) for name, pod in PODS if changes_the_network(pod)]
CHANGING.append(pytest.param(with_link_local(the_pod()), id="docs/ways.md"))


@pytest.mark.parametrize("pod", ORDINARY)
async def test_a_restricted_namespace_admits_the_pod(api: Api, pod: Manifest) -> None:
    await api.dry_run(pod, await under_pod_security(api, "restricted"))


@pytest.mark.parametrize("pod", CHANGING)
async def test_a_baseline_namespace_refuses_the_link_local_addresses_for_net_admin_alone(
    api: Api, pod: Manifest
) -> None:
    complaints = await refused(api, pod, "baseline")

    assert complaints == [
        'non-default capabilities (container "link-local" must not include "NET_ADMIN" in '
        "securityContext.capabilities.add)"
    ]


@pytest.mark.parametrize("pod", CHANGING)
async def test_a_restricted_namespace_refuses_them_for_net_admin_and_for_root_who_can_use_it(
    api: Api, pod: Manifest
) -> None:
    complaints = await refused(api, pod, "restricted")

    assert [complaint.partition(" (")[0] for complaint in complaints] == [
        "unrestricted capabilities",
        "runAsNonRoot != true",
        "runAsUser=0",
    ]
    assert all('container "link-local" ' in complaint for complaint in complaints)


async def refused(api: Api, pod: dict[str, Any], level: str) -> list[str]:
    """What the standard has against the pod."""
    with pytest.raises(Refused) as refusal:
        await api.dry_run(pod, await under_pod_security(api, level))
    assert (refusal.value.status, refusal.value.reason) == (403, "Forbidden")
    _, _, told = str(refusal.value).partition(f'violates PodSecurity "{level}:latest": ')
    return re.findall(r"[^,()]+ \([^)]*\)", told.replace("), ", ")"))
