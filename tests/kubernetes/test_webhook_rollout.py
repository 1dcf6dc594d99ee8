"""docs/rollout.md is done with the webhook, on an API server that knows no policies: installed, upgraded, removed.

Its pods exchange real tokens at the lab's STS, as in test_rollout.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from copy import deepcopy
from pathlib import Path

import pytest

from tests.kubernetes.cluster import Cluster
from tests.kubernetes.documents import pod_of
from tests.kubernetes.rolling import DEPLOYMENT, NEW, OLD, ROLES, Roll, a_roll, image_in, works
from tests.kubernetes.webhooks import installed, remove


@pytest.fixture
async def roll(old_cluster: Cluster, tmp_path: Path) -> AsyncIterator[Roll]:
    async with old_cluster.api() as api, a_roll(api, old_cluster, tmp_path) as found:
        yield found


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """The webhook's."""
    made = tmp_path / "webhook"
    made.mkdir()
    return made


async def test_a_workload_is_rolled_out_upgraded_and_left_alone_again(
    roll: Roll, old_cluster: Cluster, directory: Path
) -> None:
    async with installed(old_cluster, directory, OLD) as webhook, AsyncExitStack() as stack:
        kept = await roll.api.create(DEPLOYMENT, roll.namespace)
        assert "initContainers" not in kept["spec"]["template"]["spec"]
        before = await stack.enter_async_context(roll.pod("web-1"))
        await works(before)

        for replica in list(webhook.service.replicas):
            await stack.enter_async_context(webhook.replica(NEW))
            await webhook.end(replica)
        after = await stack.enter_async_context(roll.pod("web-2"))
        await works(after)
        assert (image_in(before), image_in(after)) == (OLD, NEW)
        await works(before)

        await remove(webhook)
        template = pod_of(DEPLOYMENT)
        assert template
        assert "initContainers" not in (await roll.api.dry_run(template, roll.namespace))["spec"]


async def test_a_namespaces_config_map_is_enough(roll: Roll, old_cluster: Cluster, directory: Path) -> None:
    async with installed(old_cluster, directory, OLD):
        unannotated = deepcopy(DEPLOYMENT)
        del unannotated["spec"]["template"]["metadata"]["annotations"]
        await roll.api.create(unannotated, roll.namespace)
        await roll.api.create(ROLES, roll.namespace)

        async with roll.pod("web-1") as running_pod:
            await works(running_pod)
