"""A workload rolled out in a namespace of a real API server: its pods run, exchange real tokens, and say who they are.

STS is the lab's, and the node is simulated.
"""

import asyncio
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml

from tests.free_ports import free_ports
from tests.kubernetes.account import ROLE, WHO, Account, an_account
from tests.kubernetes.api import Api
from tests.kubernetes.cluster import Cluster
from tests.kubernetes.documents import ROOT, pod_of
from tests.kubernetes.kubelet.node import Image, Node, image_of
from tests.kubernetes.kubelet.pod import Pod, running
from tests.kubernetes.live_pods import ADMIN, CREDENTIALS, programs
from tests.kubernetes.namespaces import a_namespace
from tests.kubernetes.real_tokens import NODE, RunningPod, project, publish

PAGE = (ROOT / "docs" / "rollout.md").read_text()
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


@asynccontextmanager
async def a_roll(api: Api, cluster: Cluster, directory: Path) -> AsyncIterator[Roll]:
    """A namespace with the page's service account, and a role that trusts it."""
    namespace = await a_namespace(api)
    await api.create({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "web"}}, namespace)
    if not (await api.get("/api/v1/nodes"))["items"]:
        await api.create({"apiVersion": "v1", "kind": "Node", "metadata": {"name": NODE}}, "")
    await publish(api, cluster.bucket)
    of_the_role = RunningPod(api, {"metadata": {"namespace": namespace}, "spec": {"serviceAccountName": "web"}})
    async with an_account(directory, cluster.bucket, of_the_role) as account:
        yield Roll(api, namespace, directory, account)


async def works(pod: Pod) -> None:
    """Until the application has said once more who it is to AWS."""
    times = pod["web"].log.count(SAID)
    while pod["web"].log.count(SAID) == times:
        assert not pod.over.is_set(), pod.story
        await asyncio.sleep(0.05)


def image_in(pod: Pod) -> str:
    (sidecar,) = pod.manifest["spec"]["initContainers"]
    return str(sidecar["image"])
