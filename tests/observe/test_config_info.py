"""The settings in force, as labels: which endpoint, which ways; never an address, a name or a secret."""

import pytest

from sidecar.observe.config_info import config_labels
from sidecar.observe.labels import ENDPOINTS, SWITCH
from sidecar.settings.config import load
from tests.doubles import KEY_CANARY

NEEDED = {
    "AWS_ROLE_ARN": "arn:aws:iam::111122223333:role/checkout",
    "AWS_WEB_IDENTITY_TOKEN_FILE": "/var/run/secrets/irsa-sidecar/token",
    "AWS_REGION": "eu-west-1",
}


def labels(**settings: str) -> dict[str, str]:
    return config_labels(load(NEEDED | settings, []))


def test_by_default_the_container_endpoint_and_the_regions_own_sts() -> None:
    assert labels() == {
        "duration": "3600",
        "region": "eu-west-1",
        "sts": "regional",
        "face_container": "on",
        "face_ecs": "off",
        "face_imds": "off",
        "face_imds_v1": "off",
        "face_file": "off",
    }


@pytest.mark.parametrize(
    ("settings", "kind"),
    [
        ({"AWS_USE_FIPS_ENDPOINT": "true"}, "fips"),
        ({"AWS_USE_DUALSTACK_ENDPOINT": "true"}, "dualstack"),
        ({"AWS_USE_FIPS_ENDPOINT": "true", "AWS_USE_DUALSTACK_ENDPOINT": "true"}, "fips-dualstack"),
        ({"AWS_ENDPOINT_URL_STS": "https://vpce-0a1b2c.sts.eu-west-1.vpce.amazonaws.com"}, "custom"),
        ({"AWS_ENDPOINT_URL_STS": "https://sts.eu-west-1.amazonaws.com"}, "regional"),
        ({"AWS_REGION": "us-gov-west-1"}, "regional"),
        ({"AWS_REGION": "aws-global", "AWS_ENDPOINT_URL_STS": "http://127.0.0.1:9922"}, "custom"),
        ({"AWS_REGION": "", "AWS_ENDPOINT_URL_STS": "http://127.0.0.1:9922"}, "custom"),
    ],
)
def test_the_kind_of_endpoint_is_told_not_its_name(settings: dict[str, str], kind: str) -> None:
    found = labels(**settings)
    assert found["sts"] == kind
    assert kind in ENDPOINTS


@pytest.mark.parametrize(
    ("settings", "on"),
    [
        ({"SIDECAR_ECS_LISTEN": "169.254.170.2:80"}, {"container", "ecs"}),
        ({"SIDECAR_IMDS_LISTEN": "169.254.169.254:80", "SIDECAR_LISTEN": "off"}, {"imds"}),
        ({"SIDECAR_IMDS_LISTEN": "127.0.0.1:9913", "SIDECAR_IMDS_V1": "true"}, {"container", "imds", "imds_v1"}),
        ({"SIDECAR_IMDS_V1": "true"}, {"container"}),
        ({"SIDECAR_CREDENTIALS_FILE": "/aws/credentials"}, {"container", "file"}),
    ],
)
def test_the_ways_that_are_on(settings: dict[str, str], on: set[str]) -> None:
    assert {name.removeprefix("face_") for name, value in labels(**settings).items() if value == "on"} == on


def test_nothing_else_of_the_settings_is_told() -> None:
    told = labels(
        SIDECAR_AUTH_TOKEN=KEY_CANARY,
        SIDECAR_LISTEN="127.0.0.1:7777",
        HTTPS_PROXY="http://user:password@proxy.example:3128",
        SIDECAR_CREDENTIALS_FILE="/private/credentials",
    )
    assert set(told.values()) == {"3600", "eu-west-1", "regional", *SWITCH}
