"""A container endpoint as a source: which can be named, and that the sidecar is not its own."""

from pathlib import Path

import pytest

from sidecar.http.addresses import Address, TcpAddress
from sidecar.settings.complaints import BadConfig
from sidecar.settings.config import load
from sidecar.settings.container_source import unusable_endpoint
from sidecar.settings.roles import ContainerSettings, RoleSettings, WebIdentitySettings

AGENT = "http://169.254.170.23/v1/credentials"
OURS: tuple[tuple[str, Address], ...] = (
    ("SIDECAR_LISTEN", TcpAddress("127.0.0.1", 9911)),
    ("SIDECAR_ADMIN_LISTEN", TcpAddress("0.0.0.0", 9912)),
)


def complaints(
    url: str,
    *ours: tuple[str, Address],
    token: str | None = None,
    token_file: Path | None = Path("/token"),
) -> list[str]:
    source = ContainerSettings(url=url, token=token, token_file=token_file)
    return [
        str(complaint) for complaint in unusable_endpoint(RoleSettings(name="default", source=source), ours or OURS)
    ]


@pytest.mark.parametrize(
    "url",
    [
        AGENT,
        "http://[fd00:ec2::23]/v1/credentials",
        "http://169.254.170.2/v2/credentials/11112222",
        "http://127.0.0.1:1338/",
        "http://127.1.2.3:8080/creds",
        "http://[::1]:8080/",
        "http://localhost:8080/",
        "https://credentials.example/x?y=z",
        "https://10.0.0.1/",
    ],
)
def test_hosts_that_sdks_accept_are_accepted(url: str) -> None:
    assert complaints(url) == []


@pytest.mark.parametrize(
    "url",
    [
        "http://10.0.0.1/",
        "http://169.254.169.254/",
        "http://169.254.170.24/",
        "http://credentials.example/",
        "http://127.0.0.1.example/",
        "http://2130706433/",
        "http://0.0.0.0:80/",
    ],
)
def test_a_token_is_sent_unencrypted_to_no_other_host(url: str) -> None:
    (complaint,) = complaints(url)
    assert complaint.startswith("AWS_CONTAINER_CREDENTIALS_FULL_URI: ")


NO_ENDPOINTS = (
    *("", "/v1", "ftp://127.0.0.1/", "http://", "http://u:p@127.0.0.1/", "http://127.0.0.1:0/", "http://[::1/"),
    *("http://127.0.0.1/ä", "http://127.0.0.1/a b", "http://127.0.0.1/a#b"),
)


@pytest.mark.parametrize("url", NO_ENDPOINTS)
def test_what_is_no_endpoint_is_refused(url: str) -> None:
    (complaint,) = complaints(url)
    assert "is not an endpoint" in complaint


def test_a_password_in_the_url_is_refused_unquoted() -> None:
    (complaint,) = complaints("http://user:canary@127.0.0.1/")
    assert "without user" in complaint
    assert "canary" not in complaint


@pytest.mark.parametrize("url", ["http://10.0.0.1/canary", "http://127.0.0.1:9911/canary", "ftp://10.0.0.1/canary"])
def test_no_complaint_quotes_the_path_which_tells_an_ecs_task_from_others(url: str) -> None:
    (complaint,) = complaints(url)
    assert "canary" not in complaint


def test_a_complaint_names_the_host() -> None:
    (complaint,) = complaints("http://10.0.0.1:8080/canary")
    assert "'http://10.0.0.1:8080'" in complaint


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("http://127.0.0.1:9911/v1/credentials", "127.0.0.1"),
        ("http://localhost:9911/", "127.0.0.1"),
        ("http://sidecar.localhost:9911/", "127.0.0.1"),
        ("http://[::ffff:127.0.0.1]:9911/", "127.0.0.1"),
        ("http://[::1]:9911/", "::1"),
        ("http://[0:0:0:0:0:0:0:1]:9911/", "::1"),
        ("http://localhost:9911/", "::1"),
        ("http://127.0.0.1:9911/", "localhost"),
        ("http://127.5.5.5:9911/", "0.0.0.0"),
        ("http://[::1]:9911/", "::"),
        ("https://localhost:9911/", "127.0.0.1"),
    ],
)
def test_the_sidecars_own_address_is_refused(url: str, host: str) -> None:
    (complaint,) = complaints(url, ("SIDECAR_LISTEN", TcpAddress(host, 9911)))
    assert "is the sidecar's own address (SIDECAR_LISTEN)" in complaint


def test_the_ecs_address_on_our_own_listener_is_a_loop_too() -> None:
    (complaint,) = complaints("http://169.254.170.2/x", ("SIDECAR_ECS_LISTEN", TcpAddress("169.254.170.2", 80)))
    assert "SIDECAR_ECS_LISTEN" in complaint
    (complaint,) = complaints(AGENT, ("SIDECAR_LISTEN", TcpAddress("169.254.170.23", 80)))
    assert "it would ask itself" in complaint


@pytest.mark.parametrize("url", ["http://127.0.0.2:9911/", "http://127.0.0.1:9910/", "http://[::1]:9911/"])
def test_another_port_or_address_is_somebody_else(url: str) -> None:
    assert complaints(url) == []


def test_the_agent_gives_nothing_without_a_token() -> None:
    (complaint,) = complaints(AGENT, token_file=None)
    assert complaint.startswith("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: required")
    assert complaints("http://127.0.0.1:8080/", token_file=None) == []
    assert complaints(AGENT, token="token", token_file=None) == []


def test_a_token_that_no_header_can_carry_is_refused_unquoted() -> None:
    (complaint,) = complaints(AGENT, token="to\nken", token_file=None)
    assert "not usable" in complaint
    assert "ken" not in complaint.removeprefix("AWS_CONTAINER_AUTHORIZATION_TOKEN").replace("Token", "")


def started(**environ: str) -> ContainerSettings:
    source = load(environ, []).roles.default_role.source
    assert isinstance(source, ContainerSettings)
    return source


def test_what_eks_injects_is_enough() -> None:
    source = started(AWS_CONTAINER_CREDENTIALS_FULL_URI=AGENT, AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE="/var/run/token")
    assert (source.url, source.token_file) == (AGENT, Path("/var/run/token"))


def test_the_sidecar_does_not_start_as_its_own_source() -> None:
    """As when a webhook gives every container of the pod the program's variable."""
    with pytest.raises(BadConfig, match="it would ask itself"):
        started(AWS_CONTAINER_CREDENTIALS_FULL_URI="http://127.0.0.1:9911/v1/credentials")
    with pytest.raises(BadConfig, match="it would ask itself"):
        started(AWS_CONTAINER_CREDENTIALS_FULL_URI="http://localhost:9999/", SIDECAR_LISTEN="127.0.0.1:9999")


def test_with_a_role_of_its_own_the_programs_variable_means_nothing_to_it() -> None:
    role = {"AWS_ROLE_ARN": "arn:aws:iam::111122223333:role/app", "AWS_WEB_IDENTITY_TOKEN_FILE": "/token"}
    given = role | {"AWS_REGION": "eu-west-1", "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:9911/"}
    assert isinstance(load(given, []).roles.default_role.source, WebIdentitySettings)


def test_a_tokens_file_has_an_absolute_path() -> None:
    (complaint,) = complaints(AGENT, token_file=Path("token"))
    assert complaint.startswith("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: ")
