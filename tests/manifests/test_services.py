"""The components compose: three services as teams write them, in one tree, by the real kustomize."""

from collections import Counter
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from sidecar import __version__
from tests.manifests.pod_spec import environment_of, settings_of, sidecar_of
from tests.manifests.rendering import Applied, rendered

TREE = Path(__file__).parent / "services"
SERVICES = {"shop": ("Deployment", "shop"), "worker": ("StatefulSet", "team-a-worker"), "report": ("CronJob", "report")}
ROLES = {name: f"arn:aws:iam::111122223333:role/{name}" for name in SERVICES}
ENDPOINT = "AWS_CONTAINER_CREDENTIALS_FULL_URI"

for_each_service = pytest.mark.parametrize("service", SERVICES)


@pytest.fixture(scope="module")
def documents() -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(rendered(TREE)))


@pytest.fixture
def sent(service: str, documents: list[dict[str, Any]]) -> Applied:
    """What concerns one of the services."""
    kind, name = SERVICES[service]
    of_others = {(kind, name) for kind, name in SERVICES.values()} - {(kind, name)} | {("Deployment", "cache")}
    others = {("Deployment", "team-a-cache"), *of_others}
    own = [each for each in documents if (each["kind"], each["metadata"]["name"]) not in others]
    return Applied(service, tuple(own))


def test_all_are_there_once_and_nothing_that_is_only_copied_from(documents: list[dict[str, Any]]) -> None:
    found = Counter(each["kind"] for each in documents)
    assert found == {
        "ServiceAccount": 3, "Service": 1, "ConfigMap": 1, "Deployment": 2, "StatefulSet": 1, "CronJob": 1,
        "NetworkPolicy": 1,
    }  # fmt: skip


def test_each_service_can_be_applied_by_itself_too() -> None:
    for service in SERVICES:
        assert "name: irsa-sidecar\n" in rendered(TREE / service)


@pytest.mark.parametrize("version", ["1.29", "1.33", "1.37"])
def test_kubernetes_knows_every_field(version: str, documents: list[dict[str, Any]]) -> None:
    for document in documents:
        kubernetes_validate.validate(document, version, strict=True)


@for_each_service
def test_the_sidecar_runs_with_the_services_own_role(service: str, sent: Applied) -> None:
    assert settings_of(sent).roles.default_role.source is not None
    assert environment_of(sidecar_of(sent.pod), sent)["AWS_ROLE_ARN"] == ROLES[service]
    assert sidecar_of(sent.pod)["image"] == f"registry.example/irsa-sidecar:{__version__}"


@for_each_service
def test_its_containers_keep_their_names_and_none_is_added(service: str, sent: Applied) -> None:
    wanted = {"shop": ["nginx", "php-fpm"], "worker": ["worker"], "report": ["quarterly"]}
    assert [each["name"] for each in sent.pod["containers"]] == wanted[service]
    init = {"worker": ["irsa-sidecar", "migrate"]}
    assert [each["name"] for each in sent.pod["initContainers"]] == init.get(service, ["irsa-sidecar"])


@for_each_service
def test_each_container_is_told_the_way(service: str, sent: Applied) -> None:
    variable = "AWS_EC2_METADATA_SERVICE_ENDPOINT" if service == "report" else ENDPOINT
    for container in sent.pod["containers"]:
        assert environment_of(container, sent)[variable].startswith("http://127.0.0.1:")
        mounts = [each["mountPath"] for each in container.get("volumeMounts", [])]
        assert ("/var/run/irsa-sidecar" in mounts) == (service != "report")


@pytest.mark.parametrize("service", ["shop"])
def test_what_a_container_has_of_its_own_stays(service: str, sent: Applied) -> None:
    nginx, php = sent.pod["containers"]
    assert nginx["ports"] == [{"name": "admin", "containerPort": 8080}]
    assert php["volumeMounts"][0] == {"name": "cache", "mountPath": "/var/cache"}
    assert environment_of(php, sent)["AWS_REGION"] == "us-east-1"
    assert environment_of(php, sent)["THEME"] == "light"
    assert "AWS_REGION" not in environment_of(nginx, sent)


@pytest.mark.parametrize("service", ["worker", "report"])
def test_the_region_comes_with_its_component(service: str, sent: Applied) -> None:
    for container in sent.pod["containers"]:
        region = environment_of(sidecar_of(sent.pod), sent)["AWS_REGION"]
        assert environment_of(container, sent)["AWS_DEFAULT_REGION"] == region


def test_a_workload_without_the_label_is_left_alone(documents: list[dict[str, Any]]) -> None:
    (cache,) = [each for each in documents if each["metadata"]["name"] == "team-a-cache"]
    assert cache["spec"]["template"]["spec"] == {"containers": [{"name": "redis", "image": "registry.example/redis:7"}]}


def test_a_network_policy_is_for_those_who_ask_for_it(documents: list[dict[str, Any]]) -> None:
    (policy,) = [each for each in documents if each["kind"] == "NetworkPolicy"]
    wanted = policy["spec"]["podSelector"]["matchLabels"]
    assert wanted == {"irsa-sidecar/network-policy": "enabled"}
    chosen = [
        each["metadata"]["name"]
        for each in documents
        if (template := _template(each)) and wanted.items() <= template["metadata"].get("labels", {}).items()
    ]
    assert chosen == ["shop"]


def _template(document: dict[str, Any]) -> dict[str, Any] | None:
    spec = document.get("spec", {})
    found: dict[str, Any] | None = spec.get("jobTemplate", {}).get("spec", spec).get("template")
    return found
