"""Settings as they are shown: what is in force, who gave it, and of a secret only that it is set."""

from typing import Any

import pytest

from sidecar.settings.catalogue import SETTINGS
from sidecar.settings.config import load
from sidecar.settings.given import EffectiveSetting
from sidecar.settings.setting import Setting
from tests.conftest import Canary
from tests.doubles import KEY_CANARY, ROLE_ARN

ENOUGH = {"AWS_ROLE_ARN": ROLE_ARN, "AWS_WEB_IDENTITY_TOKEN_FILE": "/token", "AWS_REGION": "eu-central-1"}


def effective_settings(*argv: str, **environ: str) -> dict[str, EffectiveSetting]:
    return {setting.variable: setting for setting in load(ENOUGH | environ, argv).effective_settings}


def test_every_setting_is_listed_once_in_the_order_of_the_readme() -> None:
    assert list(effective_settings()) == [setting.variable for setting in SETTINGS]


@pytest.mark.parametrize(
    ("argv", "environ", "shown"),
    [
        ([], {}, EffectiveSetting("SIDECAR_DURATION", "3600", None)),
        ([], {"SIDECAR_DURATION": ""}, EffectiveSetting("SIDECAR_DURATION", "3600", None)),
        ([], {"SIDECAR_DURATION": "3600"}, EffectiveSetting("SIDECAR_DURATION", "3600", "SIDECAR_DURATION")),
        (
            ["--duration", "900"],
            {"SIDECAR_DURATION": "1800"},
            EffectiveSetting("SIDECAR_DURATION", "900", "--duration"),
        ),
        ([], {}, EffectiveSetting("AWS_ROLE_SESSION_NAME", None, None)),
        (
            [],
            {"AWS_ENDPOINT_URL": "http://127.0.0.1:1"},
            EffectiveSetting("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:1", "AWS_ENDPOINT_URL"),
        ),
    ],
)
def test_what_is_in_force_and_who_gave_it(argv: list[str], environ: dict[str, str], shown: EffectiveSetting) -> None:
    assert effective_settings(*argv, **environ)[shown.variable] == shown


def test_of_a_secret_only_that_it_is_set(canary: Canary) -> None:
    assert effective_settings()["SIDECAR_AUTH_TOKEN"] == EffectiveSetting("SIDECAR_AUTH_TOKEN", None, None)
    told = effective_settings(SIDECAR_AUTH_TOKEN=KEY_CANARY)
    assert told["SIDECAR_AUTH_TOKEN"] == EffectiveSetting("SIDECAR_AUTH_TOKEN", "set", "SIDECAR_AUTH_TOKEN")
    canary.saw(told)


@pytest.mark.parametrize("variable", ["AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"])
def test_the_path_of_a_container_endpoint_is_a_secret_too(variable: str) -> None:
    told = effective_settings(**{variable: "/v2/credentials/11112222"})
    assert told[variable] == EffectiveSetting(variable, "set", variable)


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.variable)
def test_whatever_is_called_a_token_or_a_password_is_a_secret_or_a_file(setting: Setting[Any]) -> None:
    """A new setting that holds a secret must say so: the status page shows all others."""
    harmless = setting.secret or setting.variable.endswith("_FILE")
    assert harmless or not any(word in setting.variable for word in ("TOKEN", "PASSWORD", "SECRET"))
