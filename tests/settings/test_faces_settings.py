"""The settings of the faces: what is refused, and why."""

from pathlib import Path

import pytest

from sidecar.faces.registry import CONTAINER, ECS, IMDS
from sidecar.http.addresses import TcpAddress, UnixAddress
from sidecar.settings import parsers
from sidecar.settings.complaints import BadConfig
from sidecar.settings.config import Config, load

ENOUGH = {
    "AWS_ROLE_ARN": "arn:aws:iam::111122223333:role/shop/checkout",
    "AWS_WEB_IDENTITY_TOKEN_FILE": "/var/run/secrets/irsa-sidecar/token",
    "AWS_REGION": "eu-central-1",
}


def config(**environ: str) -> Config:
    return load(ENOUGH | environ, [])


def complaints(**environ: str) -> tuple[str, ...]:
    with pytest.raises(BadConfig) as refused:
        config(**environ)
    return tuple(map(str, refused.value.complaints))


@pytest.mark.parametrize("name", ["SIDECAR_ECS_LISTEN", "SIDECAR_IMDS_LISTEN"])
@pytest.mark.parametrize("address", ["0.0.0.0:80", "10.0.0.7:80", "[::]:80", "169.254.1.1:80"])
def test_faces_that_no_token_protects_stay_in_the_pod_whatever_token_is_set(name: str, address: str) -> None:
    (told,) = complaints(**{name: f"127.0.0.1:1,{address}", "SIDECAR_AUTH_TOKEN": "a-token"})
    assert told.startswith(f"{name}: '{address}' can be reached from outside the pod, and its clients send no")


@pytest.mark.parametrize("address", ["127.0.0.1:9913", "169.254.169.254:80", "[::1]:80", "unix:/run/imds"])
def test_imds_listens_on_addresses_of_the_pod(address: str) -> None:
    assert config(SIDECAR_IMDS_LISTEN=address).listen[IMDS]


def test_requests_may_name_the_well_known_addresses_and_the_listeners_own() -> None:
    names = config(SIDECAR_IMDS_LISTEN="127.0.0.9:80").link_local_names
    assert {"127.0.0.9", "localhost", "169.254.169.254", "169.254.170.2", "fd00:ec2::23", "fd00:ec2::254"} <= names
    assert "127.0.0.8" not in names


@pytest.mark.parametrize("way", ["SIDECAR_ECS_LISTEN", "SIDECAR_IMDS_LISTEN"])
def test_the_container_endpoint_can_be_off_while_something_else_is_on(way: str) -> None:
    settings = config(SIDECAR_LISTEN="off", **{way: "127.0.0.1:1"})
    assert settings.listen[CONTAINER] == ()
    assert TcpAddress("127.0.0.1", 1) in (*settings.listen[ECS], *settings.listen[IMDS])
    assert config(SIDECAR_LISTEN="OFF", SIDECAR_CREDENTIALS_FILE="/aws/credentials").listen[CONTAINER] == ()


def test_every_unix_socket_has_the_mode_group_and_owner_that_are_set() -> None:
    given = {"SIDECAR_LISTEN": "unix:/run/a,127.0.0.1:1", "SIDECAR_ADMIN_LISTEN": "unix:/run/b"}
    settings = config(**given, SIDECAR_SOCKET_MODE="0660", SIDECAR_SOCKET_GROUP="2000", SIDECAR_SOCKET_OWNER="7")
    assert settings.listen[CONTAINER] == (UnixAddress(Path("/run/a"), 0o660, 2000, 7), TcpAddress("127.0.0.1", 1))
    assert settings.admin_listen == (UnixAddress(Path("/run/b"), 0o660, 2000, 7),)
    assert config(**given).admin_listen == (UnixAddress(Path("/run/b")),)


@pytest.mark.parametrize(("text", "gid"), [("0", 0), ("2000", 2000), ("root", 0)])
def test_a_group_or_user_is_a_number_or_a_name_of_this_machine(text: str, gid: int) -> None:
    assert parsers.group(text) == parsers.user(text) == gid


NUMBERS_OF_NO_ONE = ("-1", "nowhere", "4294967295", "9" * 5000, "٣")


@pytest.mark.parametrize(
    ("name", "text"),
    [("MODE", "0060"), ("MODE", "rw"), *((name, text) for name in ("GROUP", "OWNER") for text in NUMBERS_OF_NO_ONE)],
)
def test_a_mode_or_group_that_cannot_be_is_refused(name: str, text: str) -> None:
    (told,) = complaints(**{f"SIDECAR_SOCKET_{name}": text})
    assert "; use " in told


def test_a_sidecar_for_nobody_is_refused() -> None:
    assert complaints(SIDECAR_LISTEN="off", SIDECAR_IMDS_LISTEN="off") == (
        "SIDECAR_LISTEN: off, and all other endpoints are off too: no client could get credentials.",
    )


@pytest.mark.parametrize(("text", "mode"), [("0600", 0o600), ("600", 0o600), ("0640", 0o640), ("444", 0o444)])
def test_a_mode_is_octal(text: str, mode: int) -> None:
    assert parsers.file_mode(text) == mode


@pytest.mark.parametrize("text", ["0666", "0777", "0200", "0602", "600 ", "0o600", "rw", "", "10600"])
def test_a_mode_that_others_could_write_by_or_we_not_read_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="; use "):
        parsers.file_mode(text)


@pytest.mark.parametrize("text", ["", "a b", "a]", "[a", "a\nb", "a" * 65, "ü", "#x"])
def test_a_profile_that_some_reader_would_not_understand_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="; use "):
        parsers.profile_name(text)


@pytest.mark.parametrize("text", ["", "eu-central-1", "EU-CENTRAL-1A", "a", "eu central 1a"])
def test_what_is_no_availability_zone_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="; use "):
        parsers.availability_zone(text)
