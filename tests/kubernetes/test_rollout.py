"""docs/rollout.md is done: policies installed, a workload labelled, its pods alive on a node, an upgrade, a removal.

The API server and the tokens are real; STS is the lab's, and the node is simulated.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from copy import deepcopy
from pathlib import Path

import pytest
import yaml

from sidecar import __version__
from tests.kubernetes.api import Api, Refused
from tests.kubernetes.cluster import Cluster
from tests.kubernetes.documents import Manifest, pod_of
from tests.kubernetes.namespaces import a_namespace
from tests.kubernetes.policies import remove, until_in_force
from tests.kubernetes.rolling import DEPLOYMENT, NEW, OLD, PAGE, ROLES, Roll, a_roll, image_in, works
from tests.manifests.rendering import MANIFESTS, rendered

INSTALL, *_ = re.findall(r"^```sh\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


@pytest.fixture
async def roll(api: Api, cluster: Cluster, tmp_path: Path) -> AsyncIterator[Roll]:
    async with a_roll(api, cluster, tmp_path) as found:
        yield found


def printed(directory: Path, image: str) -> list[Manifest]:
    """What the page's first command writes, with an image of this machine."""
    command = INSTALL.replace(f"REGISTRY/irsa-sidecar:{__version__}", image).replace("kubectl", ": kubectl")
    environ = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    subprocess.run(["sh", "-ec", command], cwd=directory, env=environ, check=True)
    return list(yaml.safe_load_all((directory / "irsa-sidecar.yaml").read_text()))


def built(directory: Path, image: str) -> list[Manifest]:
    """What `kubectl apply -k` sends for manifests/policy, with an image of this machine in its kustomization."""
    overlay = Path(shutil.copytree(MANIFESTS / "policy", directory / image.replace(":", "-")))
    kustomization = overlay / "kustomization.yaml"
    kustomization.write_text(kustomization.read_text().replace(f"irsa-sidecar:{__version__}", image))
    return list(yaml.safe_load_all(rendered(overlay)))


async def applied(api: Api, documents: list[Manifest], image: str) -> None:
    for document in documents:
        await api.apply(document)
    await until_in_force(api, image, await a_namespace(api))


@pytest.mark.parametrize("documents", [printed, built])
async def test_a_workload_is_rolled_out_upgraded_and_left_alone_again(
    roll: Roll, tmp_path: Path, documents: Callable[[Path, str], list[Manifest]]
) -> None:
    api, old = roll.api, documents(tmp_path, OLD)
    await applied(api, old, OLD)
    kept = await api.create(DEPLOYMENT, roll.namespace)
    assert "initContainers" not in kept["spec"]["template"]["spec"]

    async with roll.pod("web-1") as before:
        await works(before)

        new = documents(tmp_path, NEW)
        await applied(api, new, NEW)
        async with roll.pod("web-2") as after:
            await works(after)
        assert (image_in(before), image_in(after)) == (OLD, NEW)
        await works(before)

    await remove(api, [*old, *new])
    template = pod_of(DEPLOYMENT)
    assert template
    bare = await api.dry_run(template, roll.namespace)
    assert "initContainers" not in bare["spec"]


async def test_a_namespaces_config_map_is_enough(roll: Roll, tmp_path: Path) -> None:
    documents = printed(tmp_path, OLD)
    await applied(roll.api, documents, OLD)
    unannotated = deepcopy(DEPLOYMENT)
    del unannotated["spec"]["template"]["metadata"]["annotations"]
    await roll.api.create(unannotated, roll.namespace)
    asking = pod_of(unannotated)
    assert asking
    with pytest.raises(Refused) as refusal:
        await roll.api.dry_run(asking, roll.namespace)
    assert str(refusal.value).partition(" is forbidden: ")[2] in " ".join(PAGE.split())
    await roll.api.create(ROLES, roll.namespace)

    async with roll.pod("web-2") as running_pod:
        await works(running_pod)
    await remove(roll.api, documents)
