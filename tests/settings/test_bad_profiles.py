"""Profiles that nothing can be run with: each complaint names the file, the profile, the key, and what is allowed."""

from pathlib import Path

import pytest

from tests.settings.profile_kit import AUDIT, REPORTS, ConfigFiles

ONE = f"[profile reports]\nrole_arn = {REPORTS}\n"
CHAIN = f"[profile reports]\nrole_arn = {AUDIT}\nsource_profile = default\n"
AGENT = {
    "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://169.254.170.23/v1/credentials",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "/var/run/token",
}
SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYcanary"


# --- the file --------------------------------------------------------------------------------------------------


def test_a_file_that_is_not_there(files: ConfigFiles) -> None:
    gone = str(files.path.parent / "gone")
    assert files.complaint("", AWS_CONFIG_FILE=gone) == (
        f"AWS_CONFIG_FILE: {gone!r} cannot be read (No such file or directory); "
        "mount a file with [profile …] sections there."
    )


def test_a_file_that_no_sdk_reads(files: ConfigFiles) -> None:
    assert files.complaint(f"[default]\n{SECRET}\n") == (
        f"AWS_CONFIG_FILE: {str(files.path)!r} is not a config file: line 2 is no `key = value`. "
        "SDKs refuse it too; see docs/roles.md for the format."
    )


def test_a_file_with_a_byte_order_mark_is_told_of_it(files: ConfigFiles) -> None:
    complaint = files.complaint(f"\ufeff{ONE}")
    assert "it begins with a byte order mark, which no editor shows; save it as UTF-8 without one" in complaint


def test_a_file_that_is_too_large(files: ConfigFiles) -> None:
    assert "larger than 1048576 bytes" in files.complaint("#" * 1024 * 1024 + "\n")


@pytest.mark.parametrize("variable", ["SIDECAR_PROFILES", "SIDECAR_DEFAULT_PROFILE"])
def test_profiles_need_a_file(files: ConfigFiles, variable: str) -> None:
    environ = {"AWS_CONFIG_FILE": "", "SIDECAR_PROFILES": ""} | {variable: "reports"}
    complaint = files.complaint("", **environ)
    assert complaint == f"{variable}: needs the file with the profiles; set AWS_CONFIG_FILE to its path."


@pytest.mark.parametrize("variable", ["SIDECAR_PROFILES", "SIDECAR_DEFAULT_PROFILE"])
def test_a_name_without_a_section(files: ConfigFiles, variable: str) -> None:
    environ = {"SIDECAR_PROFILES": ""} | {variable: "report"}
    assert files.complaint(ONE, **environ) == (
        f"{variable}: 'report' has no section in {files.path}; did you mean reports?"
    )
    assert files.complaint(ONE, **environ | {variable: "x"}).endswith("; there are: reports.")


@pytest.mark.parametrize("names", ["a,,b", ",", "*,a", "a b", "a/b"])
def test_names_that_are_none(files: ConfigFiles, names: str) -> None:
    assert files.complaint(ONE, SIDECAR_PROFILES=names).startswith(f"SIDECAR_PROFILES: {names!r} ")


def test_a_name_that_cannot_be_part_of_a_url(files: ConfigFiles) -> None:
    assert files.complaint(f'[profile "of may"]\nrole_arn = {REPORTS}\n') == (
        "[profile of may]: the name is not a profile; use 1 to 64 of A-Z a-z 0-9 _ . @ + = -."
    )


# --- the values ------------------------------------------------------------------------------------------------

VALUES = [
    ("role_arn", "reports", "is not the ARN of an IAM role;"),
    ("web_identity_token_file", "token", "is not an absolute path."),
    ("role_session_name", "a b", "is not a role session name;"),
    ("duration_seconds", "12h", "is not a duration;"),
    ("region", "EU", "is not a region;"),
    ("region", "", "is not a region;"),
    (
        "region",
        "eu-central-1 # ours",
        "is not a region; use a name such as eu-central-1; a comment needs a line of its",
    ),
    ("region", "eu-central1", "is not a region of AWS; did you mean eu-central-1?"),
    ("region", "aws-global", "means the global endpoint;"),
    ("endpoint_url", "sts.example", "is not an endpoint;"),
    ("endpoint_url", "http://sts.example", "would send the token unencrypted,"),
    ("services", "x", "is no section of this file, or an empty one; add [services x], or take the key out."),
    ("use_fips_endpoint", "yes", "is neither true nor false."),
    ("use_dualstack_endpoint", "1", "is neither true nor false."),
    ("ignore_configured_endpoint_urls", "on", "is neither true nor false."),
    ("ca_bundle", "/nowhere", "is not usable (No such file or directory);"),
    ("sidecar_authorization_token_file", "token", "is not an absolute path."),
    ("sidecar_authorization_token_file", "/dev/zero", "is a directory, a pipe or a device; name a file."),
    ("sidecar_authorization_token_file", "/dev", "is a directory, a pipe or a device; name a file."),
    ("sidecar_authorization_token_mode", "0777", "is not a permitted file mode;"),
    ("sidecar_listen", "9911", "is not an address to listen on;"),
    ("sidecar_imds_listen", "x", "is not an address to listen on;"),
    ("sidecar_ecs_listen", "x", "is not an address to listen on;"),
    ("sidecar_credentials_file", "aws", "is not an absolute path."),
    ("sidecar_policy_file", "/nowhere", "cannot be read (No such file or directory);"),
    ("sidecar_policy_arns", "ReadOnlyAccess", "has 'ReadOnlyAccess', which is not the ARN of a managed policy,"),
    ("sidecar_policy_arns", ",".join(["arn:aws:iam::aws:policy/A"] * 11), "names 11 policies; STS takes 10."),
    ("sidecar_required", "perhaps", "is neither true nor false."),
]


@pytest.mark.parametrize(("key", "value", "why"), VALUES)
def test_a_bad_value_is_shown_with_its_place_and_what_is_allowed(
    files: ConfigFiles, key: str, value: str, why: str
) -> None:
    text = f"[profile reports]\n{key} = {value}\n" + (f"role_arn = {REPORTS}\n" if key != "role_arn" else "")
    assert files.complaint(text).startswith(f"[profile reports] {key}: {value!r} {why}")


CHAINED = [
    ("credential_source", "Environment", "would be static keys in variables,"),
    ("credential_source", "Ec2InstanceMetadata", "would be the node's own role,"),
    ("credential_source", "ecs", "is not EcsContainer, which alone is allowed."),
    ("sidecar_source_identity", "aws:x", "is not a source identity;"),
    ("sidecar_tags", "a", "has 'a'; use KEY=VALUE"),
    ("sidecar_tags", "aws:x=y", "has 'aws:x=y'; use KEY=VALUE"),
    ("sidecar_tags", "a={cluster}", "has {cluster}, which no token tells; {namespace}, {pod}, {service_account} are"),
    ("sidecar_tags", "a={pod", "has '{pod' for a;"),
    ("sidecar_tags", f"a={'x' * 257}", f"has '{'x' * 257}' for a; use up to 256"),
    ("sidecar_tags", "a=1,A=2", "has the key 'a' twice;"),
    ("sidecar_tags", ",".join(f"a{n}=b" for n in range(51)), "has 51 tags; STS takes 50."),
    ("sidecar_transitive_tags", "a", "is no key of sidecar_tags;"),
    ("source_profile", "x", "has no section in this file; there are: reports."),
]


@pytest.mark.parametrize(("key", "value", "why"), CHAINED)
def test_a_bad_value_of_a_chain(files: ConfigFiles, key: str, value: str, why: str) -> None:
    chain = CHAIN if key not in {"credential_source", "source_profile"} else ONE
    assert files.complaint(f"{chain}{key} = {value}\n", **AGENT).startswith(f"[profile reports] {key}: {value!r} {why}")


def test_an_external_id_and_a_password_in_a_url_are_not_shown(files: ConfigFiles) -> None:
    assert files.complaint(f"{CHAIN}external_id = between us\n").startswith(
        "[profile reports] external_id: the value (not shown) is not an external ID;"
    )
    complaint = files.complaint(f"{ONE}endpoint_url = https://me:{SECRET}@sts.example\n")
    assert "endpoint_url: 'https://(not shown)@sts.example' is not an endpoint;" in complaint


def test_a_service_endpoint_is_shown_in_its_own_section(files: ConfigFiles) -> None:
    text = f"{ONE}services = local\n[services local]\nsts =\n  endpoint_url = sts.local\n"
    assert files.complaint(text).startswith("[services local] sts endpoint_url: 'sts.local' is not an endpoint;")


def test_all_complaints_about_all_profiles_come_together(files: ConfigFiles) -> None:
    text = f"{ONE}region = EU\nduration_seconds = 1\n[profile audit]\nrole_arn = x\n"
    places = [complaint.partition(":")[0] for complaint in files.complaints(text, SIDECAR_GRACE="-1")]
    assert places == [
        "[profile reports] duration_seconds",
        "[profile reports] region",
        "[profile audit] role_arn",
        "SIDECAR_GRACE",
    ]


# --- what is not served ----------------------------------------------------------------------------------------

UNSERVED = {
    "aws_access_key_id": "static keys",
    "aws_secret_access_key": "static keys",
    "aws_session_token": "static keys",
    "credential_process": "no program is run",
    "mfa_serial": "nobody is here to type a code",
    "sso_session": "a person signs in",
    "sso_start_url": "a person signs in",
    "sso_region": "a person signs in",
    "sso_account_id": "a person signs in",
    "sso_role_name": "a person signs in",
    "login_session": "a person signs in",
}


@pytest.mark.parametrize("key", UNSERVED)
def test_other_ways_to_credentials_are_refused_by_name_and_without_their_value(files: ConfigFiles, key: str) -> None:
    complaint = files.complaint(f"{ONE}{key} = {SECRET}\n")
    assert complaint.startswith(f"[profile reports] {key}: {UNSERVED[key]}")
    assert "use role_arn with web_identity_token_file, source_profile or credential_source = EcsContainer" in complaint
    assert SECRET not in complaint


def test_a_base_with_static_keys_is_refused_too(files: ConfigFiles) -> None:
    text = f"{ONE}source_profile = user\n[profile user]\naws_secret_access_key = {SECRET}\n"
    complaints = files.complaints(text, SIDECAR_PROFILES="reports")
    assert complaints[0].startswith("[profile user] aws_secret_access_key: static keys are not served")
    assert not any(SECRET in complaint for complaint in complaints)


def test_a_profile_without_a_source(files: ConfigFiles) -> None:
    assert files.complaint("[profile reports]\nregion = eu-central-1\n") == (
        "[profile reports] role_arn: required: without it the profile names no source of credentials."
    )


def test_a_token_without_a_role(files: ConfigFiles) -> None:
    assert files.complaint("[profile reports]\nweb_identity_token_file = /token\n").startswith(
        "[profile reports] role_arn: required"
    )


def test_a_role_without_any_token(files: ConfigFiles) -> None:
    environ = {"AWS_WEB_IDENTITY_TOKEN_FILE": "", "AWS_ROLE_ARN": "", "SIDECAR_DEFAULT_PROFILE": "reports"}
    assert files.complaint(ONE, **environ).startswith("[profile reports] web_identity_token_file: required")


@pytest.mark.parametrize(
    ("more", "key"),
    [
        ("source_profile = default\nweb_identity_token_file = /token\n", "web_identity_token_file"),
        ("source_profile = default\ncredential_source = EcsContainer\n", "credential_source"),
    ],
)
def test_two_sources_contradict_each_other(files: ConfigFiles, more: str, key: str) -> None:
    complaint = files.complaint(ONE + more, **AGENT)
    assert complaint.startswith(f"[profile reports] {key}: cannot be combined with source_profile;")


@pytest.mark.parametrize(
    "line", ["external_id = 42", "sidecar_tags = a=b", "sidecar_source_identity = ada", "sidecar_transitive_tags = a"]
)
def test_what_only_chains_take_is_refused_elsewhere(files: ConfigFiles, line: str) -> None:
    key = line.partition(" ")[0]
    assert files.complaint(f"{ONE}{line}\n").startswith(f"[profile reports] {key}: is for chains:")


def test_a_session_that_comes_ready_made_is_not_asked_for_anything(files: ConfigFiles) -> None:
    text = "[profile reports]\ncredential_source = EcsContainer\nduration_seconds = 900\n"
    assert files.complaint(text, **AGENT).startswith(
        "[profile reports] duration_seconds: is for a role that is assumed"
    )


def test_a_container_source_needs_an_endpoint(files: ConfigFiles) -> None:
    assert files.complaint("[profile reports]\ncredential_source = EcsContainer\n") == (
        "[profile reports] credential_source: EcsContainer needs an endpoint; "
        "set AWS_CONTAINER_CREDENTIALS_FULL_URI in the sidecar's container."
    )


def test_a_signed_call_needs_a_region_also_at_an_endpoint_of_ones_own(files: ConfigFiles) -> None:
    environ = {"AWS_REGION": "", "AWS_ENDPOINT_URL_STS": "https://minio.example"}
    assert files.complaint(CHAIN, **environ).startswith("[profile reports] region: required, also with an endpoint")


# --- names that lead nowhere, or in a circle -------------------------------------------------------------------


@pytest.mark.parametrize("length", [1, 2, 3, 7])
def test_a_circle_is_refused_and_shown(files: ConfigFiles, length: int) -> None:
    names = [f"p{n}" for n in range(length)]
    text = "".join(
        f"[profile {name}]\nrole_arn = {AUDIT}\nsource_profile = {names[(n + 1) % length]}\n"
        for n, name in enumerate(names)
    )
    way = " -> ".join([*names, names[0]])
    assert files.complaint(text) == (
        f"[profile {names[-1]}] source_profile: 'p0' closes a circle, {way}: none of them has credentials; "
        "give one of them another source."
    )


def test_a_default_section_beside_a_plain_role_is_not_guessed_at(files: ConfigFiles) -> None:
    section = f"[default]\nrole_arn = {REPORTS}\n"
    for environ, asked in (
        ({"SIDECAR_PROFILES": "*"}, "SIDECAR_PROFILES"),
        ({"SIDECAR_PROFILES": "default"}, "SIDECAR_PROFILES"),
        ({"SIDECAR_PROFILES": "reports"}, "[profile reports] source_profile"),
    ):
        text = section + (CHAIN if environ["SIDECAR_PROFILES"] == "reports" else "")
        assert files.complaint(text, **environ).startswith(f"{asked}: 'default' may be [default] in {files.path} or")
    assert str(files.roles(section, SIDECAR_DEFAULT_PROFILE="default").default_role.role_arn) == REPORTS


def test_a_chain_on_variables_that_describe_no_role(files: ConfigFiles) -> None:
    environ = {"AWS_ROLE_ARN": "", "SIDECAR_PROFILES": "", "SIDECAR_DEFAULT_PROFILE": "reports"}
    assert files.complaint(CHAIN, **environ).startswith("AWS_ROLE_ARN: required.")


def test_a_misspelt_key_is_refused_and_a_foreign_one_is_not(files: ConfigFiles) -> None:
    for key, meant in (("rolearn", "role_arn"), ("external-id", "external_id"), ("sidecar_tag", "sidecar_tags")):
        assert files.complaint(f"{ONE}{key} = x\n") == f"[profile reports] {key}: unknown key; did you mean {meant}?"
    assert files.complaint(f"{ONE}sidecar_zzz = x\n").startswith(
        "[profile reports] sidecar_zzz: unknown key; docs/roles"
    )


OTHERS = """
output = json
cli_pager =
cli_auto_prompt = on
retry_mode = standard
max_attempts = 3
defaults_mode = auto
parameter_validation = true
tcp_keepalive = true
s3 =
  addressing_style = path
s3_us_east_1_regional_endpoint = regional
s3_disable_multiregion_access_points = true
sts_regional_endpoints = regional
ec2_metadata_service_endpoint = http://127.0.0.1
ec2_metadata_service_endpoint_mode = IPv4
ec2_metadata_v1_disabled = true
metadata_service_timeout = 1
metadata_service_num_attempts = 1
endpoint_discovery_enabled = auto
account_id_endpoint_mode = preferred
request_min_compression_size_bytes = 10240
disable_request_compression = false
request_checksum_calculation = when_supported
response_checksum_validation = when_supported
sigv4a_signing_region_set = *
sdk_ua_app_id = app
user_agent_appid = app
aws_account_id = 111122223333
api_versions =
  ec2 = 2015-03-01
"""


def test_keys_that_sdks_read_for_other_things_are_none_of_our_business(files: ConfigFiles) -> None:
    assert files.roles(ONE + OTHERS) == files.roles(ONE)


# --- two roles that want one place -----------------------------------------------------------------------------

TWO = f"[profile reports]\nrole_arn = {REPORTS}\n{{}}\n[profile audit]\nrole_arn = {AUDIT}\n{{}}\n"


@pytest.mark.parametrize(
    ("one", "other", "complaint"),
    [
        (
            "sidecar_listen = 127.0.0.1:9921",
            "sidecar_imds_listen = 127.0.0.1:9921",
            "[profile audit] sidecar_imds_listen: '127.0.0.1:9921' is taken by ",
        ),
        (
            "",
            "sidecar_listen = 127.0.0.1:9911",
            "[profile audit] sidecar_listen: '127.0.0.1:9911' is taken by SIDECAR_LIS",
        ),
        (
            "",
            "sidecar_listen = 127.0.0.1:9912",
            "[profile audit] sidecar_listen: '127.0.0.1:9912' is taken by SIDECAR_ADM",
        ),
        (
            "sidecar_listen = unix:/run/a",
            "sidecar_listen = unix:/run/../run/a",
            "[profile audit] sidecar_listen: '/run/../run/a' is also the path of ",
        ),
        (
            "sidecar_authorization_token_file = /a/token",
            "sidecar_authorization_token_file = /a/token",
            "[profile audit] sidecar_authorization_token_file: '/a/token' is also the path of ",
        ),
        (
            "",
            "sidecar_authorization_token_file = /token",
            "[profile audit] sidecar_authorization_token_file: '/token' is also the path of AWS_WEB_IDENTITY_",
        ),
        (
            "sidecar_credentials_file = /aws",
            "web_identity_token_file = /aws",
            "[profile audit] web_identity_token_file: '/aws' is also the path of ",
        ),
    ],
)
def test_one_place_for_two_things_is_refused(files: ConfigFiles, one: str, other: str, complaint: str) -> None:
    assert files.complaint(TWO.format(one, other)).startswith(complaint)


def test_two_roles_cannot_have_one_section(files: ConfigFiles) -> None:
    text = f"{ONE}sidecar_credentials_file = /aws\n"
    environ = {"SIDECAR_CREDENTIALS_FILE": "/aws", "SIDECAR_CREDENTIALS_FILE_PROFILE": "reports"}
    assert files.complaint(text, **environ) == (
        "[profile reports] sidecar_credentials_file: '/aws' has the section [reports] from default already; "
        "give one of them another file."
    )


def test_the_default_role_has_one_credentials_file(files: ConfigFiles) -> None:
    environ = {"SIDECAR_CREDENTIALS_FILE": "/plain", "SIDECAR_DEFAULT_PROFILE": "reports"}
    assert files.complaint(f"{ONE}sidecar_credentials_file = /own\n", **environ).startswith(
        "SIDECAR_CREDENTIALS_FILE: '/plain' is for the default role, whose profile names /own;"
    )


def test_the_config_file_is_no_place_to_write_to(files: ConfigFiles) -> None:
    complaint = files.complaint(f"{ONE}sidecar_credentials_file = {files.path}\n")
    assert complaint.endswith("is also the path of AWS_CONFIG_FILE; give each its own.")


# --- who could get past a role's own token ---------------------------------------------------------------------


def test_an_address_outside_the_pod_needs_a_token_the_roles_own_is_one(files: ConfigFiles) -> None:
    exposed = f"{ONE}sidecar_listen = 0.0.0.0:9921\n"
    assert files.complaint(exposed).startswith(
        "[profile reports] sidecar_listen: '0.0.0.0:9921' can be reached from outside the pod;"
    )
    assert files.roles(f"{exposed}sidecar_authorization_token_file = /a/token\n")
    assert files.complaint(f"{ONE}sidecar_imds_listen = 0.0.0.0:80\n").startswith(
        "[profile reports] sidecar_imds_listen:"
    )


@pytest.mark.parametrize("key", ["sidecar_imds_listen", "sidecar_ecs_listen"])
def test_no_face_without_tokens_gives_a_role_that_has_its_own(files: ConfigFiles, key: str) -> None:
    protected = f"{ONE}sidecar_authorization_token_file = /a/token\n{key} = "
    complaint = files.complaint(f"{protected}127.0.0.7:80\n")
    assert complaint.startswith(f"[profile reports] {key}: '127.0.0.7:80' would give the role to every container")
    assert files.roles(f"{protected}unix:/reports/socket\n"), "only those reach a socket who mount its directory"


def test_nor_do_the_shared_ones_give_the_default_role(files: ConfigFiles) -> None:
    protected = f"{ONE}sidecar_authorization_token_file = /a/token\n"
    environ = {"SIDECAR_DEFAULT_PROFILE": "reports", "SIDECAR_IMDS_LISTEN": "169.254.169.254:80"}
    assert files.complaint(protected, **environ).startswith(
        "SIDECAR_IMDS_LISTEN: '169.254.169.254:80' would give the role reports to every container of the pod,"
    )


def test_a_policy_file_must_hold_a_policy(files: ConfigFiles, tmp_path: Path) -> None:
    policy = tmp_path / "policy.json"
    for content, why in (
        ("{", "does not hold JSON;"),
        ("[]", "does not hold an IAM policy,"),
        ('{"Statement": "' + "x" * 2048 + '"}', "holds more than the 2048 characters"),
    ):
        policy.write_text(content)
        complaint = files.complaint(f"{ONE}sidecar_policy_file = {policy}\n")
        assert complaint.startswith(f"[profile reports] sidecar_policy_file: {str(policy)!r} {why}")
    policy.write_bytes(b"\xff")
    assert "is not UTF-8 text" in files.complaint(f"{ONE}sidecar_policy_file = {policy}\n")
