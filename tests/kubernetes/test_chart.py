"""docs/rollout.md is done with Helm: the chart installed, a workload rolled out, an upgrade, its rollback, a removal.

Helm and the API server are real, and so are the tokens that the injected sidecars exchange at the lab's STS.
"""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sidecar import __version__
from tests.chart.helm import CHART, NAMESPACE, RELEASE, VERSIONS, Helm, HelmRefused, Manifest
from tests.kubernetes.api import Api
from tests.kubernetes.cluster import Cluster
from tests.kubernetes.documents import pod_of
from tests.kubernetes.helms import a_helm_for
from tests.kubernetes.namespaces import a_namespace
from tests.kubernetes.policies import remove, until_in_force
from tests.kubernetes.rolling import DEPLOYMENT, PAGE, Roll, a_roll, image_in, works

OLD, NEW = f"irsa-sidecar:{__version__}", f"irsa-sidecar:{__version__}-next"
INSTALL, CHANGE, REMOVE = (
    block.replace("REGISTRY/", "").replace("TAG", f"{__version__}-next")
    for block in re.findall(r"^```sh\n(helm .*?)^```", PAGE, re.DOTALL | re.MULTILINE)[:3]
)
UPGRADE, ROLLBACK = CHANGE[: CHANGE.index("helm rollback")], CHANGE[CHANGE.index("helm rollback") :]
TAKEN_OVER = INSTALL.rstrip() + " --take-ownership\n"
"""Other tests here have left `irsa-sidecar-role`, as the page's kubectl does."""

BOTH = pytest.mark.parametrize("helm", VERSIONS, indirect=True, ids=lambda version: f"helm{version}")
"""Where they may differ: Helm 4 has the API server merge (server-side apply), Helm 3 merges itself."""


@pytest.fixture
async def roll(api: Api, cluster: Cluster, tmp_path: Path) -> AsyncIterator[Roll]:
    async with a_roll(api, cluster, tmp_path) as found:
        yield found


@pytest.fixture
async def helm(request: pytest.FixtureRequest, cluster: Cluster, api: Api, tmp_path: Path) -> AsyncIterator[Helm]:
    """At the end, nothing is left of what it has installed but the policy that stays."""
    found = a_helm_for(cluster, tmp_path, getattr(request, "param", max(VERSIONS)))
    yield found
    await asyncio.to_thread(found.run, "uninstall", RELEASE, "--namespace", NAMESPACE, "--ignore-not-found")
    await remove(api, [])


async def done(helm: Helm, commands: str, api: Api, image: str) -> None:
    """These commands, until what they install is in force."""
    await asyncio.to_thread(helm.shell, commands)
    await until_in_force(api, image, await a_namespace(api))


@BOTH
async def test_a_workload_is_rolled_out_upgraded_rolled_back_and_left_alone_again(helm: Helm, roll: Roll) -> None:
    api = roll.api
    await done(helm, TAKEN_OVER, api, OLD)
    await api.create(DEPLOYMENT, roll.namespace)
    async with roll.pod("web-1") as before:
        await works(before)
        await done(helm, UPGRADE, api, NEW)
        async with roll.pod("web-2") as after:
            await works(after)
        assert (image_in(before), image_in(after)) == (OLD, NEW)
        await done(helm, ROLLBACK, api, OLD)
        async with roll.pod("web-3") as again:
            await works(again)
        assert image_in(again) == OLD
        await works(before)

    await asyncio.to_thread(helm.shell, REMOVE)
    await remove(api, [])

    template = pod_of(DEPLOYMENT)
    assert template
    assert "initContainers" not in (await api.dry_run(template, roll.namespace))["spec"]


@BOTH
async def test_what_stays_is_taken_over_by_the_next_installation(helm: Helm, api: Api) -> None:
    await done(helm, TAKEN_OVER, api, OLD)
    await asyncio.to_thread(helm.shell, REMOVE)
    await remove(api, [])
    assert await names(api, "mutatingadmissionpolicies") == ["irsa-sidecar-role"]
    assert await names(api, "mutatingadmissionpolicybindings") == ["irsa-sidecar-role"]
    assert not await names(api, "validatingadmissionpolicies")

    await done(helm, INSTALL, api, OLD)

    assert await names(api, "mutatingadmissionpolicies") == ["irsa-sidecar", "irsa-sidecar-role"]


@BOTH
async def test_an_upgrade_leaves_what_was_rendered_and_nothing_older(helm: Helm, api: Api) -> None:
    """Also in its order: a variable of a policy must come before those that read it."""
    await done(helm, TAKEN_OVER, api, OLD)
    baked = ("image.pullPolicy=Never", "imagePullSecrets[0].name=registry", "priorityClassName=high")
    values = [f"--set={value}" for value in ("region=eu-west-1", "image.tag=1.0.0", "dashboard.enabled=true", *baked)]

    await asyncio.to_thread(helm.run, "upgrade", RELEASE, str(CHART), "--namespace", NAMESPACE, *values)

    for wanted in helm.render(*values):
        kept = await api.get(path_of(wanted))
        assert contains(kept, wanted), wanted["metadata"]["name"]
    left = [name for name in await names(api, f"namespaces/{NAMESPACE}/configmaps") if name != "kube-root-ca.crt"]
    assert left == sorted(name_of(wanted) for wanted in helm.render(*values) if wanted["kind"] == "ConfigMap")


async def test_a_cluster_that_refuses_an_upgrade_keeps_what_it_had(helm: Helm, api: Api) -> None:
    await done(helm, TAKEN_OVER, api, OLD)

    with pytest.raises(HelmRefused, match="region"):
        await asyncio.to_thread(helm.shell, INSTALL.replace("region=eu-west-1", "region=Ireland"))

    await until_in_force(api, OLD, await a_namespace(api))


async def names(api: Api, plural: str) -> list[str]:
    """All objects of this kind."""
    root = "/api/v1" if plural.startswith("namespaces/") else "/apis/admissionregistration.k8s.io/v1"
    return sorted(map(name_of, (await api.get(f"{root}/{plural}"))["items"]))


def name_of(document: Manifest) -> str:
    return str(document["metadata"]["name"])


def path_of(document: Manifest) -> str:
    kind, name = document["kind"], name_of(document)
    if kind == "ConfigMap":
        return f"/api/v1/namespaces/{NAMESPACE}/configmaps/{name}"
    plural = kind[:-1] + "ies" if kind.endswith("y") else f"{kind}s"
    return f"/apis/admissionregistration.k8s.io/v1/{plural.lower()}/{name}"


def contains(kept: object, wanted: object) -> bool:
    """Whether it is so, but for what the API server has filled in."""
    if isinstance(wanted, dict):
        return isinstance(kept, dict) and all(contains(kept.get(key), value) for key, value in wanted.items())
    if isinstance(wanted, list):
        return isinstance(kept, list) and len(kept) == len(wanted) and all(map(contains, kept, wanted))
    return kept == wanted
