"""Every manifest is what the API of each Kubernetes since 1.28 understands, to the field."""

import copy
import functools
from typing import Any

import kubernetes_validate
import pytest
from kubernetes_validate import utils

from tests.manifests.rendering import MANIFESTS, NAMES, applied, files, load

MINORS = sorted({int(version.split(".")[1]) for version in utils.all_versions()})
SINCE = 28
NO_SCHEMA = {"Kustomization", "Component", "ClusterConfiguration", "PodMonitor", "PrometheusRule"}
"""What kustomize, kubeadm and the Prometheus operator read: no API of Kubernetes itself."""


@pytest.fixture(autouse=True)
def _schemas_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(utils, "schema_contents", kept)


kept = functools.lru_cache(maxsize=400)(utils.schema_contents)
TRIED = [f"1.{minor}" for minor in MINORS if minor >= SINCE]


def test_no_version_since_then_is_left_out() -> None:
    assert {f"1.{minor}" for minor in range(SINCE, 38)} <= set(TRIED)


@pytest.mark.parametrize("version", TRIED)
@pytest.mark.parametrize("name", NAMES)
def test_it_is_valid(name: str, version: str) -> None:
    for document in applied(name).documents:
        kubernetes_validate.validate(document, version, strict=True)


@pytest.mark.parametrize(
    ("path", "value"),
    [(("containers", 0, "imagee"), "x"), (("initContainers", 0, "startupProbe"), []), (("fsGroup",), 1)],
)
def test_a_mistake_is_found(path: tuple[Any, ...], value: object) -> None:
    pod = copy.deepcopy(applied("pod.yaml").workload)
    place: Any = pod["spec"]
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(pod, TRIED[-1], strict=True)


@pytest.mark.parametrize("file", [str(file.relative_to(MANIFESTS)) for file in files()])
def test_every_file_is_part_of_something_that_is_applied(file: str) -> None:
    """A file that no kustomization names would be tested by nobody."""
    path = MANIFESTS / file
    if path.name in {"kustomization.yaml", "pod.yaml"}:
        return
    if path.name == "kubeadm.yaml":
        assert load(file)["kind"] in NO_SCHEMA
        return
    named = load(str(path.parent.relative_to(MANIFESTS) / "kustomization.yaml"))
    patches = [patch.get("path") for patch in named.get("patches", [])]
    copied = [replacement.get("path") for replacement in named.get("replacements", [])]
    assert path.name in [*named.get("resources", []), *patches, *copied]
