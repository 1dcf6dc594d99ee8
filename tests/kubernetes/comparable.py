"""A pod that a real API server admitted, without what differs from one time to the next."""

import re
from copy import deepcopy
from typing import Any

from sidecar.inject import Options, inject
from sidecar.inject.names import POD_ROLE_ANNOTATION, RECORD_ANNOTATION, REQUEST_LABEL
from tests.inject.kit import ROLE
from tests.kubernetes.api import Api
from tests.kubernetes.documents import Manifest
from tests.kubernetes.policies import labelled


def comparable(admitted: Manifest) -> Manifest:
    """But for names that the API server makes up, the order of volumes and mounts, and how each was asked for."""
    found = deepcopy(admitted)
    for key in ("uid", "creationTimestamp", "managedFields"):
        del found["metadata"][key]
    ours = {REQUEST_LABEL, RECORD_ANNOTATION, POD_ROLE_ANNOTATION}
    for key in ("labels", "annotations"):
        found["metadata"][key] = {
            name: value for name, value in found["metadata"].get(key, {}).items() if name not in ours
        }
    spec = found["spec"]
    for container in [*spec["containers"], *spec["initContainers"]]:
        container["volumeMounts"] = sorted(map(without_suffix, container.get("volumeMounts", [])), key=str)
    spec["volumes"] = sorted(map(without_suffix, spec["volumes"]), key=str)
    return found


def without_suffix(item: dict[str, Any]) -> dict[str, Any]:
    return item | {"name": re.sub(r"^(kube-api-access)-.*", r"\1", item["name"])}


async def compared(api: Api, bare: Manifest, namespace: str, wanted: Options) -> None:
    """That a policy makes of a pod what `inject` makes of its file, once both are admitted."""
    by_file = inject(bare, wanted)
    assert not by_file.refused

    expected = await api.dry_run(by_file.document, namespace)
    admitted = await api.dry_run(labelled(bare, role=ROLE), namespace)

    assert comparable(admitted) == comparable(expected)
