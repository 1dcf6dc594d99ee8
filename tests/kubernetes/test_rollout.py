"""docs/rollout.md is done: policies installed, a workload labelled, its pods alive on a node, an upgrade, a removal.

The API server and the tokens are real; STS is the lab's, and the node is simulated.
"""

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from sidecar import __version__
from tests.free_ports import free_ports
from tests.kubernetes.account import ROLE, WHO, Account, an_account
from tests.kubernetes.api import Api, Refused
from tests.kubernetes.cluster import Cluster
from tests.kubernetes.documents import ROOT, Manifest, pod_of
from tests.kubernetes.kubelet.node import Image, Node, image_of
from tests.kubernetes.kubelet.pod import Pod, running
from tests.kubernetes.live_pods import ADMIN, CREDENTIALS, programs
from tests.kubernetes.namespaces import a_namespace
from tests.kubernetes.policies import remove, until_in_force
from tests.kubernetes.real_tokens import NODE, RunningPod, project, publish

PAGE = (ROOT / "docs" / "rollout.md").read_text()
INSTALL, *_ = re.findall(r"^```sh\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
DEPLOYMENT, ROLES = (
    yaml.safe_load(block.replace("arn:aws:iam::111122223333:role/web", ROLE))
    for block in re.findall(r"^```yaml\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)[:2]
)
SAID = f"works as {WHO}"
OLD, NEW = "irsa-sidecar:0.1.0", "irsa-sidecar:0.1.1"


@dataclass(frozen=True, slots=True)
class Roll:
    """A namespace whose workload is rolled out: each pod is made as its controller would, and lives on a node."""

    api: Api
    namespace: str
    directory: Path
    account: Account

    @asynccontextmanager
    async def pod(self, name: str) -> AsyncIterator[Pod]:
        """The Deployment's next pod: admitted and kept by the API server, and run."""
        made = pod_of(await self.api.get(f"/apis/apps/v1/namespaces/{self.namespace}/deployments/web"))
        assert made
        made["metadata"] |= {"name": name, "namespace": self.namespace}
        made["spec"] |= {"nodeName": NODE, "automountServiceAccountToken": False}
        admitted = RunningPod(self.api, await self.api.create(made, self.namespace))
        project(self.directory / "tokens" / self.namespace / admitted.account, await admitted.token())
        async with running(admitted.manifest, self._node(self.directory / name)) as pod:
            yield pod

    def _node(self, directory: Path) -> Node:
        directory.mkdir()
        credentials, admin = free_ports(2)
        listen = {"SIDECAR_LISTEN": f"127.0.0.1:{credentials}", "SIDECAR_ADMIN_LISTEN": f"127.0.0.1:{admin}"}
        path = f"{programs(directory)}:{Path(sys.executable).parent}:/usr/bin:/bin"
        return Node(
            directory,
            images={"irsa-sidecar": image_of(ROOT / "Dockerfile"), "registry.example/web": Image(("aws",), ("work",))},
            tokens=self.directory / "tokens",
            ports={CREDENTIALS: credentials, ADMIN: admin},
            config_maps={},
            variables={**self.account.environment, **listen, "PATH": path},
        )


@pytest.fixture
async def roll(api: Api, cluster: Cluster, tmp_path: Path) -> AsyncIterator[Roll]:
    namespace = await a_namespace(api)
    await api.create({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "web"}}, namespace)
    if not (await api.get("/api/v1/nodes"))["items"]:
        await api.create({"apiVersion": "v1", "kind": "Node", "metadata": {"name": NODE}}, "")
    await publish(api, cluster.bucket)
    of_the_role = RunningPod(api, {"metadata": {"namespace": namespace}, "spec": {"serviceAccountName": "web"}})
    async with an_account(tmp_path, cluster.bucket, of_the_role) as account:
        yield Roll(api, namespace, tmp_path, account)


def printed(directory: Path, image: str) -> list[Manifest]:
    """What the page's first command writes, with an image of this machine."""
    command = INSTALL.replace(f"REGISTRY/irsa-sidecar:{__version__}", image).replace("kubectl", ": kubectl")
    environ = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    subprocess.run(["sh", "-ec", command], cwd=directory, env=environ, check=True)
    return list(yaml.safe_load_all((directory / "irsa-sidecar.yaml").read_text()))


async def applied(api: Api, documents: list[Manifest], image: str) -> None:
    for document in documents:
        await api.apply(document)
    await until_in_force(api, image, await a_namespace(api))


async def works(pod: Pod) -> None:
    """Until the application has said once more who it is to AWS."""
    times = pod["web"].log.count(SAID)
    while pod["web"].log.count(SAID) == times:
        assert not pod.over.is_set(), pod.story
        await asyncio.sleep(0.05)


async def test_a_workload_is_rolled_out_upgraded_and_left_alone_again(roll: Roll, tmp_path: Path) -> None:
    api, old = roll.api, printed(tmp_path, OLD)
    await applied(api, old, OLD)
    kept = await api.create(DEPLOYMENT, roll.namespace)
    assert "initContainers" not in kept["spec"]["template"]["spec"]

    async with roll.pod("web-1") as before:
        await works(before)

        new = printed(tmp_path, NEW)
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


def image_in(pod: Pod) -> str:
    (sidecar,) = pod.manifest["spec"]["initContainers"]
    return str(sidecar["image"])
