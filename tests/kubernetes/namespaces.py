"""Namespaces of the real API server, with the service accounts that pods need there to be admitted."""

from tests.kubernetes.api import Api
from tests.kubernetes.documents import service_accounts

POD_SECURITY = "pod-security.kubernetes.io/enforce"


async def a_namespace(api: Api, **labels: str) -> str:
    """A new one; gives its name."""
    wanted = {"generateName": "irsa-", "labels": labels}
    made = await api.post("/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": wanted})
    name: str = made["metadata"]["name"]
    for account in service_accounts() | {"default"}:
        await api.create({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": account}}, name)
    return name


async def under_pod_security(api: Api, level: str) -> str:
    """A new namespace that enforces a Pod Security Standard: `baseline` or `restricted`."""
    return await a_namespace(api, **{POD_SECURITY: level})
