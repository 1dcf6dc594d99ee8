"""`inject --policy` in a real API server: pods that ask for the sidecar get what `inject` adds, or are refused."""

import re
from collections.abc import AsyncIterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from sidecar.inject import Options, inject
from sidecar.inject.names import RECORD_ANNOTATION, REQUEST_LABEL
from tests.inject.kit import ROLE, named, options, pod
from tests.inject.specimens import SPECIMENS, Specimen
from tests.kubernetes.api import Api, Refused
from tests.kubernetes.cluster import Cluster
from tests.kubernetes.documents import Manifest, plain_files, pod_of
from tests.kubernetes.namespaces import a_namespace, under_pod_security
from tests.kubernetes.policies import OTHER_ROLE, in_force, labelled, roles

GOLDEN = Path(__file__).parents[1] / "inject" / "golden"
OPTIONS = options(image="registry.example/irsa-sidecar:policy")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def _policies(cluster: Cluster) -> AsyncIterator[None]:
    async with cluster.api() as api, in_force(api, OPTIONS):
        yield


with_the_policies = pytest.mark.usefixtures("_policies")


def workloads() -> dict[str, Manifest]:
    """The pod of each kind of workload, as its controller makes it."""
    found = plain_files(GOLDEN)
    return {
        str(document): made
        for document in found
        if not re.search(r"\.(injected|classic)\.", document.source) and (made := pod_of(document.content))
    }


def app(name: str = "app", **fields: Any) -> dict[str, Any]:
    return {"name": name, "image": "app"} | fields


VARIABLE = {"name": "HOME", "value": "/"}
OWN_REGION = {"name": "AWS_REGION", "value": "us-east-1"}
OWN_CHOICE = {"name": "AWS_EC2_METADATA_DISABLED", "value": "false"}
MOUNT = {"name": "data", "mountPath": "/data"}
DATA = {"name": "data", "emptyDir": {}}
SHAPES = workloads() | {
    "bare": pod(),
    "two containers": pod(containers=[app(), app("b", env=[VARIABLE], volumeMounts=[MOUNT])], volumes=[DATA]),
    "init containers": pod(initContainers=[app("a"), app("b", env=[VARIABLE])]),
    "a native sidecar": pod(initContainers=[app("proxy", restartPolicy="Always")]),
    "root": pod(securityContext={"runAsUser": 0}),
    "a user": pod(securityContext={"runAsUser": 1000, "fsGroup": 1000}),
    "a container's user": pod(containers=[app(securityContext={"runAsUser": 0})]),
    "own region": pod(containers=[app(env=[OWN_REGION]), app("b")]),
    "own endpoint": pod(containers=[app(env=[OWN_CHOICE])]),
    "no token of the API server's": pod(automountServiceAccountToken=False),
    "own label": pod() | {"metadata": {"name": "app", "labels": {"irsa-sidecar": "mine"}}},
    "annotations": pod() | {"metadata": {"name": "app", "annotations": {"a/b": "c"}}},
    "job": pod(restartPolicy="Never"),
    "node's network": pod(hostNetwork=True),
    "fifty containers": pod(containers=[app(f"c{number}") for number in range(50)]),
}


@pytest.mark.parametrize("shape", SHAPES)
@with_the_policies
async def test_a_pod_gets_what_inject_adds(api: Api, shape: str) -> None:
    await compared(api, SHAPES[shape], await a_namespace(api), OPTIONS)


@pytest.mark.parametrize("shape", workloads())
@with_the_policies
async def test_a_restricted_namespace_admits_it(api: Api, shape: str) -> None:
    await compared(api, SHAPES[shape], await under_pod_security(api, "restricted"), OPTIONS)


async def compared(api: Api, bare: Manifest, namespace: str, wanted: Options) -> None:
    by_file = inject(bare, wanted)
    assert not by_file.refused

    expected = await api.dry_run(by_file.document, namespace)
    admitted = await api.dry_run(labelled(bare, role=ROLE), namespace)

    assert comparable(admitted) == comparable(expected)


def comparable(admitted: Manifest) -> Manifest:
    """But for names that the API server makes up, the order of volumes and mounts, and how each was asked for."""
    found = deepcopy(admitted)
    for key in ("uid", "creationTimestamp", "managedFields"):
        del found["metadata"][key]
    ours = {REQUEST_LABEL, RECORD_ANNOTATION, "irsa-sidecar/role-arn"}
    for key in ("labels", "annotations"):
        found["metadata"][key] = {
            name: value for name, value in found["metadata"].get(key, {}).items() if name not in ours
        }
    spec = found["spec"]
    for container in [*spec["containers"], *spec["initContainers"]]:
        container["volumeMounts"] = sorted(map(without_suffix, container.get("volumeMounts", [])), key=str)
    spec["volumes"] = sorted(map(without_suffix, spec["volumes"]), key=str)
    return found


def without_suffix(item: dict[str, Any]) -> dict[str, Any]:
    return item | {"name": re.sub(r"^(kube-api-access)-.*", r"\1", item["name"])}


# --- the role --------------------------------------------------------------------------------------------------------


@with_the_policies
async def test_the_namespaces_config_map_names_the_role_of_each_account(api: Api) -> None:
    namespace = await a_namespace(api)
    await api.create({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "second"}}, namespace)
    await api.create(roles(app=ROLE, second=OTHER_ROLE), namespace)

    assert role_of(await api.dry_run(labelled(pod()), namespace)) == ROLE
    other = pod(serviceAccountName="second")
    assert role_of(await api.dry_run(labelled(other), namespace)) == OTHER_ROLE


@with_the_policies
async def test_a_pods_annotation_comes_before_the_namespaces_config_map(api: Api) -> None:
    namespace = await a_namespace(api)
    await api.create(roles(app=ROLE), namespace)

    admitted = await api.dry_run(labelled(pod(), role=OTHER_ROLE), namespace)

    assert role_of(admitted) == OTHER_ROLE


@with_the_policies
async def test_a_pod_without_a_role_is_refused_with_both_ways_to_name_one(api: Api) -> None:
    refusal = await refused(api, labelled(pod()))

    assert "no role: give the pod the annotation irsa-sidecar/role-arn, or the namespace a ConfigMap" in refusal


@with_the_policies
async def test_what_is_no_role_is_refused(api: Api) -> None:
    refusal = await refused(api, labelled(pod(), role="payments"))

    assert refusal.endswith("denied request: payments is not the ARN of an IAM role")


def role_of(admitted: Manifest) -> str:
    sidecar = named(admitted["spec"]["initContainers"])["irsa-sidecar"]
    return str(named(sidecar["env"])["AWS_ROLE_ARN"]["value"])


async def refused(api: Api, asking: Manifest) -> str:
    """The sentence of the refusal."""
    with pytest.raises(Refused) as refusal:
        await api.dry_run(asking, await a_namespace(api))
    return str(refusal.value)


# --- who asks --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bare", [pod(), labelled(pod(), value="disabled")])
@with_the_policies
async def test_a_pod_that_does_not_ask_is_left_alone(api: Api, bare: Manifest) -> None:
    admitted = await api.dry_run(bare, await a_namespace(api))

    assert "initContainers" not in admitted["spec"]
    assert [container.get("env") for container in admitted["spec"]["containers"]] == [None]


@with_the_policies
async def test_a_request_that_is_misspelt_is_refused(api: Api) -> None:
    refusal = await refused(api, labelled(pod(), value="true", role=ROLE))

    assert "the label irsa-sidecar/inject has another value than enabled and disabled" in refusal


@with_the_policies
async def test_a_pod_that_has_the_sidecar_keeps_it(api: Api) -> None:
    by_file = inject(pod(), options(image="registry.example/irsa-sidecar:of-the-file"))
    namespace = await a_namespace(api)

    admitted = await api.dry_run(labelled(by_file.document, role=OTHER_ROLE), namespace)

    assert comparable(admitted) == comparable(await api.dry_run(by_file.document, namespace))


# --- what is judged --------------------------------------------------------------------------------------------------


def groups() -> dict[str, list[Specimen]]:
    """Those of the same options: one policy judges them."""
    found: dict[str, list[Specimen]] = {}
    for specimen in SPECIMENS:
        if not specimen.unseen:
            found.setdefault(str(dict(specimen.changes)), []).append(specimen)
    return found


@pytest.mark.parametrize("group", groups().values(), ids=groups().keys())
async def test_the_policies_judge_as_inject_does(api: Api, group: list[Specimen]) -> None:
    async with in_force(api, group[0].options):
        namespace = await a_namespace(api)
        judged = {specimen.name: await verdict(api, labelled(specimen.pod, role=ROLE), namespace) for specimen in group}

    assert judged == {specimen.name: specimen.verdict for specimen in group}


async def verdict(api: Api, asking: Manifest, namespace: str) -> str:
    try:
        warnings = await api.warnings(asking, namespace)
    except Refused as refusal:
        return "refused" if "ValidatingAdmissionPolicy 'irsa-sidecar'" in str(refusal) else str(refusal)
    return "warned" if any("'irsa-sidecar-warnings'" in warning for warning in warnings) else "admitted"
