"""Profiles as roles: what each key means, what the variables give where it says nothing, and which roles there are."""

from pathlib import Path

import pytest

from sidecar.faces.registry import CONTAINER, ECS, IMDS
from sidecar.http.addresses import TcpAddress, UnixAddress
from sidecar.settings.complaints import BadConfig
from sidecar.settings.roles import ContainerSettings, CredentialsFileSettings, WebIdentitySettings
from tests.settings.profile_kit import AUDIT, REPORTS, ConfigFiles

ONE = f"[profile reports]\nrole_arn = {REPORTS}\n"
CHAIN = f"[profile reports]\nrole_arn = {AUDIT}\nsource_profile = default\nexternal_id = 7/4\n"
AGENT = {
    "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://169.254.170.23/v1/credentials",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "/var/run/token",
}


# --- which roles there are -------------------------------------------------------------------------------------


def test_named_profiles_stand_beside_the_plain_role(files: ConfigFiles) -> None:
    roles = files.roles(f"{ONE}[profile audit]\nrole_arn = {AUDIT}\n", SIDECAR_PROFILES="audit, reports")
    assert [role.name for role in roles.served] == ["default", "audit", "reports"]
    assert roles.default == "default"


def test_each_role_knows_which_setting_names_its_token_file(files: ConfigFiles) -> None:
    own = f"[profile audit]\nrole_arn = {AUDIT}\nweb_identity_token_file = /audit/token\n"
    roles = files.roles(ONE + own)
    keys = {each.name: each.source.token_file_key for each in roles if isinstance(each.source, WebIdentitySettings)}
    variable = "AWS_WEB_IDENTITY_TOKEN_FILE"
    assert keys == {"default": variable, "reports": variable, "audit": "web_identity_token_file"}


def test_a_star_is_every_profile(files: ConfigFiles) -> None:
    roles = files.roles(f"[default]\nregion = eu-west-1\n{ONE}[profile audit]\nrole_arn = {AUDIT}\n[plugins]\na = b\n")
    assert [role.name for role in roles.served] == ["default", "reports", "audit"]


def test_what_is_not_asked_for_is_not_looked_at(files: ConfigFiles) -> None:
    roles = files.roles(f"{ONE}[profile human]\nsso_session = corp\n", SIDECAR_PROFILES="reports")
    assert [role.name for role in roles.served] == ["default", "reports"]


def test_without_profiles_that_are_asked_for_the_file_is_not_read(files: ConfigFiles) -> None:
    roles = files.roles("this is no config file", SIDECAR_PROFILES="")
    assert list(roles.by_name) == ["default"]


def test_a_profile_can_be_the_default_and_the_plain_variables_are_then_no_role(files: ConfigFiles) -> None:
    roles = files.roles(ONE, SIDECAR_PROFILES="", SIDECAR_DEFAULT_PROFILE="reports")
    assert [role.name for role in roles] == ["reports"]
    assert roles.default_role.required


def test_with_a_default_profile_no_plain_role_is_needed(files: ConfigFiles) -> None:
    text = f"{ONE}region = eu-west-1\nweb_identity_token_file = /reports/token\n"
    roles = files.roles(
        text, AWS_ROLE_ARN="", AWS_WEB_IDENTITY_TOKEN_FILE="", AWS_REGION="", SIDECAR_DEFAULT_PROFILE="reports"
    )
    assert roles.default == "reports"


def test_the_files_own_default_is_the_default_where_the_variables_describe_no_role(files: ConfigFiles) -> None:
    roles = files.roles(f"[default]\nrole_arn = {AUDIT}\n", AWS_ROLE_ARN="")
    assert str(roles.default_role.role_arn) == AUDIT


def test_only_what_is_asked_for_is_served(files: ConfigFiles) -> None:
    text = f"""
        [profile base]
        role_arn = {AUDIT}
        sidecar_listen = 127.0.0.1:9000
        [profile reports]
        role_arn = {REPORTS}
        source_profile = base
    """
    roles = files.roles(text, SIDECAR_PROFILES="reports")
    assert [role.name for role in roles.served] == ["default", "reports"]
    assert not roles.by_name["base"].served
    assert roles.by_name["base"].listen == {}


def test_bases_come_before_the_roles_that_stand_on_them(files: ConfigFiles) -> None:
    text = "".join(f"[profile p{n}]\nrole_arn = {AUDIT}\nsource_profile = p{n + 1}\n" for n in range(9))
    roles = files.roles(f"{text}[profile p9]\nrole_arn = {REPORTS}\n")
    assert list(roles.by_name) == ["default", *(f"p{n}" for n in range(9, -1, -1))]


def test_a_chain_on_the_default_stands_on_the_plain_role_also_where_a_profile_is_the_default(
    files: ConfigFiles,
) -> None:
    roles = files.roles(CHAIN, SIDECAR_PROFILES="", SIDECAR_DEFAULT_PROFILE="reports")
    assert [(role.name, role.served) for role in roles] == [("default", False), ("reports", True)]


# --- where the credentials come from ---------------------------------------------------------------------------


def test_a_role_is_assumed_with_the_pods_token_unless_it_has_its_own(files: ConfigFiles) -> None:
    assert files.web_identity(ONE).token_file == Path("/token")
    assert files.web_identity(f"{ONE}web_identity_token_file = /reports/token\n").token_file == Path("/reports/token")


def test_a_chain_names_its_base_and_what_assumerole_takes(files: ConfigFiles) -> None:
    text = f"""{CHAIN}role_session_name = reports-of-may
sidecar_tags =
  namespace = {{namespace}}
  team = blue and green
sidecar_transitive_tags = team
sidecar_source_identity = ada
sidecar_policy_arns = arn:aws:iam::aws:policy/ReadOnlyAccess, arn:aws:iam::444455556666:policy/own/one
"""
    chain = files.chain(text)
    assert (str(chain.role_arn), chain.base) == (AUDIT, "default")
    assert chain.session.external_id == "7/4"
    assert chain.session.name == "reports-of-may"
    assert chain.session.tags == (("namespace", "{namespace}"), ("team", "blue and green"))
    assert chain.session.transitive_tags == ("team",)
    assert chain.session.source_identity == "ada"
    assert chain.session.policy_arns == (
        "arn:aws:iam::aws:policy/ReadOnlyAccess",
        "arn:aws:iam::444455556666:policy/own/one",
    )


def test_what_is_not_everybodys_is_in_no_repr(files: ConfigFiles, tmp_path: Path) -> None:
    (tmp_path / "policy.json").write_text('{"Statement": [], "Id": "canary"}')
    loaded = files.config(f"{CHAIN}sidecar_policy_file = {tmp_path}/policy.json\n")
    session = files.chain(files.path.read_text()).session
    assert (session.external_id, "canary" in str(session.policy)) == ("7/4", True)
    assert "7/4" not in repr(loaded)
    assert "canary" not in repr(loaded)


def test_tags_may_stand_on_one_line(files: ConfigFiles) -> None:
    assert files.chain(f"{CHAIN}sidecar_tags = a=b, pod={{pod}}\n").session.tags == (("a", "b"), ("pod", "{pod}"))


def test_the_container_endpoint_can_be_a_role_and_the_base_of_one(files: ConfigFiles) -> None:
    endpoint = ContainerSettings(url=AGENT["AWS_CONTAINER_CREDENTIALS_FULL_URI"], token_file=Path("/var/run/token"))
    roles = files.roles("[profile reports]\ncredential_source = EcsContainer\n", **AGENT)
    assert roles.by_name["reports"].source == endpoint
    roles = files.roles(f"{ONE}credential_source = EcsContainer\n", **AGENT)
    base = roles.by_name[files.chain(f"{ONE}credential_source = EcsContainer\n", **AGENT).base]
    assert (base.source, base.served) == (endpoint, False)


def test_a_session_policy_is_read_from_its_file(files: ConfigFiles, tmp_path: Path) -> None:
    policy = tmp_path / "policy.json"
    policy.write_text('{"Version": "2012-10-17", "Statement": []}\n')
    found = files.web_identity(f"{ONE}sidecar_policy_file = {policy}\n").session.policy
    assert found == '{"Version": "2012-10-17", "Statement": []}'


# --- sessions and STS ------------------------------------------------------------------------------------------


def test_variables_are_the_defaults_of_every_profile(files: ConfigFiles) -> None:
    found = files.web_identity(
        ONE, SIDECAR_DURATION="7200", AWS_ROLE_SESSION_NAME="me", HTTPS_PROXY="http://proxy:3128"
    )
    assert (found.session.duration, found.session.name) == (7200, "me")
    assert found.sts.endpoint == "https://sts.eu-central-1.amazonaws.com"
    assert found.sts.proxy == "http://proxy:3128"


def test_a_profile_has_its_own_region_and_session(files: ConfigFiles) -> None:
    found = files.web_identity(f"{ONE}region = us-gov-west-1\nduration_seconds = 900\nrole_session_name = me\n")
    assert (found.session.duration, found.session.name, found.sts.region) == (900, "me", "us-gov-west-1")
    assert found.sts.endpoint == "https://sts.us-gov-west-1.amazonaws.com"


def test_a_chain_lasts_an_hour_at_most(files: ConfigFiles) -> None:
    assert files.chain(CHAIN, SIDECAR_DURATION="43200").session.duration == 3600
    roles = files.roles(f"{CHAIN}duration_seconds = 7200\n")
    assert files.chain(f"{CHAIN}duration_seconds = 7200\n").session.duration == 3600
    (warning,) = roles.warnings
    assert warning == (
        f"{files.path}: [profile reports] duration_seconds: 7200 is capped at 3600, AWS's limit for role chaining."
    )


ELSEWHERE = "[services local]\nsts =\n  endpoint_url = https://sts.local\ns3 =\n  endpoint_url = https://s3.local\n"


@pytest.mark.parametrize(
    ("keys", "endpoint"),
    [
        ("endpoint_url = https://all.example\n", "https://all.example"),
        (f"endpoint_url = https://all.example\nservices = local\n{ELSEWHERE}", "https://sts.local"),
        ("services = local\n[services local]\ns3 =\n  endpoint_url = https://s3.local\n", "https://plain.example"),
        (
            f"ignore_configured_endpoint_urls = true\nservices = local\n{ELSEWHERE}",
            "https://sts.eu-central-1.amazonaws.com",
        ),
        ("", "https://plain.example"),
    ],
)
def test_the_nearest_endpoint_wins(files: ConfigFiles, keys: str, endpoint: str) -> None:
    found = files.web_identity(ONE + keys, AWS_ENDPOINT_URL_STS="https://plain.example")
    assert found.sts.endpoint == endpoint


def test_fips_and_dual_stack_of_a_profile(files: ConfigFiles) -> None:
    both = files.web_identity(f"{ONE}use_fips_endpoint = true\nuse_dualstack_endpoint = True\n")
    assert both.sts.endpoint == "https://sts-fips.eu-central-1.api.aws"
    neither = files.web_identity(f"{ONE}use_fips_endpoint = false\n", AWS_USE_FIPS_ENDPOINT="true")
    assert neither.sts.endpoint == "https://sts.eu-central-1.amazonaws.com"


def test_a_profile_has_its_own_authorities(files: ConfigFiles) -> None:
    import botocore

    bundle = Path(botocore.__file__).with_name("cacert.pem")
    assert files.web_identity(f"{ONE}ca_bundle = {bundle}\n").sts.ca_bundle == bundle
    assert files.web_identity(ONE, AWS_CA_BUNDLE=str(bundle)).sts.ca_bundle == bundle


def test_another_servers_role_needs_the_profiles_own_endpoint(files: ConfigFiles) -> None:
    minio = "[profile reports]\nrole_arn = arn:minio:iam:::role/x\n"
    assert files.complaint(minio).startswith("[profile reports] role_arn: 'arn:minio:iam:::role/x' is not the ARN")
    assert (
        str(files.web_identity(f"{minio}endpoint_url = https://minio.example\n").role_arn) == "arn:minio:iam:::role/x"
    )


def test_fallback_regions_stand_in_for_aws_but_for_no_other_server(files: ConfigFiles) -> None:
    other = {"SIDECAR_STS_FALLBACK_REGIONS": "eu-west-1"}
    assert [each.region for each in files.web_identity(ONE, **other).sts.fallbacks] == ["eu-west-1"]
    assert files.web_identity(f"{ONE}endpoint_url = https://minio.example\n", **other).sts.fallbacks == ()


# --- who is given it -------------------------------------------------------------------------------------------


def test_a_role_is_shown_where_its_profile_says(files: ConfigFiles) -> None:
    text = f"""{ONE}
sidecar_authorization_token_file = /reports/authorization
sidecar_authorization_token_mode = 0400
sidecar_listen = 127.0.0.1:9921, unix:/reports/socket
sidecar_credentials_file = /reports/credentials
sidecar_required = true
"""
    role = files.roles(text, SIDECAR_SOCKET_MODE="0660").by_name["reports"]
    assert role.auth_token_file == Path("/reports/authorization")
    assert role.auth_token_mode == 0o400
    assert role.listen == {
        CONTAINER: (TcpAddress("127.0.0.1", 9921), UnixAddress(Path("/reports/socket"), mode=0o660)),
    }
    assert role.credentials_file == CredentialsFileSettings(path=Path("/reports/credentials"), profile="reports")
    assert role.required


@pytest.mark.parametrize(
    "way", ["sidecar_listen = 127.0.0.1:9921", "sidecar_listen = unix:/a/socket", "sidecar_credentials_file = /a/file"]
)
def test_a_sidecar_may_serve_single_roles_alone(files: ConfigFiles, way: str) -> None:
    assert "reports" in files.roles(f"{ONE}{way}\n", SIDECAR_LISTEN="off").by_name


def test_a_role_whose_own_ways_are_off_serves_nobody(files: ConfigFiles) -> None:
    with pytest.raises(BadConfig, match="no client could get credentials"):
        files.roles(f"{ONE}sidecar_listen = off\n", SIDECAR_LISTEN="off")


def test_an_imds_and_an_ecs_address_of_its_own(files: ConfigFiles) -> None:
    text = f"{ONE}sidecar_imds_listen = 127.0.0.7:80\nsidecar_ecs_listen = 169.254.170.2:80\nsidecar_listen = off\n"
    assert files.roles(text).by_name["reports"].listen == {
        CONTAINER: (),
        IMDS: (TcpAddress("127.0.0.7", 80),),
        ECS: (TcpAddress("169.254.170.2", 80),),
    }


def test_one_credentials_file_may_hold_many_profiles(files: ConfigFiles) -> None:
    text = (
        f"{ONE}sidecar_credentials_file = /aws\n[profile audit]\nrole_arn = {AUDIT}\nsidecar_credentials_file = /aws\n"
    )
    roles = files.roles(text, SIDECAR_CREDENTIALS_FILE="/aws")
    sections = [role.credentials_file.profile for role in roles.served if role.credentials_file]
    assert sections == ["default", "reports", "audit"]


def test_the_credentials_file_of_the_variables_is_the_default_roles(files: ConfigFiles) -> None:
    environ = {"SIDECAR_CREDENTIALS_FILE": "/aws", "SIDECAR_DEFAULT_PROFILE": "reports"}
    found = files.roles(ONE, **environ).default_role.credentials_file
    assert found == CredentialsFileSettings(path=Path("/aws"), profile="default")
