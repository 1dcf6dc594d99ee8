"""The policies of `inject --policy` in a real API server: put into force, and asked."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from copy import deepcopy

from sidecar.inject import Options
from sidecar.inject.names import (
    CONTAINER_ROLES_ANNOTATION,
    POD_ROLE_ANNOTATION,
    PROFILES_ANNOTATION,
    REQUEST_LABEL,
    ROLES,
)
from sidecar.inject.policy import objects
from sidecar.inject.policy.objects import ROLE_POLICY
from tests.inject.kit import ROLE, pod
from tests.kubernetes.api import Api, Refused
from tests.kubernetes.documents import Manifest
from tests.kubernetes.namespaces import a_namespace
from tests.waiting import HANGS_AFTER

WARNINGS = "'irsa-sidecar-warnings'"
OTHER_ROLE = "arn:aws:iam::111122223333:role/other"


def labelled(bare: Manifest, *, value: str = "enabled", role: str = "") -> Manifest:
    """The same pod, which asks for the sidecar, and perhaps names its role."""
    changed = deepcopy(bare)
    metadata = changed["metadata"]
    metadata["labels"] = metadata.get("labels", {}) | {REQUEST_LABEL: value}
    if role:
        metadata["annotations"] = metadata.get("annotations", {}) | {POD_ROLE_ANNOTATION: role}
    return changed


def asking_roles(bare: Manifest, *lines: str, profiles: str = "") -> Manifest:
    """The same pod, which names roles of its containers."""
    changed = deepcopy(bare)
    asked = {CONTAINER_ROLES_ANNOTATION: "\n".join(lines), PROFILES_ANNOTATION: profiles}
    annotations = changed["metadata"].get("annotations", {}) | {key: text for key, text in asked.items() if text}
    changed["metadata"] = changed["metadata"] | {"annotations": annotations}
    return changed


def roles(**by_account: str) -> Manifest:
    """A namespace's ConfigMap."""
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": ROLES}, "data": by_account}


@asynccontextmanager
async def in_force(api: Api, options: Options) -> AsyncIterator[None]:
    """The policies of these options, until the block ends."""
    async with installed(api, objects(options)):
        yield


@asynccontextmanager
async def installed(api: Api, documents: Sequence[Manifest]) -> AsyncIterator[None]:
    """These policies, until the block ends."""
    for document in documents:
        await api.apply(document)
    (parameters,) = (document for document in documents if document["kind"] == "ConfigMap")
    try:
        await until_in_force(api, parameters["data"]["image"], await a_namespace(api))
        yield
    finally:
        await remove(api, documents)


async def until_in_force(api: Api, image: str, namespace: str) -> None:
    """Once the API server has compiled them all: it looks for changes each second."""
    await api.apply(roles(app=ROLE), namespace)
    async with asyncio.timeout(HANGS_AFTER):
        while (
            await _image(api, namespace) != image
            or not await _is_refused(api, namespace)
            or not await _is_warned(api, namespace)
        ):
            await asyncio.sleep(0.1)


async def remove(api: Api, documents: Iterable[Manifest]) -> None:
    """As docs/rollout.md does it: all but the policy for roles, which does nothing alone, and here the namespace.

    Without any policy that has ConfigMaps as parameters, the API server ceases to follow ConfigMaps until it restarts.
    """
    for document in documents:
        if document["kind"] != "Namespace" and document["metadata"]["name"] != ROLE_POLICY:
            with suppress(Refused):
                await api.delete(document)
    namespace = await a_namespace(api)
    async with asyncio.timeout(HANGS_AFTER):
        while await _is_refused(api, namespace):
            await asyncio.sleep(0.1)


async def _image(api: Api, namespace: str) -> str:
    """The sidecar's, of a pod that gets its role from the namespace: both mutating policies take part."""
    with suppress(Refused):
        made = await api.dry_run(labelled(pod()), namespace)
        return next((str(found["image"]) for found in made["spec"].get("initContainers", [])), "")
    return ""


async def _is_warned(api: Api, namespace: str) -> bool:
    """Of a pod with the account that everybody has: by the policy of warnings alone."""
    with suppress(Refused):
        asking = labelled(pod(serviceAccountName="default"), role=ROLE)
        return any(WARNINGS in warning for warning in await api.warnings(asking, namespace))
    return False


async def _is_refused(api: Api, namespace: str) -> bool:
    """A request that is misspelt: by the validating policy alone."""
    try:
        await api.dry_run(labelled(pod(), value="misspelt", role=ROLE), namespace)
    except Refused:
        return True
    return False
