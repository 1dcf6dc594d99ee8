"""EKS Pod Identity as the source: EKS fills in what inject leaves out."""

from typing import Any

import pytest

from sidecar.inject import inject, remove
from sidecar.settings.config import load
from sidecar.settings.roles import ContainerSettings
from tests.inject.kit import ARGUMENTS, Command, named, options, pod

OF_EKS = {
    "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://169.254.170.23/v1/credentials",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "/var/run/secrets/pods.eks.amazonaws.com/serviceaccount/token",
}


@pytest.fixture
def spec() -> dict[str, Any]:
    found: dict[str, Any] = inject(pod(), options(role_arn="", pod_identity=True)).document["spec"]
    return found


def test_with_what_eks_adds_the_sidecar_asks_the_agent(spec: dict[str, Any]) -> None:
    env = {item["name"]: item.get("value", "uid") for item in spec["initContainers"][0]["env"]}
    assert not {*OF_EKS, "AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE"} & env.keys()
    assert isinstance(load(env | OF_EKS, []).roles.default_role.source, ContainerSettings)


def test_there_is_no_token_for_sts(spec: dict[str, Any]) -> None:
    assert named(spec["volumes"]).keys() == {"authorization-token"}
    assert not spec["initContainers"][0].get("volumeMounts")


def test_the_application_has_an_address_so_that_eks_gives_it_none(spec: dict[str, Any]) -> None:
    env = {item["name"]: item.get("value") for item in spec["containers"][0]["env"]}
    assert env["AWS_CONTAINER_CREDENTIALS_FULL_URI"] == "http://127.0.0.1:9911/v1/credentials"


def test_it_is_taken_out_again() -> None:
    changed = inject(pod(), options(role_arn="", pod_identity=True)).document
    assert remove(changed).document == pod()


def test_a_role_beside_it_is_refused(command: Command) -> None:
    text = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {serviceAccountName: a, containers: [{name: b}]}\n"
    code, _, err = command.run(text, *ARGUMENTS, "--pod-identity")
    assert (code, "--pod-identity: not with --role-arn" in err) == (2, True)
