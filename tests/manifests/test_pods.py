"""The pods of the manifests keep what they promise, and agree with the code and with each other."""

import re
from pathlib import Path, PurePosixPath

import pytest

import sidecar
from sidecar.faces.registry import CONTAINER, ECS, IMDS
from sidecar.faces.routes import DEFAULT_PATHS
from sidecar.http.addresses import TcpAddress
from sidecar.settings.config import Config
from tests.manifests.pod_spec import (
    POD_UID,
    applications_of,
    containers_of,
    environment_of,
    is_native,
    projection_at,
    settings_of,
    sidecar_of,
    volume_at,
)
from tests.manifests.rendering import NAMES, ROOT, applied, files

OLD_CLUSTERS = {"before-1.29", "job-before-1.29"}
BY_WEBHOOK = {"eks-webhook"}
"""The token comes by another's volume: `test_webhook` is about it."""
BY_AGENT = {"pod-identity"}
"""No token for STS: EKS Pod Identity's agent is the source."""
WITH_PROFILES = {"role-per-container", "chain", "role-per-tenant"}
"""Alive in tests/kubernetes/test_role_examples.py, as `pod-identity` is."""
BY_ENDPOINT = {name for name in NAMES if name not in {"imds", "harbor", "credentials-file", "role-per-container"}}

INJECTED = {
    "eks-webhook": {"AWS_ROLE_ARN": "arn:aws:iam::111122223333:role/x", "AWS_WEB_IDENTITY_TOKEN_FILE": "/x"},
    "pod-identity": {
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://169.254.170.23/v1/credentials",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "/var/run/secrets/pods.eks.amazonaws.com/serviceaccount/token",
    },
}
"""What EKS puts into the sidecar."""
for_every_pod = pytest.mark.parametrize("name", NAMES)
for_native_ones = pytest.mark.parametrize("name", sorted(set(NAMES) - OLD_CLUSTERS))
for_classic_ones = pytest.mark.parametrize("name", sorted(OLD_CLUSTERS))
for_own_tokens = pytest.mark.parametrize("name", sorted(set(NAMES) - BY_WEBHOOK - BY_AGENT))
for_endpoint_users = pytest.mark.parametrize("name", sorted(BY_ENDPOINT))


def test_each_use_that_is_promised_has_an_example() -> None:
    promised = {"deployment", "job", "cron-job", "imds", "harbor", "credentials-file", "eks-webhook", "self-hosted"}
    assert set(NAMES) == promised | OLD_CLUSTERS | BY_AGENT | WITH_PROFILES | {"ipv6", "pod.yaml"}


@for_native_ones
def test_the_sidecar_starts_before_whatever_uses_it(name: str) -> None:
    first, *others = [each for each in applied(name).pod["initContainers"] if each["name"] != "link-local"]
    assert first["name"] == "irsa-sidecar"
    assert is_native(first)
    assert not others


def test_the_addresses_are_there_before_the_sidecar_listens_on_them() -> None:
    assert [each["name"] for each in applied("harbor").pod["initContainers"]] == ["link-local", "irsa-sidecar"]


@for_classic_ones
def test_on_old_clusters_it_is_the_first_container_and_holds_back_the_next(name: str) -> None:
    pod = applied(name).pod
    assert "initContainers" not in pod
    assert pod["containers"][0] == sidecar_of(pod)
    hook = sidecar_of(pod)["lifecycle"]["postStart"]["exec"]["command"]
    assert hook == ["irsa-sidecar", "healthcheck", "--wait", "120"]


@for_native_ones
def test_nothing_starts_before_the_first_credential_and_iam_has_time_to_spread(name: str) -> None:
    probe = sidecar_of(applied(name).pod)["startupProbe"]
    assert probe["exec"]["command"] == ["irsa-sidecar", "healthcheck"]
    assert probe["periodSeconds"] == 1
    assert probe["failureThreshold"] >= 60


@for_every_pod
def test_liveness_asks_where_the_sidecar_listens_for_such_questions(name: str) -> None:
    container = sidecar_of(applied(name).pod)
    (port,) = container["ports"]
    everywhere = "::" if name == "ipv6" else "0.0.0.0"
    assert settings(name).admin_listen == (TcpAddress(everywhere, port["containerPort"]),)
    assert container["livenessProbe"]["httpGet"] == {"path": "/livez", "port": port["name"]}


def settings(name: str) -> Config:
    return settings_of(applied(name), also=INJECTED.get(name))


@for_every_pod
def test_every_probe_of_the_sidecar_has_a_time_out_that_a_busy_node_keeps(name: str) -> None:
    container = sidecar_of(applied(name).pod)
    probes = [container[kind] for kind in ("startupProbe", "livenessProbe", "readinessProbe") if kind in container]
    assert [probe["timeoutSeconds"] for probe in probes] == [5] * len(probes)


@pytest.mark.parametrize("page", [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *files()], ids=lambda page: page.name)
def test_nobody_is_told_to_hide_the_admin_port_from_the_kubelet(page: Path) -> None:
    """Its pages tell strangers nothing: the probes need the port, and port-forward reaches the rest."""
    assert not re.findall(r"SIDECAR_ADMIN_LISTEN\W+(?:value\W+)?(?:127\.|localhost|\[::1)", page.read_text())


@for_every_pod
def test_no_readiness_probe_lets_an_outage_of_sts_take_a_working_pod_out_of_service(name: str) -> None:
    assert "readinessProbe" not in sidecar_of(applied(name).pod)


@for_own_tokens
def test_the_token_for_sts_has_its_audience_lives_an_hour_and_is_the_sidecars_alone(name: str) -> None:
    pod = applied(name).pod
    file = environment_of(sidecar_of(pod), applied(name))["AWS_WEB_IDENTITY_TOKEN_FILE"]
    assert projection_at(pod, sidecar_of(pod), file) == {
        "kind": "serviceAccountToken",
        "path": PurePosixPath(file).name,
        "audience": "sts.amazonaws.com",
        "expirationSeconds": 3600,
    }
    token = volume_at(pod, sidecar_of(pod), file)["name"]
    mounted = [mount["name"] for each in containers_of(pod) for mount in each.get("volumeMounts", [])]
    assert mounted.count(token) == 1
    assert "aws-iam-token" not in {volume["name"] for volume in pod["volumes"]}


@for_endpoint_users
def test_sidecar_variable_and_file_hold_the_same_authorization_token(name: str) -> None:
    assert settings(name).auth_token == POD_UID
    for container in applications_of(applied(name).pod):
        environment = environment_of(container, applied(name))
        file = environment["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"]
        assert environment["AWS_CONTAINER_AUTHORIZATION_TOKEN"] == POD_UID
        assert projection_at(applied(name).pod, container, file)["fieldRef"] == {"fieldPath": POD_UID}


@for_endpoint_users
def test_an_application_asks_the_sidecar_and_nobody_else(name: str) -> None:
    (listener,) = settings(name).listen[CONTAINER]
    assert listener == TcpAddress("127.0.0.1", 9911)
    assert "/v1/credentials" in DEFAULT_PATHS
    for container in applications_of(applied(name).pod):
        environment = environment_of(container, applied(name))
        assert environment["AWS_CONTAINER_CREDENTIALS_FULL_URI"] == "http://127.0.0.1:9911/v1/credentials"
        assert environment["AWS_EC2_METADATA_DISABLED"] == "true"


@for_every_pod
def test_nothing_shadows_the_sidecar_in_the_application(name: str) -> None:
    for container in applications_of(applied(name).pod):
        assert not {
            "AWS_ACCESS_KEY_ID",
            "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
            "AWS_PROFILE",
            "AWS_ROLE_ARN",
            "AWS_WEB_IDENTITY_TOKEN_FILE",
        } & set(environment_of(container, applied(name)))


@pytest.mark.parametrize("name", sorted(set(NAMES) - {"harbor"}))
def test_sidecar_and_application_are_in_one_region(name: str) -> None:
    region = environment_of(sidecar_of(applied(name).pod), applied(name))["AWS_REGION"]
    for container in applications_of(applied(name).pod):
        environment = environment_of(container, applied(name))
        assert (environment["AWS_REGION"], environment["AWS_DEFAULT_REGION"]) == (region, region)


def test_where_imds_is_wanted_it_is_not_disabled_and_where_the_application_looks() -> None:
    (application,) = applications_of(applied("imds").pod)
    environment = environment_of(application, applied("imds"))
    (listener,) = settings("imds").listen[IMDS]
    assert environment["AWS_EC2_METADATA_SERVICE_ENDPOINT"] == f"http://{listener}/"
    assert "AWS_EC2_METADATA_DISABLED" not in environment


def test_where_the_address_cannot_be_told_the_sidecar_is_at_the_one_that_sdks_know() -> None:
    found, pod = settings("harbor"), applied("harbor").pod
    assert found.listen[IMDS] == (TcpAddress("169.254.169.254", 80),)
    assert found.listen[ECS] == (TcpAddress("169.254.170.2", 80),)
    assert found.imds_v1
    added = pod["initContainers"][0]["command"][-1]
    addresses = (*found.listen[IMDS], *found.listen[ECS])
    assert all(isinstance(each, TcpAddress) and each.host in added for each in addresses)
    assert {"name": "net.ipv4.ip_unprivileged_port_start", "value": "80"} in pod["securityContext"]["sysctls"]


def test_the_credentials_file_lies_in_memory_where_the_application_may_only_read() -> None:
    sent = applied("credentials-file")
    (application,) = applications_of(sent.pod)
    file = environment_of(application, sent)["AWS_SHARED_CREDENTIALS_FILE"]
    assert settings("credentials-file").credentials_file == Path(file)
    assert settings("credentials-file").credentials_mode == 0o640
    ours, theirs = (volume_at(sent.pod, each, file) for each in (sidecar_of(sent.pod), application))
    assert ours == theirs
    assert ours["emptyDir"]["medium"] == "Memory"
    assert all(mount["readOnly"] for mount in application["volumeMounts"])


@for_every_pod
def test_the_pod_names_a_service_account_that_is_sent_and_gets_no_token_for_the_api(name: str) -> None:
    accounts = applied(name).of_kind("ServiceAccount")
    assert applied(name).pod["serviceAccountName"] in {account["metadata"]["name"] for account in accounts}
    assert applied(name).pod["automountServiceAccountToken"] is False


@for_own_tokens
def test_the_service_account_does_not_invite_the_webhook(name: str) -> None:
    (account,) = applied(name).of_kind("ServiceAccount")
    assert not [key for key in account["metadata"].get("annotations", {}) if key.startswith("eks.amazonaws.com/")]


@for_every_pod
def test_monitoring_and_network_policies_find_the_pod(name: str) -> None:
    labels = applied(name).template["metadata"]["labels"]
    assert labels["irsa-sidecar"] == "enabled"
    assert [port["name"] for port in sidecar_of(applied(name).pod)["ports"]] == ["irsa-sidecar"]
    for policy in applied(name).of_kind("NetworkPolicy"):
        assert policy["spec"]["podSelector"]["matchLabels"].items() <= labels.items()


@for_every_pod
def test_the_sidecar_needs_no_writable_disk_and_has_no_cpu_limit(name: str) -> None:
    container = sidecar_of(applied(name).pod)
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert container["resources"]["requests"].keys() == {"cpu", "memory"}
    assert container["resources"]["limits"].keys() == {"memory"}


@for_native_ones
def test_a_native_sidecar_told_last_does_not_delay_the_end_of_the_pod(name: str) -> None:
    assert settings(name).grace == 0


def test_a_classic_one_serves_on_while_the_others_end_and_the_kubelet_lets_it() -> None:
    assert 0 < settings("before-1.29").grace < applied("before-1.29").pod.get("terminationGracePeriodSeconds", 30)


def test_in_a_job_it_is_ended_by_the_application_and_at_once() -> None:
    assert settings("job-before-1.29").grace == 0
    assert applied("job-before-1.29").pod["shareProcessNamespace"] is True


@for_every_pod
def test_the_image_is_of_this_version(name: str) -> None:
    assert sidecar_of(applied(name).pod)["image"].rpartition(":")[2] == sidecar.__version__


def test_the_snippet_and_the_component_hold_the_same_sidecar() -> None:
    snippet, component = (sidecar_of(applied(name).pod) for name in ("pod.yaml", "deployment"))
    different = {"env", "envFrom"}
    assert {k: v for k, v in snippet.items() if k not in different} == {
        k: v for k, v in component.items() if k not in different
    }
    assert settings("pod.yaml") == settings("deployment")
