"""Every example under manifests/, as its application has it, and without each of its variables."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from sidecar.core.findings import Finding, Level
from sidecar.doctor import application_sdk
from sidecar.doctor.examination import APPLICATION
from sidecar.doctor.sdk_choice import SdkUnavailable
from tests.doctor.snapshots import a_pod
from tests.manifests.pod_spec import applications_of, environment_of, sidecar_of, with_profiles
from tests.manifests.rendering import NAMES, applied

BAD = (Level.ERROR, Level.WARNING)
EXPECTED: Mapping[str, str | None] = {
    "AWS_CONTAINER_CREDENTIALS_FULL_URI": "app-uri",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN": "app-authorization",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "app-authorization",
    "AWS_EC2_METADATA_DISABLED": "app-imds",
    "AWS_EC2_METADATA_SERVICE_ENDPOINT": "app-imds",
    "AWS_SHARED_CREDENTIALS_FILE": "app-credentials-file",
    "AWS_REGION": "app-region",
    "AWS_DEFAULT_REGION": "app-region",
    "HTTPS_PROXY": None,
    "NO_PROXY": None,  # the sidecar is asked by http, for which HTTPS_PROXY is not
}
"""What is said without the variable. Nothing: it is not there for the sidecar."""
OF_THE_SIDECAR = {
    "SIDECAR_IMDS_LISTEN": ("imds", "app-imds"),
    "SIDECAR_CREDENTIALS_FILE": ("credentials-file", "app-uri"),
}


async def found(tmp_path: Path, app: Mapping[str, str], sidecar: Mapping[str, str], uid: str = "uid") -> list[Finding]:
    """All that the application's checks say."""
    pod = await a_pod(tmp_path / "token", sidecar, app=_with_token(tmp_path, app, uid))
    return [finding for check in APPLICATION if (finding := check(pod)) is not None]


def _with_token(tmp_path: Path, app: Mapping[str, str], uid: str) -> dict[str, str]:
    """The token as the kubelet writes it, at a place that this machine has."""
    file = tmp_path / "authorization-token"
    file.write_text(uid)
    shown = {name: uid if value == "metadata.uid" else value for name, value in app.items()}
    if "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE" in shown:
        shown["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] = str(file)
    return shown


def bad(findings: list[Finding]) -> list[str]:
    return [f"{finding.code}: {finding.saw}" for finding in findings if finding.level in BAD]


def environments(name: str, directory: Path) -> Iterator[tuple[dict[str, str], dict[str, str]]]:
    """Of each application of an example, and of the sidecar beside it."""
    sent = applied(name)
    sidecar = with_profiles(environment_of(sidecar_of(sent.pod), sent), sent, directory)
    for container in applications_of(sent.pod):
        yield environment_of(container, sent), sidecar


@pytest.mark.parametrize("name", NAMES)
async def test_of_a_right_pod_nothing_is_wrong(tmp_path: Path, name: str) -> None:
    for app, sidecar in environments(name, tmp_path):
        told = await found(tmp_path, app, sidecar)

        assert bad(told) == []
        assert {"app-sdk", "app-imds"} <= {finding.code for finding in told}


@pytest.mark.parametrize("name", NAMES)
async def test_of_a_pod_without_a_variable_the_right_thing_is_said(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _without_the_sdk(monkeypatch)
    for app, sidecar in environments(name, tmp_path):
        for variable in EXPECTED.keys() & app.keys():
            told = await found(tmp_path, {each: app[each] for each in app if each != variable}, sidecar)

            said = {line.partition(":")[0] for line in bad(told)}
            assert said == ({EXPECTED[variable]} if EXPECTED[variable] else set()), variable


async def test_each_variable_of_ours_is_in_some_example(tmp_path: Path) -> None:
    assert EXPECTED.keys() <= {
        variable for name in NAMES for app, _ in environments(name, tmp_path) for variable in app
    }


@pytest.mark.parametrize("variable", OF_THE_SIDECAR)
async def test_of_a_sidecar_that_does_not_offer_the_way_the_right_thing_is_said(
    tmp_path: Path, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _without_the_sdk(monkeypatch)
    name, check = OF_THE_SIDECAR[variable]
    for app, sidecar in environments(name, tmp_path):
        told = bad(await found(tmp_path, app, {each: sidecar[each] for each in sidecar if each != variable}))

        assert check in {line.partition(":")[0] for line in told}


@pytest.mark.parametrize(
    "variable", ["AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ACCESS_KEY", "AWS_CONFIG_FILE", "AWS_PROFILE"]
)
@pytest.mark.parametrize("name", NAMES)
async def test_what_comes_before_the_sidecar_is_found_whatever_the_way(
    tmp_path: Path, name: str, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _without_the_sdk(monkeypatch)
    for app, sidecar in environments(name, tmp_path):
        (told,) = bad(await found(tmp_path, app | {variable: "/elsewhere"}, sidecar))

        assert variable in told or "profile /elsewhere" in told


def _without_the_sdk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its answers are tested above; starting one takes a second."""

    def unavailable(environ: Mapping[str, str]) -> str:
        del environ
        raise SdkUnavailable("not asked")

    monkeypatch.setattr(application_sdk, "choice_in", unavailable)
