"""One API server for all tests here, if it was built."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.kubernetes import operators
from tests.kubernetes.api import Api
from tests.kubernetes.bucket import a_bucket
from tests.kubernetes.build import KUBE_APISERVER
from tests.kubernetes.cluster import Cluster, a_cluster
from tests.kubernetes.real_tokens import RunningPod, a_running_pod
from tests.needs import needs, without

BEFORE_POLICIES = (
    "--emulated-version=1.35",
    "--min-compatibility-version=1.34",
    "--disable-admission-plugins=MutatingAdmissionPolicy,ValidatingAdmissionPolicy",
)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def cluster(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Cluster]:
    needs("etcd")
    if not KUBE_APISERVER.binary.exists():
        without("there is no kube-apiserver yet: make kubernetes")
    directory = tmp_path_factory.mktemp("cluster")
    with a_bucket(directory / "bucket") as bucket:
        async with a_cluster(KUBE_APISERVER.binary, directory, bucket) as found:
            yield found


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def old_cluster(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Cluster]:
    """One that offers what Kubernetes 1.35 does, and so no MutatingAdmissionPolicy; nor does it ask other policies."""
    directory = tmp_path_factory.mktemp("old-cluster")
    with a_bucket(directory / "bucket") as bucket:
        async with a_cluster(cluster.program, directory, bucket, *BEFORE_POLICIES) as found:
            yield found


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def with_operators(cluster: Cluster) -> Cluster:
    """The same API server, which knows the operators' kinds from now on."""
    if not operators.fetch():
        without("there are no definitions of operators' kinds yet: make kubernetes")
    async with cluster.api() as api:
        await operators.define(api)
    return cluster


@pytest.fixture
async def api(cluster: Cluster) -> AsyncIterator[Api]:
    async with cluster.api() as found:
        yield found


@pytest.fixture
async def pod(api: Api) -> RunningPod:
    return await a_running_pod(api)
