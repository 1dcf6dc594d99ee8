"""`inject`, and what people copy and what says why (manifests/pod.yaml, and before 1.29 a component), stay the same."""

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml

from sidecar.inject import Options, inject
from tests.inject.kit import named, options, pod
from tests.manifests.rendering import applied

MANIFEST = Path(__file__).parent.parent.parent / "manifests/pod.yaml"
BY_HAND: dict[str, Any] = next(
    document for document in yaml.safe_load_all(MANIFEST.read_text()) if document["kind"] == "Pod"
)["spec"]
OF_THE_SIDECAR = {"initContainers", "volumes"}
SECURITY = ("runAsNonRoot", "seccompProfile", "allowPrivilegeEscalation", "readOnlyRootFilesystem", "capabilities")
OWN_USER = {"runAsUser", "runAsGroup"}
"""Not compared: the manifest has an fsGroup, with which any user reads the tokens; inject adds none."""


@pytest.fixture(scope="module")
def injected() -> dict[str, Any]:
    """The spec of the manifest's pod without the sidecar, after injection."""
    bare = deepcopy({key: value for key, value in BY_HAND.items() if key not in OF_THE_SIDECAR})
    for container in bare["containers"]:
        del container["env"], container["volumeMounts"]
    env = {item["name"]: item.get("value", "") for item in BY_HAND["initContainers"][0]["env"]}
    options = Options(role_arn=env["AWS_ROLE_ARN"], region=env["AWS_REGION"])
    outcome = inject({"apiVersion": "v1", "kind": "Pod", "spec": bare}, options)
    assert outcome.findings == ()
    spec: dict[str, Any] = outcome.document["spec"]
    return spec


@pytest.mark.parametrize("field", sorted(set(BY_HAND["initContainers"][0]) - {"securityContext"}))
def test_a_field_of_the_sidecar_is_the_same(field: str, injected: dict[str, Any]) -> None:
    assert injected["initContainers"][0][field] == BY_HAND["initContainers"][0][field]


def test_the_sidecar_has_no_other_fields(injected: dict[str, Any]) -> None:
    assert injected["initContainers"][0].keys() == BY_HAND["initContainers"][0].keys()


@pytest.mark.parametrize("setting", SECURITY)
def test_the_sidecar_runs_with_the_same_rights(setting: str, injected: dict[str, Any]) -> None:
    """inject says all of it of the container: it cannot rely on what a pod says."""

    def effective(pod: dict[str, Any]) -> Any:
        return (pod["securityContext"] | pod["initContainers"][0]["securityContext"]).get(setting)

    assert effective(injected) == effective(BY_HAND)
    assert set(injected["initContainers"][0]["securityContext"]) <= {*SECURITY, *OWN_USER}


@pytest.mark.parametrize("field", ["env", "volumeMounts"])
def test_an_application_gets_the_same(field: str, injected: dict[str, Any]) -> None:
    assert named(injected["containers"])["app"][field] == named(BY_HAND["containers"])["app"][field]


def test_the_volumes_are_the_same(injected: dict[str, Any]) -> None:
    assert injected["volumes"] == BY_HAND["volumes"]


def test_nothing_else_of_the_pod_differs(injected: dict[str, Any]) -> None:
    ours = OF_THE_SIDECAR | {"containers"}
    assert {k: v for k, v in injected.items() if k not in ours} == {k: v for k, v in BY_HAND.items() if k not in ours}


@pytest.fixture(scope="module")
def classic() -> list[dict[str, Any]]:
    """The containers of a pod after injection for clusters before 1.29."""
    containers: list[dict[str, Any]] = inject(pod(), options(classic=True)).document["spec"]["containers"]
    return containers


@pytest.fixture(scope="module")
def example() -> list[dict[str, Any]]:
    containers: list[dict[str, Any]] = applied("before-1.29").pod["containers"]
    return containers


def test_before_1_29_the_sidecar_stands_in_the_same_place(
    classic: list[dict[str, Any]], example: list[dict[str, Any]]
) -> None:
    assert [container["name"] for container in classic] == [container["name"] for container in example]


@pytest.mark.parametrize(
    "field", ["lifecycle", "startupProbe", "livenessProbe", "readinessProbe", "ports", "resources"]
)
def test_before_1_29_the_sidecar_starts_and_is_watched_the_same_way(
    field: str, classic: list[dict[str, Any]], example: list[dict[str, Any]]
) -> None:
    assert classic[0].get(field) == example[0].get(field)


def test_before_1_29_the_sidecar_has_no_other_fields(
    classic: list[dict[str, Any]], example: list[dict[str, Any]]
) -> None:
    """Its settings excepted: the example has them in a ConfigMap."""
    assert classic[0].keys() == example[0].keys() - {"envFrom"}
