"""`inject --policy` in a real API server: pods that ask for the sidecar get what `inject` adds, or are refused."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from sidecar.inject import inject
from tests.inject.kit import ROLE, named, options, pod
from tests.inject.specimens import lasting
from tests.kubernetes.api import Api, Refused
from tests.kubernetes.cluster import Cluster
from tests.kubernetes.comparable import comparable, compared
from tests.kubernetes.documents import Manifest, plain_files, pod_of
from tests.kubernetes.namespaces import a_namespace, under_pod_security
from tests.kubernetes.policies import OTHER_ROLE, asking_roles, in_force, labelled, roles

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
THREE = {
    "containers": [app("web"), app("reports", env=[VARIABLE, OWN_REGION]), app("audit", volumeMounts=[MOUNT])],
    "volumes": [DATA],
}
REPORTS, AUDIT = f"reports={OTHER_ROLE}", "audit = arn:aws:iam::444455556666:role/team/audit"
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
    **{
        f"a token for {seconds} seconds": lasting(seconds)
        for seconds in ("7200", "100", "90000", "12345678901234567890")
    },
    "job": pod(restartPolicy="Never"),
    "node's network": pod(hostNetwork=True),
    "a container's role": asking_roles(pod(**THREE), REPORTS),
    "two containers' roles": asking_roles(pod(**THREE), "", REPORTS, f"  {AUDIT}\r", ""),
    "an init container's role": asking_roles(pod(initContainers=[app("a"), app("reports")]), REPORTS),
    "roles of root's containers": asking_roles(pod(**THREE, securityContext={"runAsUser": 0}), AUDIT, REPORTS),
    "containers' profiles": asking_roles(pod(**THREE), "reports=b", "audit=a", profiles="roles"),
    "one profile for two containers": asking_roles(pod(**THREE), "reports=b", "audit=b", profiles="roles"),
    "profiles for all": asking_roles(pod(**THREE), profiles="roles"),
    "twenty containers' roles": asking_roles(
        pod(containers=[app(f"c{number}") for number in range(20)]),
        *(f"c{number}={OTHER_ROLE}-{number}" for number in range(20)),
    ),
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


@with_the_policies
async def test_a_role_may_stand_in_a_block_which_ends_its_line(api: Api) -> None:
    namespace = await a_namespace(api)
    await api.create(roles(app=f"{OTHER_ROLE}\n"), namespace)

    assert role_of(await api.dry_run(labelled(pod(), role=f" {ROLE}\n"), namespace)) == ROLE
    assert role_of(await api.dry_run(labelled(pod()), namespace)) == OTHER_ROLE


@with_the_policies
async def test_what_has_several_lines_is_refused_in_one(api: Api) -> None:
    refusal = await refused(api, labelled(pod(), role=f"{ROLE}\n{OTHER_ROLE}"))

    assert refusal.endswith(f"denied request: {ROLE} {OTHER_ROLE} is not the ARN of an IAM role")


@with_the_policies
async def test_of_more_reasons_than_kubernetes_tells_the_first_are_told(api: Api) -> None:
    refusal = await refused(api, labelled(asking_roles(pod(), *(f"gone{n}={ROLE}" for n in range(70))), role=ROLE))

    assert "denied request: annotation irsa-sidecar/container-roles: gone0: the pod has no such container; " in refusal
    assert refusal.endswith(" ... and more")


@with_the_policies
async def test_of_more_warnings_than_kubernetes_tells_the_first_are_told(api: Api) -> None:
    many = pod(containers=[app(f"c{n}", envFrom=[{"configMapRef": {"name": "unseen"}}]) for n in range(40)])

    (warning,) = await api.warnings(labelled(many, role=ROLE), await a_namespace(api))

    assert "container c0, envFrom: the variables from ConfigMap unseen cannot be seen here" in warning
    assert warning.endswith(" ... and more")


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


@with_the_policies
async def test_of_such_a_pod_it_is_told_which_roles_its_sidecar_does_not_serve(api: Api) -> None:
    asked, namespace = asking_roles(pod(**THREE), REPORTS), await a_namespace(api)
    with_roles = inject(asked, options()).document
    del with_roles["metadata"]["annotations"]["irsa-sidecar/container-roles"]
    without = inject(pod(**THREE), options()).document
    without["metadata"]["annotations"] |= asked["metadata"]["annotations"]

    assert await api.warnings(labelled(with_roles), namespace) == []
    (warning,) = await api.warnings(labelled(without), namespace)
    assert "which the pod brings along, serves no roles of single containers" in warning


@pytest.mark.parametrize("kind", ["initContainers", "containers"])
@with_the_policies
async def test_the_role_that_such_a_sidecar_leaves_open_is_its_accounts(api: Api, kind: str) -> None:
    await filled_in(api, kind)


async def filled_in(api: Api, kind: str) -> None:
    """By the namespace's ConfigMap alone: where the pod has an annotation, its own sidecar may name the role too."""
    by_hand = app("irsa-sidecar", env=[{"name": "AWS_ROLE_ARN"}])
    bare = pod(**{kind: [by_hand, *([app()] if kind == "containers" else [])]})
    namespace = await a_namespace(api)
    await api.create(roles(app=ROLE), namespace)

    admitted = await api.dry_run(labelled(bare), namespace)
    assert named(named(admitted["spec"][kind])["irsa-sidecar"]["env"])["AWS_ROLE_ARN"]["value"] == ROLE
    with pytest.raises(Refused, match="has no role: write it into AWS_ROLE_ARN there"):
        await api.dry_run(labelled(bare, role=ROLE), namespace)


# --- what it costs -------------------------------------------------------------------------------------------------


@with_the_policies
async def test_a_pod_of_ten_thousand_variables_is_within_the_budget(api: Api) -> None:
    env = [{"name": f"V{number}", "value": "x"} for number in range(100)]
    many = pod(containers=[app(f"c{number}", env=env) for number in range(100)])

    admitted = await api.dry_run(labelled(many, role=ROLE), await a_namespace(api))

    assert {len(container["env"]) for container in admitted["spec"]["containers"]} == {106}
