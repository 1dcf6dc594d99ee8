"""The policies of `inject --policy` installed, judged beside inject, changed and replaced in a real API server."""

import asyncio
from typing import Any

import pytest

from sidecar.inject import inject
from sidecar.inject.policy import objects
from sidecar.inject.resources import Resources
from tests.inject.kit import ROLE, named, options, pod
from tests.inject.specimens import IMDS, METADATA_ALONE, SPECIMENS, Specimen
from tests.kubernetes.api import Api, Refused
from tests.kubernetes.cluster import Cluster
from tests.kubernetes.comparable import compared
from tests.kubernetes.documents import Manifest, together
from tests.kubernetes.made_up_pods import made_up
from tests.kubernetes.namespaces import a_namespace
from tests.kubernetes.policies import WARNINGS, in_force, installed, labelled
from tests.kubernetes.policy_load import an_api_server, load, upgrades
from tests.waiting import HANGS_AFTER

OPTIONS = options(image="registry.example/irsa-sidecar:changing")
WINDOWS = {
    "apiVersion": "node.k8s.io/v1",
    "kind": "RuntimeClass",
    "metadata": {"name": "windows-2022"},
    "handler": "runhcs-wcow-process",
}


def groups() -> dict[str, list[Specimen]]:
    """Those of the same options: one policy judges them."""
    found: dict[str, list[Specimen]] = {}
    for specimen in SPECIMENS:
        if not specimen.unseen:
            found.setdefault(str(dict(specimen.changes)), []).append(specimen)
    return found


@pytest.mark.parametrize("group", groups().values(), ids=groups().keys())
async def test_the_policies_judge_as_inject_does(api: Api, group: list[Specimen]) -> None:
    await api.apply(WINDOWS)
    async with in_force(api, group[0].options):
        namespace = await a_namespace(api)
        judged = {specimen.name: await verdict(api, labelled(specimen.pod, role=ROLE), namespace) for specimen in group}

    assert judged == {specimen.name: specimen.verdict for specimen in group}


async def verdict(api: Api, asking: Manifest, namespace: str) -> str:
    try:
        warnings = await api.warnings(asking, namespace)
    except Refused as refusal:
        return "refused" if "ValidatingAdmissionPolicy 'irsa-sidecar'" in str(refusal) else str(refusal)
    return "warned" if any(WARNINGS in warning for warning in warnings) else "admitted"


async def test_kustomize_sets_image_and_region(api: Api) -> None:
    documents = [document.content for document in together("policy")]
    (parameters,) = (found for found in documents if found["kind"] == "ConfigMap")
    parameters["data"] |= {"image": "registry.example/irsa-sidecar:kustomized", "region": "eu-north-1"}
    async with installed(api, documents):
        wanted = options(image="registry.example/irsa-sidecar:kustomized", region="eu-north-1")
        await compared(api, pod(), await a_namespace(api), wanted)


@pytest.mark.parametrize(
    "spoilt",
    [
        {},
        {"image": ""},
        {"region": ""},
        {"audience": ""},
        {"tokenExpirationSeconds": "soon"},
        {"resources.limits.memory": "much"},
        {"resources.requests.cpu": ""},
    ],
    ids=str,
)
async def test_without_a_parameter_no_pod_is_changed_by_half(api: Api, spoilt: dict[str, str]) -> None:
    documents = objects(OPTIONS)
    (parameters,) = (found for found in documents if found["kind"] == "ConfigMap")
    async with installed(api, documents):
        await api.apply(parameters | {"data": parameters["data"] | spoilt if spoilt else {}})
        namespace = await a_namespace(api)
        async with asyncio.timeout(HANGS_AFTER):
            while not (refusal := await refusal_of(api, labelled(pod(), role=ROLE), namespace)):
                await asyncio.sleep(0.05)

    name = parameters["metadata"]["name"]
    assert f"no sidecar was added: ConfigMap irsa-sidecar/{name} must exist with all parameters" in refusal


async def refusal_of(api: Api, asking: Manifest, namespace: str) -> str:
    try:
        await api.dry_run(asking, namespace)
    except Refused as refusal:
        return str(refusal)
    return ""


async def test_an_administrator_gives_the_sidecar_other_resources(api: Api) -> None:
    documents = objects(OPTIONS)
    (parameters,) = (found for found in documents if found["kind"] == "ConfigMap")
    del parameters["data"]["resources.limits.memory"]
    parameters["data"] |= {"resources.limits.cpu": "1", "resources.requests.cpu": "50m"}
    async with installed(api, documents):
        admitted = await api.dry_run(labelled(pod(), role=ROLE), await a_namespace(api))

    sidecar = named(admitted["spec"]["initContainers"])["irsa-sidecar"]
    assert sidecar["resources"] == {"limits": {"cpu": "1"}, "requests": {"cpu": "50m", "memory": "64Mi"}}


async def test_no_pod_is_admitted_without_the_sidecar_whatever_changes_meanwhile(api: Api) -> None:
    tally = await load(api, 600)

    assert tally.outcomes["bare"] == tally.outcomes["half"] == 0
    assert tally.outcomes.keys() <= {"one", "two", "no sidecar was added", "no role"}
    assert {"one", "no sidecar was added"} <= tally.outcomes.keys()


async def test_while_one_policy_replaces_another_each_pod_gets_the_whole_of_one(api: Api) -> None:
    tally = await upgrades(api, 2)

    assert {"one", "two"} <= tally.outcomes.keys() <= {"one", "two", "no sidecar was added"}


async def test_the_oldest_kubernetes_that_has_such_policies_knows_all_of_them(cluster: Cluster) -> None:
    """`cluster` is here for its check that the programs exist. This API server offers what 1.36 offers."""
    async with (
        an_api_server("--emulated-version=1.36", "--min-compatibility-version=1.35") as api,
        in_force(api, OPTIONS),
    ):
        await compared(api, pod(), await a_namespace(api), OPTIONS)


VARIANTS: dict[str, Any] = {
    "usual": {},
    "metadata": IMDS,
    "metadata alone": METADATA_ALONE,
    "another server's STS": {"region": "", "settings": {"AWS_ENDPOINT_URL_STS": "https://sts.example"}},
    "all of the pod": {
        "image_pull_policy": "Always",
        "priority_class": "system-node-critical",
        "image_pull_secrets": ("registry", "mirror"),
        "resources": Resources({"cpu": "20m"}, {"memory": "none", "ephemeral-storage": "1Gi"}),
    },
}


@pytest.mark.parametrize("changes", VARIANTS.values(), ids=VARIANTS.keys())
async def test_made_up_pods_get_what_inject_adds_or_are_refused_as_it_refuses(
    api: Api, changes: dict[str, Any]
) -> None:
    wanted = options(image="registry.example/irsa-sidecar:made-up", **changes)
    async with in_force(api, wanted):
        namespace = await a_namespace(api)
        for found in made_up(99, 50):
            if inject(found, wanted).refused:
                assert await verdict(api, labelled(found, role=ROLE), namespace) == "refused", found
            else:
                await compared(api, found, namespace, wanted)
