"""The EKS webhook's changes to a pod, and what the sidecar and the application make of them.

Source: amazon-eks-pod-identity-webhook at 3bf80a34 (v0.6.9): pkg/handler/handler.go.
"""

import copy
import csv
from typing import Any

import pytest

from tests.manifests.pod_spec import applications_of, environment_of, sidecar_of, volume_at
from tests.manifests.rendering import Applied, applied

ANNOTATION = "eks.amazonaws.com/role-arn"
SKIP = "eks.amazonaws.com/skip-containers"
TOKEN = "/var/run/secrets/eks.amazonaws.com/serviceaccount/token"
VARIABLES = {"AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE"}


def mutated(sent: Applied) -> Applied:
    """As the webhook of a cluster in eu-west-1 would let it in."""
    documents = copy.deepcopy(sent.documents)
    changed = Applied(sent.name, documents)
    (account,) = changed.of_kind("ServiceAccount")
    if role := account["metadata"].get("annotations", {}).get(ANNOTATION):
        skipped = changed.template["metadata"].get("annotations", {}).get(SKIP, "")
        (names,) = csv.reader([skipped]) if skipped else ([],)
        _add_volume(changed.pod, account["metadata"].get("annotations", {}))
        for kind in ("initContainers", "containers"):
            for container in changed.pod.get(kind, []):
                if container["name"] not in names:
                    _add_to(container, role)
    return changed


def _add_volume(pod: dict[str, Any], annotations: dict[str, str]) -> None:
    source = {
        "audience": annotations.get("eks.amazonaws.com/audience", "sts.amazonaws.com"),
        "expirationSeconds": int(annotations.get("eks.amazonaws.com/token-expiration", "86400")),
        "path": "token",
    }
    volume = {"name": "aws-iam-token", "projected": {"sources": [{"serviceAccountToken": source}]}}
    pod.setdefault("volumes", []).append(volume)


def _add_to(container: dict[str, Any], role: str) -> None:
    own = container.setdefault("env", [])
    names = {entry["name"] for entry in own}
    if not {"AWS_REGION", "AWS_DEFAULT_REGION"} & names:
        own += [{"name": name, "value": "eu-west-1"} for name in ("AWS_DEFAULT_REGION", "AWS_REGION")]
    if not VARIABLES & names:
        own += [
            {"name": "AWS_ROLE_ARN", "value": role},
            {"name": "AWS_WEB_IDENTITY_TOKEN_FILE", "value": TOKEN},
        ]
    mount = {"name": "aws-iam-token", "mountPath": TOKEN.removesuffix("/token"), "readOnly": True}
    container.setdefault("volumeMounts", []).append(mount)


def test_the_sidecar_takes_role_and_token_from_the_webhook() -> None:
    sent = mutated(applied("eks-webhook"))
    environment = environment_of(sidecar_of(sent.pod), sent)
    (account,) = sent.of_kind("ServiceAccount")
    assert environment["AWS_ROLE_ARN"] == account["metadata"]["annotations"][ANNOTATION]
    assert environment["AWS_WEB_IDENTITY_TOKEN_FILE"] == TOKEN
    assert volume_at(sent.pod, sidecar_of(sent.pod), TOKEN)["name"] == "aws-iam-token"


def test_the_application_is_left_alone() -> None:
    before, after = applied("eks-webhook"), mutated(applied("eks-webhook"))
    assert applications_of(after.pod) == applications_of(before.pod)


def test_all_containers_but_the_sidecar_are_named_and_without_spaces() -> None:
    sent = applied("eks-webhook")
    others = [each["name"] for each in sent.pod["containers"]]
    assert sent.template["metadata"]["annotations"][SKIP] == ",".join(others)


def test_without_it_the_application_would_not_ask_the_sidecar() -> None:
    sent = applied("eks-webhook")
    careless = Applied(sent.name, copy.deepcopy(sent.documents))
    del careless.template["metadata"]["annotations"][SKIP]
    changed = mutated(careless)
    (application,) = applications_of(changed.pod)
    assert environment_of(application, changed).keys() >= VARIABLES


@pytest.mark.parametrize("name", ["pod.yaml", "deployment"])
def test_a_pod_with_a_volume_of_its_own_is_not_touched(name: str) -> None:
    assert mutated(applied(name)) == applied(name)
