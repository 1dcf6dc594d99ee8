"""The components do the same to a CronJob, which has its pod template elsewhere, as to other workloads."""

import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.manifests.rendering import MANIFESTS, Applied, rendered

COMPONENTS = MANIFESTS / "components"
FOR_PODS_THAT_STAY = {"classic-sidecar"}
"""Would keep a CronJob's pod running for ever: docs/kubernetes.md says what to do instead."""
OF_EVERY_POD = ["native-sidecar"]
CHANGES = [*COMPONENTS.glob("*/replacements.yaml"), *COMPONENTS.glob("*/pod-template.yaml")]
ALL = sorted({path.parent.name for path in CHANGES} - FOR_PODS_THAT_STAY)


def with_components(kind: str, components: list[str], directory: Path) -> Applied:
    """The same pod template in a workload of this kind."""
    directory.mkdir()
    name = f"{kind}.yaml"
    (directory / name).write_text(yaml.safe_dump(workload(kind)))
    kustomization = {
        "resources": [name],
        "components": [os.path.relpath(COMPONENTS / each, directory) for each in components],
    }
    (directory / "kustomization.yaml").write_text(yaml.safe_dump(kustomization))
    return Applied(kind, tuple(yaml.safe_load_all(rendered(directory))))


def workload(kind: str) -> dict[str, Any]:
    metadata = {"name": "any", "labels": {"irsa-sidecar": "enabled"}}
    template = {"spec": {"containers": [{"name": "app", "image": "any"}]}}
    if kind == "CronJob":
        spec: dict[str, Any] = {"schedule": "17 * * * *", "jobTemplate": {"spec": {"template": template}}}
        return {"apiVersion": "batch/v1", "kind": kind, "metadata": metadata, "spec": spec}
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": metadata, "spec": {"template": template}}


@pytest.mark.parametrize("component", ALL)
def test_a_cron_job_gets_what_other_workloads_get(component: str, tmp_path: Path) -> None:
    components = list(dict.fromkeys([*OF_EVERY_POD, component]))
    templates = [with_components(kind, components, tmp_path / kind).template for kind in ("Deployment", "CronJob")]
    assert templates[0] == templates[1]


def test_what_would_never_end_is_not_put_into_a_cron_job(tmp_path: Path) -> None:
    (application,) = with_components("CronJob", ["classic-sidecar"], tmp_path / "CronJob").pod["containers"]
    assert application["name"] == "app"
