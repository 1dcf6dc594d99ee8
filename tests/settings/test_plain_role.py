"""The role that plain variables describe: which of them decide where its credentials come from."""

from pathlib import Path

import pytest

from sidecar.settings.complaints import BadConfig
from sidecar.settings.config import load
from sidecar.settings.roles import ContainerSettings, SourceSettings, WebIdentitySettings
from tests.doubles import ROLE_ARN

POD_IDENTITY = {
    "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://169.254.170.23/v1/credentials",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "/var/run/secrets/pods.eks.amazonaws.com/token",
}
IRSA = {"AWS_ROLE_ARN": ROLE_ARN, "AWS_WEB_IDENTITY_TOKEN_FILE": "/token", "AWS_REGION": "eu-central-1"}


def source(environ: dict[str, str]) -> SourceSettings:
    return load(environ, []).roles.default_role.source


def test_what_eks_injects_for_a_pod_identity_association_is_enough() -> None:
    assert source(POD_IDENTITY) == ContainerSettings(
        url=POD_IDENTITY["AWS_CONTAINER_CREDENTIALS_FULL_URI"],
        token_file=Path(POD_IDENTITY["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"]),
    )


def test_a_role_to_assume_wins_over_an_endpoint() -> None:
    """EKS injects both into a pod whose service account has an association and an annotation."""
    assert isinstance(source(IRSA | POD_IDENTITY), WebIdentitySettings)


def test_the_relative_endpoint_of_ecs_is_on_its_own_address() -> None:
    environ = {"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/v2/credentials/7", "AWS_CONTAINER_AUTHORIZATION_TOKEN": "s3"}
    assert source(environ) == ContainerSettings(url="http://169.254.170.2/v2/credentials/7", token="s3")


def test_the_token_for_the_endpoint_is_never_shown() -> None:
    loaded = load(POD_IDENTITY | {"AWS_CONTAINER_AUTHORIZATION_TOKEN": "canary-for-the-agent"}, [])
    assert "canary-for-the-agent" not in repr(loaded)


@pytest.mark.parametrize("variable", ["AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE"])
def test_without_an_endpoint_role_and_token_are_required(variable: str) -> None:
    with pytest.raises(BadConfig, match=f"{variable}: required"):
        load({name: text for name, text in IRSA.items() if name != variable}, [])


def test_a_role_without_its_token_is_a_mistake_also_beside_an_endpoint() -> None:
    with pytest.raises(BadConfig, match="AWS_WEB_IDENTITY_TOKEN_FILE: required"):
        load({"AWS_ROLE_ARN": ROLE_ARN, "AWS_REGION": "eu-central-1"} | POD_IDENTITY, [])
