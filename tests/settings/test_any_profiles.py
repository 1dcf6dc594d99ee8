"""Whatever a config file says, it is taken or refused with reasons: nothing else is raised, no secret is repeated."""

import dataclasses
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.settings.complaints import BadConfig
from sidecar.settings.config import load
from sidecar.settings.profile_keys import KEYS, UNSERVED
from sidecar.settings.roles import ChainSettings, RoleSet
from tests.doubles import ROLE_ARN

SECRET = "canary/of/a/secret/key"
POD = {"AWS_ROLE_ARN": ROLE_ARN, "AWS_WEB_IDENTITY_TOKEN_FILE": "/token", "AWS_REGION": "eu-central-1"}
AGENT = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://169.254.170.23/v1/credentials"}
ENVIRONMENTS = [POD, AGENT, POD | AGENT, {}, {"AWS_REGION": "eu-west-1"}]

ODD = [
    *(
        "",
        "a",
        "k",
        "k=v",
        "\n  k = v",
        "\n  k",
        "x" * 3000,
        "[x]",
        "%(x)s",
        "ü",
        "0",
        "127.0.0.1:9000",
        "unix:/a/socket",
    ),
    *("/a/file", "EcsContainer", "arn:minio:iam:::role/r", "https://sts.example", "default"),
]
GOOD = {
    "role_arn": ["arn:aws:iam::111122223333:role/r"],
    "web_identity_token_file": ["/token", "/another"],
    "source_profile": ["a", "b", "c", "default"],
    "credential_source": ["EcsContainer"],
    "role_session_name": ["me"],
    "duration_seconds": ["900", "7200"],
    "external_id": ["42"],
    "region": ["eu-west-1", "us-gov-west-1"],
    "endpoint_url": ["https://sts.example"],
    "services": ["local"],
    "sidecar_authorization_token_file": ["/a/token", "/b/token"],
    "sidecar_listen": ["127.0.0.1:9921", "unix:/a/socket", "0.0.0.0:9922", "off"],
    "sidecar_imds_listen": ["127.0.0.1:9923"],
    "sidecar_credentials_file": ["/aws"],
    "sidecar_tags": ["k=v", "\n  pod = {pod}"],
    "sidecar_transitive_tags": ["k"],
    "sidecar_source_identity": ["ada"],
    "sidecar_required": ["true"],
}
KEY = st.sampled_from([key.variable for key in KEYS])
PAIRS = st.sampled_from([(key, value) for key, values in GOOD.items() for value in values])
ODD_PAIRS = st.tuples(KEY, st.sampled_from(ODD))
KINDS = [
    {"role_arn": "arn:aws:iam::111122223333:role/r"},
    {"role_arn": "arn:aws:iam::111122223333:role/r", "source_profile": "default"},
    {"role_arn": "arn:aws:iam::111122223333:role/r", "source_profile": "b"},
    {"role_arn": "arn:aws:iam::111122223333:role/r", "credential_source": "EcsContainer"},
    {"credential_source": "EcsContainer"},
    {},
]
SECTIONS = st.builds(
    lambda kind, more: "".join(f"{key} = {value}\n" for key, value in {**dict(more), **kind}.items()),
    st.sampled_from(KINDS),
    st.lists(PAIRS | PAIRS | PAIRS | ODD_PAIRS, max_size=3),
)
NAMES = st.sampled_from(["default", "a", "b", "c", "d", "a b", "ü"])
LOCAL = "[services local]\nsts =\n  endpoint_url = https://sts.local\n"
FILES = st.dictionaries(NAMES, SECTIONS, max_size=5).map(
    lambda sections: LOCAL + "".join(f'[profile "{name}"]\n{section}' for name, section in sections.items())
)
PROFILES = st.sampled_from(["*", "a", "a,b", "default", ""])


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("config") / "config"


def outcome(file: Path, text: str, environ: dict[str, str]) -> RoleSet | BadConfig:
    file.write_text(text)
    try:
        return load(environ | {"AWS_CONFIG_FILE": str(file)}, []).roles
    except BadConfig as error:
        return error


@given(FILES, PROFILES, st.sampled_from(["", "a", "default"]), st.sampled_from(ENVIRONMENTS))
def test_any_file_is_taken_or_refused_with_reasons(
    file: Path, text: str, profiles: str, default: str, environ: dict[str, str]
) -> None:
    found = outcome(file, text, environ | {"SIDECAR_PROFILES": profiles, "SIDECAR_DEFAULT_PROFILE": default})
    if isinstance(found, BadConfig):
        assert all(str(complaint).strip() for complaint in found.complaints)
        assert found.complaints
    else:
        assert_whole(found)


def assert_whole(roles: RoleSet) -> None:
    """Each base is there, and before what stands on it; the default is served; a base alone is given to nobody."""
    seen: set[str] = set()
    for role in roles:
        if isinstance(role.source, ChainSettings):
            assert role.source.base in seen
        seen.add(role.name)
        if not role.served:
            assert role == dataclasses.replace(role, auth_token_file=None, listen={}, credentials_file=None)
    assert roles.default_role.served
    assert roles.default_role.required
    assert roles.served[0] is roles.default_role


@given(FILES, st.sampled_from([*UNSERVED, "external_id"]), st.sampled_from(["", " ", "\n  x = "]))
def test_no_secret_is_repeated(file: Path, text: str, key: str, before: str) -> None:
    found = outcome(file, f"[profile z]\n{key} ={before}{SECRET}?\n{text}", POD | {"SIDECAR_PROFILES": "*"})
    assert isinstance(found, BadConfig)
    assert SECRET not in str(found)


def test_a_chain_has_an_end(file: Path) -> None:
    text = "".join(f"[profile p{n}]\nrole_arn = {ROLE_ARN}\nsource_profile = p{n + 1}\n" for n in range(2000))
    found = outcome(file, text, POD | {"SIDECAR_PROFILES": "p0"})
    assert "more than 100 roles" in str(found)
