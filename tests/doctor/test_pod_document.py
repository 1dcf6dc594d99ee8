"""What `kubectl get pod -o json` shows of a pod's applications, and what it cannot show."""

import json
from pathlib import Path
from typing import Any

import pytest

from sidecar.core.findings import Level
from sidecar.doctor.examination import APPLICATION
from sidecar.doctor.pod import Pod
from sidecar.doctor.pod_document import NotAPod, applications
from tests.doctor.snapshots import a_pod
from tests.manifests.pod_spec import environment_of, sidecar_of
from tests.manifests.rendering import NAMES, applied

FULL_URI = {"name": "AWS_CONTAINER_CREDENTIALS_FULL_URI", "value": "http://127.0.0.1:9911/v1/credentials"}
DISABLED = {"name": "AWS_EC2_METADATA_DISABLED", "value": "true"}


def a_document(*containers: dict[str, Any], **spec: Any) -> str:
    metadata = {"name": "api-0", "namespace": "shop", "uid": "0f1e"}
    return json.dumps({"kind": "Pod", "metadata": metadata, "spec": {"containers": list(containers), **spec}})


def a_container(*env: dict[str, Any], name: str = "web", **more: Any) -> dict[str, Any]:
    return {"name": name, "env": list(env), **more}


def from_(kind: str, **where: str) -> dict[str, Any]:
    return {"valueFrom": {kind: where}}


async def told(tmp_path: Path, document: str, sidecar: dict[str, str] | None = None) -> dict[str, Level]:
    """What the checks say of the one application in it."""
    pod: Pod = await a_pod(tmp_path / "token", sidecar)
    (application,) = applications(document)
    found = [check(pod.of(application)) for check in APPLICATION]
    return {finding.code: finding.level for finding in found if finding is not None}


def test_values_are_read_as_the_kubelet_makes_them() -> None:
    env = (
        {"name": "PORT", "value": "9911"},
        {"name": FULL_URI["name"], "value": "http://127.0.0.1:$(PORT)/$$x$(NONE)"},
        {"name": "AWS_CONTAINER_AUTHORIZATION_TOKEN", **from_("fieldRef", fieldPath="metadata.uid")},
    )
    (found,) = applications(a_document(a_container(*env)))

    assert found.variables == {
        "PORT": "9911",
        FULL_URI["name"]: "http://127.0.0.1:9911/$x$(NONE)",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN": "0f1e",
    }


def test_the_containers_that_point_at_the_sidecar_are_looked_at_or_the_one_that_is_named() -> None:
    document = a_document(
        a_container(name="irsa-sidecar"), a_container(FULL_URI), a_container(name="proxy"), initContainers=[
            a_container(FULL_URI, name="migrate"), a_container(name="chown")
        ]
    )  # fmt: skip

    assert [each.name for each in applications(document)] == ["migrate", "web"]
    assert [each.name for each in applications(document, "proxy")] == ["proxy"]
    with pytest.raises(NotAPod, match="there is no container nginx in it, but migrate, web, proxy"):
        applications(document, "nginx")


@pytest.mark.parametrize(
    "text",
    [
        '{"kind": null}',
        '{"kind": "Pod", "spec": {"containers": "x"}}',
        '{"kind": "Pod", "spec": {"containers": [{"env": [{}]}]}}',
        '{"kind": "PodList", "items": [1]}',
        "\ufeff[",
    ],
)
def test_what_is_no_pod_of_kubectls_is_refused_in_one_sentence(text: str) -> None:
    with pytest.raises(NotAPod):
        applications(text)


async def test_keys_from_a_secret_are_found_though_their_values_are_not_seen(tmp_path: Path) -> None:
    key = {"name": "AWS_SECRET_KEY", **from_("secretKeyRef", name="aws", key="secret")}

    found = await told(tmp_path, a_document(a_container(FULL_URI, DISABLED, key)))

    assert found["app-static-keys"] is Level.ERROR


async def test_an_endpoint_from_a_config_map_is_not_judged(tmp_path: Path) -> None:
    elsewhere = {"name": FULL_URI["name"], **from_("configMapKeyRef", name="aws", key="uri")}

    found = await told(tmp_path, a_document(a_container(elsewhere, DISABLED)))

    assert found["app-uri"] is Level.SKIPPED


async def test_what_may_come_from_env_from_is_not_called_missing(tmp_path: Path) -> None:
    sources = [{"configMapRef": {"name": "aws"}}, {"secretRef": {"name": "more"}}]

    found = await told(tmp_path, a_document(a_container(envFrom=sources)), {"SIDECAR_AUTH_TOKEN": "hunter2"})

    assert {found[check] for check in ("app-environment", "app-uri", "app-imds", "app-authorization")} == {
        Level.SKIPPED
    }
    assert not {Level.ERROR, Level.WARNING} & {*found.values()}


async def test_a_config_map_given_too_is_looked_into(tmp_path: Path) -> None:
    data = {FULL_URI["name"]: "http://10.0.0.1:9911/v1/credentials", "true": "true"}
    disabled = {"name": DISABLED["name"], **from_("configMapKeyRef", name="aws", key="true")}
    pod = json.loads(a_document(a_container(disabled, envFrom=[{"configMapRef": {"name": "aws"}}])))
    both = {"kind": "List", "items": [pod, {"kind": "ConfigMap", "metadata": {"name": "aws"}, "data": data}]}

    found = await told(tmp_path, json.dumps(both))

    assert (found["app-uri"], found["app-imds"]) == (Level.ERROR, Level.PASSED)
    assert "app-environment" not in found


@pytest.mark.parametrize("name", NAMES)
async def test_of_the_examples_as_a_cluster_shows_them_nothing_is_wrong(tmp_path: Path, name: str) -> None:
    sent = applied(name)
    document = {"kind": "Pod", "metadata": {"uid": "0f1e", **sent.template["metadata"]}, "spec": sent.pod}
    pod = await a_pod(tmp_path / "token", environment_of(sidecar_of(sent.pod), sent))

    for application in applications(json.dumps(document)):
        found = [check(pod.of(application)) for check in APPLICATION]

        assert [each for each in found if each and each.level in {Level.ERROR, Level.WARNING}] == []


@pytest.mark.parametrize("text", ["[" * 100_000, '{"kind":' * 100_000])
def test_what_is_nested_too_deeply_is_no_pod(text: str) -> None:
    with pytest.raises(NotAPod):
        applications(text)


def test_names_that_are_never_closed_are_read_in_a_moment() -> None:
    value = "$(" * 100_000
    container = {"name": "app", "env": [{"name": "X", "value": value}]}
    (found,) = applications(json.dumps({"kind": "Pod", "spec": {"containers": [container]}}))
    assert found.variables["X"] == value
