"""`irsa-sidecar webhook` asked by a real API server that knows no MutatingAdmissionPolicy: what it makes of pods."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from sidecar.inject import inject
from tests.inject.kit import ROLE, options, pod
from tests.kubernetes.api import Api, Refused
from tests.kubernetes.cluster import Cluster
from tests.kubernetes.comparable import comparable, compared
from tests.kubernetes.made_up_pods import made_up
from tests.kubernetes.namespaces import a_namespace, under_pod_security
from tests.kubernetes.policies import OTHER_ROLE, labelled, roles
from tests.kubernetes.test_policy import SHAPES, filled_in, role_of, workloads
from tests.kubernetes.webhooks import Installation, installed, verdict

pytestmark = pytest.mark.asyncio(loop_scope="session")  # the one in which the webhook's Service lives
IMAGE = "registry.example/irsa-sidecar:webhook"
OPTIONS = options(image=IMAGE)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def webhook(old_cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Installation]:
    async with installed(old_cluster, tmp_path_factory.mktemp("webhook"), IMAGE, replicas=1) as found:
        yield found


@pytest_asyncio.fixture(loop_scope="session")
async def api(old_cluster: Cluster, webhook: Installation) -> AsyncIterator[Api]:
    async with old_cluster.api() as found:
        yield found


async def test_the_api_server_has_no_policies_that_could_do_it(api: Api) -> None:
    served = await api.get("/apis/admissionregistration.k8s.io/v1")

    assert "mutatingadmissionpolicies" not in {kind["name"] for kind in served["resources"]}


@pytest.mark.parametrize("shape", SHAPES)
async def test_a_pod_gets_what_inject_adds(api: Api, shape: str) -> None:
    await compared(api, SHAPES[shape], await a_namespace(api), OPTIONS)


@pytest.mark.parametrize("shape", workloads())
async def test_a_restricted_namespace_admits_it(api: Api, shape: str) -> None:
    await compared(api, SHAPES[shape], await under_pod_security(api, "restricted"), OPTIONS)


async def test_made_up_pods_get_what_inject_adds_or_are_refused_as_it_refuses(api: Api) -> None:
    namespace = await a_namespace(api)
    for found in made_up(98, 100):
        if inject(found, OPTIONS).refused:
            assert await verdict(api, labelled(found, role=ROLE), namespace) == "refused", found
        else:
            await compared(api, found, namespace, OPTIONS)


# --- the role --------------------------------------------------------------------------------------------------------


async def test_the_namespaces_config_map_names_the_role_of_each_account(api: Api) -> None:
    namespace = await a_namespace(api)
    await api.create({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "second"}}, namespace)
    await api.create(roles(app=ROLE, second=OTHER_ROLE), namespace)

    assert role_of(await api.dry_run(labelled(pod()), namespace)) == ROLE
    other = pod(serviceAccountName="second")
    assert role_of(await api.dry_run(labelled(other), namespace)) == OTHER_ROLE
    assert role_of(await api.dry_run(labelled(pod(), role=OTHER_ROLE), namespace)) == OTHER_ROLE


async def test_a_role_counts_as_soon_as_it_is_there(api: Api) -> None:
    namespace = await a_namespace(api)
    with pytest.raises(Refused, match="no role: give the pod the annotation irsa-sidecar/role-arn, or the namespace"):
        await api.dry_run(labelled(pod()), namespace)

    await api.create(roles(app=ROLE), namespace)

    assert role_of(await api.dry_run(labelled(pod()), namespace)) == ROLE


async def test_what_is_no_role_is_refused(api: Api) -> None:
    with pytest.raises(Refused, match="denied the request: payments is not the ARN of an IAM role"):
        await api.dry_run(labelled(pod(), role="payments"), await a_namespace(api))


# --- who asks --------------------------------------------------------------------------------------------------------


async def test_a_pod_that_does_not_ask_is_left_alone_and_the_webhook_is_not_asked(
    api: Api, webhook: Installation
) -> None:
    before = await webhook.reviews()

    for bare in (pod(), labelled(pod(), value="disabled")):
        assert "initContainers" not in (await api.dry_run(bare, await a_namespace(api)))["spec"]

    assert await webhook.reviews() == before


async def test_a_pod_that_has_the_sidecar_keeps_it(api: Api) -> None:
    by_file = inject(pod(), options(image="registry.example/irsa-sidecar:of-the-file"))
    namespace = await a_namespace(api)

    admitted = await api.dry_run(labelled(by_file.document, role=OTHER_ROLE), namespace)

    assert comparable(admitted) == comparable(await api.dry_run(by_file.document, namespace))


@pytest.mark.parametrize("kind", ["initContainers", "containers"])
async def test_the_role_that_such_a_sidecar_leaves_open_is_its_accounts(api: Api, kind: str) -> None:
    await filled_in(api, kind)


async def test_the_manifests_service_account_may_read_the_roles_and_nothing_else(webhook: Installation) -> None:
    """Its own token, and only that: `allowed` is what the API server says of it."""
    asked = {"verb": "list", "resource": "secrets"}, {"verb": "get", "resource": "configmaps", "name": "others"}
    for attributes in asked:
        assert not await webhook.may(attributes)
    assert await webhook.may({"verb": "get", "resource": "configmaps", "name": "irsa-sidecar-roles"})
