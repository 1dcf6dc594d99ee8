"""What a kubelet does with a real API server: asks for a pod's token, and writes it where the containers see it."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jwt

from sidecar.lab.cluster.atomic_writer import Access, replace_files
from tests.kubernetes.api import Api
from tests.kubernetes.bucket import Bucket
from tests.kubernetes.documents import Manifest
from tests.kubernetes.live_pods import the_pod
from tests.kubernetes.namespaces import a_namespace

NODE = "worker-1"
DISCOVERY, KEYS = "/.well-known/openid-configuration", "/openid/v1/jwks"


@dataclass(frozen=True, slots=True)
class RunningPod:
    """A pod that the API server takes for scheduled."""

    api: Api
    manifest: Manifest

    @property
    def namespace(self) -> str:
        return str(self.manifest["metadata"]["namespace"])

    @property
    def name(self) -> str:
        return str(self.manifest["metadata"]["name"])

    @property
    def account(self) -> str:
        return str(self.manifest["spec"]["serviceAccountName"])

    async def token(self, audience: str = "sts.amazonaws.com", seconds: int = 3600) -> str:
        """TokenRequest, bound to this pod. Raises `Refused`."""
        bound = {"apiVersion": "v1", "kind": "Pod", "name": self.name, "uid": self.manifest["metadata"]["uid"]}
        wanted = {"audiences": [audience], "expirationSeconds": seconds, "boundObjectRef": bound}
        asked = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": wanted}
        path = f"/api/v1/namespaces/{self.namespace}/serviceaccounts/{self.account}/token"
        token: str = (await self.api.post(path, asked))["status"]["token"]
        return token


async def a_running_pod(api: Api) -> RunningPod:
    """The pod of `manifests/pod.yaml`, kept by the API server, on a node that nobody runs."""
    if not (await api.get("/api/v1/nodes"))["items"]:
        await api.create({"apiVersion": "v1", "kind": "Node", "metadata": {"name": NODE}}, "")
    return RunningPod(api, await api.create(the_pod(nodeName=NODE), await a_namespace(api)))


async def publish(api: Api, bucket: Bucket) -> None:
    """Copy discovery and keys from the API server to the public place, as the owner of a self-hosted cluster does."""
    for path in (DISCOVERY, KEYS):
        bucket.publish(path, (await api.text(path)).encode())


def project(volume: Path, token: str) -> Path:
    """Write it as the kubelet writes; gives the file for AWS_WEB_IDENTITY_TOKEN_FILE."""
    replace_files(volume, {"token": token.encode()}, time.time(), Access(0o640))
    return volume / "token"


def claims_of(token: str) -> dict[str, Any]:
    """What it says, unverified."""
    found: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return found
