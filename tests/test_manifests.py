"""The manifests and the Dockerfile keep what they promise, and agree with the code and with each other."""

import tomllib
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
import yaml

import sidecar
from sidecar import config
from sidecar.faces import container as container_face
from sidecar.values import TcpAddress

ROOT = Path(__file__).parent.parent
DOCUMENTS = [
    (path.name, document)
    for path in sorted((ROOT / "manifests").rglob("*.yaml"))
    for document in yaml.safe_load_all(path.read_text())
]
PODS = [
    pytest.param(document["spec"].get("template", document)["spec"], id=f"{name}:{document['kind']}")
    for name, document in DOCUMENTS
    if document["kind"] in {"Pod", "Deployment", "StatefulSet", "DaemonSet", "Job"}
]
ACCOUNTS = [document for _, document in DOCUMENTS if document["kind"] == "ServiceAccount"]
POD_UID = "metadata.uid"

for_every_pod = pytest.mark.parametrize("pod", PODS)


def sidecar_of(pod: dict[str, Any]) -> dict[str, Any]:
    container: dict[str, Any] = pod["initContainers"][0]
    return container


def containers_of(pod: dict[str, Any]) -> list[dict[str, Any]]:
    return [*pod["initContainers"], *pod["containers"]]


def environment_of(container: dict[str, Any]) -> dict[str, str]:
    """Each variable's value, or the pod's field that it shows."""
    return {
        entry["name"]: entry["value"] if "value" in entry else entry["valueFrom"]["fieldRef"]["fieldPath"]
        for entry in container.get("env", [])
    }


def settings_of(pod: dict[str, Any]) -> config.Config:
    """What the sidecar would run with; raises `BadConfig` for what it would refuse."""
    return config.load(environment_of(sidecar_of(pod)), argv=[])


def projection_at(pod: dict[str, Any], container: dict[str, Any], file: str) -> dict[str, Any]:
    """What the kubelet writes into `file`: the source of the projected volume mounted where the file is."""
    path = PurePosixPath(file)
    (mount,) = (m for m in container["volumeMounts"] if PurePosixPath(m["mountPath"]) == path.parent)
    assert "subPath" not in mount, "the kubelet never updates a subPath"
    (volume,) = (v for v in pod["volumes"] if v["name"] == mount["name"])
    (source,) = volume["projected"]["sources"]
    (kind,) = source
    (item,) = source[kind]["items"] if "items" in source[kind] else (source[kind],)
    assert item["path"] == path.name
    return {"kind": kind, **item}


def test_there_is_a_pod_to_start_from() -> None:
    assert PODS
    assert ACCOUNTS


@for_every_pod
def test_the_sidecar_comes_first_and_is_a_native_one(pod: dict[str, Any]) -> None:
    assert sidecar_of(pod)["name"] == "irsa-sidecar"
    assert sidecar_of(pod)["restartPolicy"] == "Always"


@for_every_pod
def test_nothing_starts_before_the_first_credential_and_iam_has_time_to_spread(pod: dict[str, Any]) -> None:
    probe = sidecar_of(pod)["startupProbe"]
    assert probe["exec"]["command"] == ["irsa-sidecar", "healthcheck"]
    assert probe["periodSeconds"] == 1
    assert probe["failureThreshold"] >= 60


@for_every_pod
def test_liveness_asks_where_the_sidecar_listens_for_such_questions(pod: dict[str, Any]) -> None:
    (port,) = sidecar_of(pod)["ports"]
    assert settings_of(pod).admin_listen == (TcpAddress("0.0.0.0", port["containerPort"]),)
    assert sidecar_of(pod)["livenessProbe"]["httpGet"] == {"path": "/livez", "port": port["name"]}


@for_every_pod
def test_the_token_for_sts_has_its_audience_lives_an_hour_and_is_the_sidecars_alone(pod: dict[str, Any]) -> None:
    file = environment_of(sidecar_of(pod))["AWS_WEB_IDENTITY_TOKEN_FILE"]
    assert projection_at(pod, sidecar_of(pod), file) == {
        "kind": "serviceAccountToken",
        "path": PurePosixPath(file).name,
        "audience": "sts.amazonaws.com",
        "expirationSeconds": 3600,
    }
    mounted = {mount["name"] for container in pod["containers"] for mount in container["volumeMounts"]}
    assert mounted.isdisjoint(mount["name"] for mount in sidecar_of(pod)["volumeMounts"])
    assert "aws-iam-token" not in {volume["name"] for volume in pod["volumes"]}


@for_every_pod
def test_sidecar_variable_and_file_hold_the_same_authorization_token(pod: dict[str, Any]) -> None:
    assert settings_of(pod).auth_token == POD_UID
    for container in pod["containers"]:
        environment = environment_of(container)
        file = environment["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"]
        assert environment["AWS_CONTAINER_AUTHORIZATION_TOKEN"] == POD_UID
        assert projection_at(pod, container, file)["fieldRef"] == {"fieldPath": POD_UID}


@for_every_pod
def test_an_application_asks_the_sidecar_and_nobody_else(pod: dict[str, Any]) -> None:
    (listener,) = settings_of(pod).listen
    assert listener == TcpAddress("127.0.0.1", 9911)
    assert "/v1/credentials" in container_face.PATHS
    for container in pod["containers"]:
        environment = environment_of(container)
        assert environment["AWS_CONTAINER_CREDENTIALS_FULL_URI"] == "http://127.0.0.1:9911/v1/credentials"
        assert environment["AWS_EC2_METADATA_DISABLED"] == "true"
        assert not {
            "AWS_ACCESS_KEY_ID",
            "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
            "AWS_PROFILE",
            "AWS_ROLE_ARN",
            "AWS_WEB_IDENTITY_TOKEN_FILE",
        } & set(environment)


@for_every_pod
def test_sidecar_and_application_are_in_one_region(pod: dict[str, Any]) -> None:
    region = environment_of(sidecar_of(pod))["AWS_REGION"]
    for container in pod["containers"]:
        environment = environment_of(container)
        assert (environment["AWS_REGION"], environment["AWS_DEFAULT_REGION"]) == (region, region)


@pytest.mark.parametrize("account", ACCOUNTS)
def test_the_service_account_does_not_invite_the_webhook(account: dict[str, Any]) -> None:
    assert not [key for key in account["metadata"].get("annotations", {}) if key.startswith("eks.amazonaws.com/")]


@for_every_pod
def test_the_pod_names_a_service_account_of_these_manifests(pod: dict[str, Any]) -> None:
    assert pod["serviceAccountName"] in {account["metadata"]["name"] for account in ACCOUNTS}
    assert pod["automountServiceAccountToken"] is False


@for_every_pod
def test_the_pod_passes_the_restricted_pod_security_standard(pod: dict[str, Any]) -> None:
    context = pod["securityContext"]
    assert context["runAsNonRoot"] is True
    assert context["runAsUser"] != 0
    assert context["seccompProfile"] == {"type": "RuntimeDefault"}
    assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys()
    assert all(set(volume) - {"name"} <= {"projected", "emptyDir"} for volume in pod["volumes"])
    for container in containers_of(pod):
        own = container["securityContext"]
        assert own["allowPrivilegeEscalation"] is False
        assert own["capabilities"] == {"drop": ["ALL"]}
        assert not {"privileged", "runAsUser", "runAsNonRoot", "seccompProfile", "procMount"} & own.keys()


@for_every_pod
def test_any_uid_can_read_the_projected_files_through_the_pods_group(pod: dict[str, Any]) -> None:
    assert pod["securityContext"]["fsGroup"] > 0


@for_every_pod
def test_the_sidecar_needs_no_writable_disk_and_has_no_cpu_limit(pod: dict[str, Any]) -> None:
    assert sidecar_of(pod)["securityContext"]["readOnlyRootFilesystem"] is True
    assert sidecar_of(pod)["resources"]["requests"].keys() == {"cpu", "memory"}
    assert sidecar_of(pod)["resources"]["limits"].keys() == {"memory"}


@for_every_pod
def test_a_native_sidecar_told_last_does_not_delay_the_end_of_the_pod(pod: dict[str, Any]) -> None:
    assert settings_of(pod).grace == 0
    assert pod["terminationGracePeriodSeconds"] == 30


@for_every_pod
def test_the_image_is_of_this_version(pod: dict[str, Any]) -> None:
    assert sidecar_of(pod)["image"].rpartition(":")[2] == sidecar.__version__


def test_the_image_runs_what_pip_would_install_as_irsa_sidecar() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    module, _, function = project["scripts"]["irsa-sidecar"].partition(":")
    script = f"'#!/app/bin/python' 'import sys' 'from {module} import {function}' 'sys.exit({function}())'"
    assert script in (ROOT / "Dockerfile").read_text()


def test_the_image_starts_as_nobody_and_takes_signals_itself() -> None:
    last_stage = (ROOT / "Dockerfile").read_text().rpartition("\nFROM ")[2].splitlines()
    for line in (
        "USER 65532:65532",
        "STOPSIGNAL SIGTERM",
        'ENTRYPOINT ["irsa-sidecar"]',
        'CMD ["serve"]',
    ):
        assert line in last_stage
