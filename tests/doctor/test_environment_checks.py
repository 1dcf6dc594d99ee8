"""The settings, and the application's environment: would an SDK there ask the sidecar?"""

from pathlib import Path

import pytest

from sidecar.doctor import (
    application,
    application_authorization,
    application_files,
    application_metadata,
    application_sdk,
    application_uri,
    environment,
)
from sidecar.doctor.pod import Pod
from tests.doctor.snapshots import a_pod, an_app, outcome

FULL_URI = "AWS_CONTAINER_CREDENTIALS_FULL_URI"
TOKEN, TOKEN_FILE = "AWS_CONTAINER_AUTHORIZATION_TOKEN", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"


async def test_settings_that_serve_would_take_pass(tmp_path: Path) -> None:
    finding = environment.settings(await a_pod(tmp_path / "token"))

    assert outcome(finding) == ("settings", "pass")
    assert "https://sts.eu-west-1.amazonaws.com" in finding.saw


async def test_settings_that_serve_would_refuse_fail_with_its_words(tmp_path: Path) -> None:
    finding = environment.settings(await a_pod(tmp_path / "token", {"AWS_ROLE_ARN": "api", "SIDECAR_PORT": "1"}))

    assert outcome(finding) == ("settings", "fail")
    assert "is not the ARN of an IAM role" in finding.message
    assert "SIDECAR_PORT: unknown setting" in finding.message


async def test_a_proxy_that_is_none_is_a_complaint_like_any_other(tmp_path: Path) -> None:
    finding = environment.settings(await a_pod(tmp_path / "token", {"HTTPS_PROXY": "ftp://user:password@x"}))

    assert outcome(finding) == ("settings", "fail")
    assert "password" not in str(finding)


async def test_a_role_of_another_server_is_worth_a_word(tmp_path: Path) -> None:
    of_minio = {"AWS_ROLE_ARN": "arn:minio:iam:::role/x", "AWS_ENDPOINT_URL_STS": "https://minio.example"}
    assert outcome(environment.role(await a_pod(tmp_path / "token", of_minio))) == ("role-arn", "warn")
    assert environment.role(await a_pod(tmp_path / "token")) is None


@pytest.mark.parametrize(("seconds", "level"), [("900", "warn"), ("1799", "warn"), ("1800", "pass")])
async def test_sessions_so_short_that_sdks_ask_all_the_time_are_told(tmp_path: Path, seconds: str, level: str) -> None:
    pod = await a_pod(tmp_path / "token", {"SIDECAR_DURATION": seconds})

    assert outcome(environment.duration(pod)) == ("session-duration", level)


@pytest.mark.parametrize(
    ("changed", "level"),
    [
        ({}, "pass"),
        ({"AWS_ENDPOINT_URL_STS": "http://127.0.0.1:9922"}, "pass"),
        ({"AWS_ENDPOINT_URL_STS": "https://sts.internal.example"}, "pass"),
        ({"AWS_ENDPOINT_URL_STS": "https://sts.amazonaws.com"}, "warn"),
        ({"AWS_ENDPOINT_URL_STS": "http://sts.internal.example", "SIDECAR_STS_HTTP": "true"}, "warn"),
        ({"AWS_REGION": "cn-north-1"}, "fail"),
        ({"AWS_REGION": "us-gov-west-1"}, "fail"),
        ({"AWS_REGION": "cn-north-1", "AWS_ROLE_ARN": "arn:aws-cn:iam::111122223333:role/api"}, "pass"),
        ({"AWS_REGION": "us-gov-west-1", "AWS_ROLE_ARN": "arn:aws-us-gov:iam::111122223333:role/api"}, "pass"),
        ({"AWS_REGION": "us-iso-east-1"}, "fail"),
        ({"AWS_REGION": "us-isob-east-1", "AWS_ROLE_ARN": "arn:aws-iso-b:iam::111122223333:role/api"}, "pass"),
    ],
)
async def test_the_endpoint_is_regional_encrypted_and_in_the_roles_partition(
    tmp_path: Path, changed: dict[str, str], level: str
) -> None:
    pod = await a_pod(tmp_path / "token", changed)

    assert outcome(environment.endpoint(pod)) == ("sts-setting", level)


# --- the application -------------------------------------------------------------------------------------------


async def test_without_an_applications_environment_its_checks_are_skipped(tmp_path: Path) -> None:
    pod = await a_pod(tmp_path / "token")

    assert outcome(application.given(pod)) == ("app-environment", "skip")
    assert [check(pod) for check in (application_uri.full_uri, application.web_identity, application_sdk.sdk)] == [
        None
    ] * 3


async def test_our_own_environment_is_the_applications_where_it_names_an_endpoint(tmp_path: Path) -> None:
    pod = await a_pod(tmp_path / "token", {FULL_URI: "http://127.0.0.1:9911/v1/credentials"})

    assert application.given(pod) is None
    assert outcome(application.web_identity(pod)) == ("app-web-identity", "fail")


@pytest.mark.parametrize(
    ("uri", "level", "words"),
    [
        ("http://127.0.0.1:9911/v1/credentials", "pass", "every SDK"),
        ("http://127.0.0.1:9911/v1/credentials/default", "pass", "every SDK"),
        ("http://127.0.0.1:9911/v1/credentials/reprots", "fail", "no role of this name; it has: default."),
        ("http://127.0.0.1:9911/", "pass", "every SDK"),
        ("http://127.0.0.1:9911", "warn", "path is missing"),
        ("http://localhost:9911/v1/credentials", "warn", "the literal 127.0.0.1"),
        ("http://10.0.0.1:9911/v1/credentials", "fail", "loopback"),
        ("http://sidecar.shop.svc:9911/v1/credentials", "fail", "loopback"),
        ("https://127.0.0.1:9911/v1/credentials", "fail", "plain http"),
        ("http://127.0.0.1:9911/v1/credentials?role=x", "fail", "query"),
        ("http://127.0.0.1:9911/credentials", "fail", "/v1/credentials"),
        ("http://127.0.0.1:9991/v1/credentials", "fail", "SIDECAR_LISTEN"),
        ("http://169.254.170.23/v1/credentials", "fail", "The EKS Pod Identity agent answers there."),
        ("127.0.0.1:9911", "fail", "No SDK"),
        ("http://[::1", "fail", "No SDK"),
        (None, "fail", "No SDK"),
    ],
)
async def test_the_address_is_one_that_sdks_take_and_that_leads_here(
    tmp_path: Path, uri: str | None, level: str, words: str
) -> None:
    finding = application_uri.full_uri(await an_app(tmp_path, {FULL_URI: uri}))

    assert outcome(finding) == ("app-uri", level)
    assert finding is not None
    assert words in finding.message


METADATA, RELATIVE_URI = "AWS_EC2_METADATA_SERVICE_ENDPOINT", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"


async def an_app_of_reports(tmp_path: Path, key: str, app: dict[str, str | None]) -> Pod:
    """Beside a sidecar whose role reports has an address of its own."""
    config = tmp_path / "config"
    config.write_text(f"[profile reports]\nrole_arn = arn:aws:iam::111122223333:role/reports\n{key}\n")
    return await an_app(tmp_path, app, {"AWS_CONFIG_FILE": str(config), "SIDECAR_PROFILES": "reports"})


@pytest.mark.parametrize(
    ("key", "app", "expected", "fix"),
    [
        ("sidecar_listen = 127.0.0.1:9920", {FULL_URI: "http://127.0.0.1:9920/"}, ("app-uri", "pass"), ""),
        ("sidecar_listen = 127.0.0.1:9920", {FULL_URI: "http://localhost:9920/"}, ("app-uri", "warn"), ":9920/v1"),
        (
            "sidecar_listen = 127.0.0.1:9920",
            {FULL_URI: "http://127.0.0.1:9920/v1/credentials/default"},
            ("app-uri", "fail"),
            ":9920/v1",
        ),
        (
            "sidecar_listen = 127.0.0.2:9920",
            {FULL_URI: "http://127.0.0.2:9920/"},
            ("app-uri", "warn"),
            "127.0.0.2:9920/v1",
        ),
        ("sidecar_ecs_listen = 127.0.0.1:9920", {FULL_URI: "http://127.0.0.1:9920/"}, ("app-uri", "pass"), ""),
        ("sidecar_ecs_listen = 127.0.0.1:9920", {FULL_URI: "http://localhost:9920/"}, ("app-uri", "warn"), ":9920/v1"),
        (
            "sidecar_ecs_listen = 169.254.170.2:80",
            {FULL_URI: None, RELATIVE_URI: "/"},
            ("app-relative-uri", "pass"),
            "",
        ),
        (
            "sidecar_ecs_listen = 169.254.170.2:80",
            {FULL_URI: None, RELATIVE_URI: "/v1/credentials/default"},
            ("app-relative-uri", "fail"),
            "",
        ),
        (
            "sidecar_imds_listen = 127.0.0.1:9920",
            {FULL_URI: None, METADATA: "http://127.0.0.1:9920/", "AWS_EC2_METADATA_DISABLED": None},
            ("app-imds", "pass"),
            "",
        ),
        (
            "sidecar_imds_listen = 127.0.0.1:9920",
            {FULL_URI: None, METADATA: "http://127.0.0.1:9920", "AWS_EC2_METADATA_DISABLED": None},
            ("app-imds", "warn"),
            "http://127.0.0.1:9920/",
        ),
        (
            "sidecar_imds_listen = 169.254.169.254:80",
            {FULL_URI: None, "AWS_EC2_METADATA_DISABLED": None},
            ("app-imds", "pass"),
            "",
        ),
    ],
)
async def test_an_address_of_one_role_leads_to_it_and_no_fix_leads_to_another(
    tmp_path: Path, key: str, app: dict[str, str | None], expected: tuple[str, str], fix: str
) -> None:
    pod = await an_app_of_reports(tmp_path, key, app)
    assert pod.config is not None, pod.trouble
    checks = {
        "app-uri": application_uri.full_uri,
        "app-relative-uri": application_uri.relative_uri,
        "app-imds": application_metadata.metadata,
    }

    finding = checks[expected[0]](pod)

    assert outcome(finding) == expected
    assert finding is not None
    assert fix in finding.fix


@pytest.mark.parametrize(
    ("key", "uri", "level", "words"),
    [
        (
            "sidecar_listen = 127.0.0.1:9920",
            "http://127.0.0.1:9911/v1/credentials/reports",
            "fail",
            "value: http://127.0.0.1:9920/v1/credentials",
        ),
        (
            "sidecar_listen = [::1]:9920",
            "http://127.0.0.1:9911/v1/credentials/reports",
            "fail",
            "value: http://[::1]:9920/v1/credentials",
        ),
        ("sidecar_imds_listen = 127.0.0.1:9920", "http://127.0.0.1:9911/v1/credentials/reports", "pass", ""),
        (
            "sidecar_imds_listen = off",
            "http://localhost:9911/v1/credentials/reports",
            "warn",
            "value: http://127.0.0.1:9911/v1/credentials/reports",
        ),
        (
            "sidecar_imds_listen = off",
            "http://127.0.0.1:9999/v1/credentials/reports",
            "fail",
            "value: http://127.0.0.1:9911/v1/credentials/reports",
        ),
        (
            "sidecar_listen = off\nsidecar_credentials_file = /run/aws/credentials",
            "http://127.0.0.1:9911/v1/credentials/reports",
            "fail",
            "",
        ),
    ],
)
async def test_a_role_is_sought_where_it_is_served_and_a_fix_keeps_its_name(
    tmp_path: Path, key: str, uri: str, level: str, words: str
) -> None:
    finding = application_uri.full_uri(await an_app_of_reports(tmp_path, key, {FULL_URI: uri}))

    assert outcome(finding) == ("app-uri", level)
    assert finding is not None
    assert words in {line.strip() for line in finding.fix.splitlines()} | {""}


@pytest.mark.parametrize("path", ["", "/", "/v1/credentials", "/v1/credentials/reports", "/credentials"])
async def test_a_default_role_with_an_address_of_its_own_is_not_at_the_shared_one(tmp_path: Path, path: str) -> None:
    config = tmp_path / "config"
    role = "role_arn = arn:aws:iam::111122223333:role"
    config.write_text(f"[profile reports]\n{role}/reports\nsidecar_listen = 127.0.0.1:9920\n[profile x]\n{role}/x\n")
    profiles = {"AWS_CONFIG_FILE": str(config), "SIDECAR_PROFILES": "*", "SIDECAR_DEFAULT_PROFILE": "reports"}
    app = {FULL_URI: f"http://127.0.0.1:9911{path}"}

    finding = application_uri.full_uri(await an_app(tmp_path, app, profiles | {"AWS_ROLE_ARN": ""}))

    assert outcome(finding) == ("app-uri", "fail")
    assert finding is not None
    assert finding.fix.endswith("http://127.0.0.1:9920/v1/credentials")


async def test_where_only_roles_of_their_own_addresses_are_served_these_are_told(tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text(
        "[profile reports]\nrole_arn = arn:aws:iam::111122223333:role/reports\nsidecar_listen = 127.0.0.1:9920\n"
    )
    imds = {"SIDECAR_LISTEN": "off", "SIDECAR_IMDS_LISTEN": "127.0.0.1:9913"}
    only = {"AWS_CONFIG_FILE": str(config), "SIDECAR_DEFAULT_PROFILE": "reports"} | imds
    pod = await an_app(tmp_path, {FULL_URI: "http://127.0.0.1:9999/"}, only | {"AWS_ROLE_ARN": ""})

    assert pod.config is not None, pod.complaints
    finding = application_uri.full_uri(pod)

    assert finding is not None
    assert "listens on 127.0.0.1:9920 for reports alone (SIDECAR_LISTEN)" in finding.message
    assert finding.fix.endswith("http://127.0.0.1:9920/v1/credentials")
    assert application_uri.set_full_uri(pod).endswith("http://127.0.0.1:9920/v1/credentials")


async def test_an_endpoint_with_a_password_is_told_without_it(tmp_path: Path) -> None:
    on = {"SIDECAR_IMDS_LISTEN": "127.0.0.1:9913"}
    for address in ("127.0.0.1:9913", "127.0.0.1:9914"):
        app = {FULL_URI: None, METADATA: f"http://user:hunter2@{address}/", "AWS_EC2_METADATA_DISABLED": None}
        assert "hunter2" not in str(application_metadata.metadata(await an_app(tmp_path, app, on)))


async def test_an_address_of_one_role_asks_for_the_token_of_that_role(tmp_path: Path) -> None:
    key = f"sidecar_listen = 127.0.0.1:9920\nsidecar_authorization_token_file = {tmp_path}/authorization"
    pod = await an_app_of_reports(tmp_path, key, {FULL_URI: "http://127.0.0.1:9920/"})

    finding = application_authorization.authorization(pod)

    assert finding is not None
    assert "The role reports requires an authorization token of its own" in finding.message


async def test_a_relative_uri_beside_it_wins_in_most_sdks(tmp_path: Path) -> None:
    pod = await an_app(tmp_path, {"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/v2/credentials/x"})

    assert outcome(application_uri.relative_uri(pod)) == ("app-relative-uri", "fail")
    assert application_uri.relative_uri(await an_app(tmp_path)) is None


@pytest.mark.parametrize(
    ("changed", "level"),
    [
        ({}, "pass"),
        ({"AWS_WEB_IDENTITY_TOKEN_FILE": "/token", "AWS_ROLE_ARN": "arn"}, "fail"),
        ({"AWS_WEB_IDENTITY_TOKEN_FILE": "/token"}, "fail"),
        ({"AWS_ROLE_ARN": "arn"}, "warn"),
    ],
)
async def test_web_identity_variables_shadow_the_sidecar(tmp_path: Path, changed: dict[str, str], level: str) -> None:
    assert outcome(application.web_identity(await an_app(tmp_path, changed))) == ("app-web-identity", level)


@pytest.mark.parametrize("name", application.STATIC_KEYS)
async def test_keys_in_the_environment_come_first_under_each_of_their_names(tmp_path: Path, name: str) -> None:
    finding = application.static_keys(await an_app(tmp_path, {name: "AKIA"}))

    assert outcome(finding) == ("app-static-keys", "fail")
    assert finding is not None
    assert (finding.saw, finding.fix) == (f"{name} set", f"kubectl set env WORKLOAD -c APP {name}-")
    assert "AKIA" not in str(finding)


@pytest.mark.parametrize("name", application_files.PROFILES)
async def test_a_profile_comes_before_an_endpoint(tmp_path: Path, name: str) -> None:
    assert outcome(application_files.profile(await an_app(tmp_path, {name: "dev"}))) == ("app-profile", "fail")
    assert application_files.profile(await an_app(tmp_path)) is None


@pytest.mark.parametrize("name", application_files.FILES)
async def test_a_file_with_settings_may_come_before_an_endpoint(tmp_path: Path, name: str) -> None:
    finding = application_files.settings_files(await an_app(tmp_path, {name: "/etc/aws/settings"}))

    assert outcome(finding) == ("app-settings-file", "warn")
    assert finding is not None
    assert finding.fix.endswith("/etc/aws/settings")
    assert application_files.settings_files(await an_app(tmp_path, {name: "/dev/null"})) is None


async def test_with_the_endpoint_off_the_doctor_says_so(tmp_path: Path) -> None:
    sidecar = {"SIDECAR_LISTEN": "off", "SIDECAR_IMDS_LISTEN": "127.0.0.1:9913"}

    finding = application_uri.full_uri(await an_app(tmp_path, sidecar=sidecar))

    assert outcome(finding) == ("app-uri", "fail")
    assert finding is not None
    assert finding.message == "The sidecar's Container endpoint is off (SIDECAR_LISTEN)."


@pytest.mark.parametrize(("value", "level"), [("true", "pass"), ("TRUE", "pass"), ("1", "warn"), (None, "warn")])
async def test_the_way_to_the_nodes_role_is_shut(tmp_path: Path, value: str | None, level: str) -> None:
    pod = await an_app(tmp_path, {"AWS_EC2_METADATA_DISABLED": value})

    assert outcome(application_metadata.metadata(pod)) == ("app-imds", level)


async def test_a_proxy_that_would_see_the_request_is_told(tmp_path: Path) -> None:
    through = await an_app(tmp_path, {"HTTP_PROXY": "http://user:hunter2@proxy:3128"})
    exempt = await an_app(tmp_path, {"HTTP_PROXY": "http://proxy:3128", "NO_PROXY": "10.0.0.1,127.0.0.1"})

    assert outcome(application.proxy(through)) == ("app-proxy", "warn")
    assert "hunter2" not in str(application.proxy(through))
    assert application.proxy(exempt) is None


async def test_an_authorization_token_must_be_there_if_the_sidecar_wants_one(tmp_path: Path) -> None:
    pod = await an_app(tmp_path, sidecar={"SIDECAR_AUTH_TOKEN": "hunter2"})

    assert outcome(application_authorization.authorization(pod)) == ("app-authorization", "fail")
    assert application_authorization.authorization(await an_app(tmp_path)) is None


@pytest.mark.parametrize(
    ("variable", "content", "level", "words"),
    [
        ("hunter2", "hunter2", "pass", "can read the"),
        ("hunter2", None, "warn", "others only the file"),
        (None, "hunter2", "warn", "only the variable"),
        ("hunter2", "hunter2\n", "fail", "newline"),
        ("hunter2", "hunter3", "fail", "401"),
    ],
)
async def test_both_places_hold_the_same_token_without_a_newline(
    tmp_path: Path, variable: str | None, content: str | None, level: str, words: str
) -> None:
    file = tmp_path / "authorization"
    if content is not None:
        file.write_text(content)
    pod = await an_app(tmp_path, {TOKEN: variable, TOKEN_FILE: str(file) if content else None})

    finding = application_authorization.authorization(pod)

    assert outcome(finding) == ("app-authorization", level)
    assert finding is not None
    assert words in finding.message
    assert "hunter" not in str(finding)


@pytest.mark.parametrize(
    ("path", "has_file", "level", "words"),
    [
        ("/reports", True, "pass", "Only the file has the token of the role reports"),
        ("/reports", False, "fail", "The role reports requires an authorization token of its own"),
        ("", True, "warn", "only the variable"),
    ],
)
async def test_a_role_with_a_token_that_the_sidecar_makes_needs_the_file_and_no_variable(
    tmp_path: Path, path: str, has_file: bool, level: str, words: str
) -> None:
    file = tmp_path / "authorization"
    file.write_text("hunter2")
    config = tmp_path / "config"
    config.write_text(
        "[profile reports]\nrole_arn = arn:aws:iam::111122223333:role/reports\n"
        f"sidecar_authorization_token_file = {file}\n"
    )
    app = {FULL_URI: f"http://127.0.0.1:9911/v1/credentials{path}", TOKEN_FILE: str(file) if has_file else None}
    pod = await an_app(tmp_path, app, {"AWS_CONFIG_FILE": str(config), "SIDECAR_PROFILES": "reports"})

    finding = application_authorization.authorization(pod)

    assert outcome(finding) == ("app-authorization", level)
    assert finding is not None
    assert words in finding.message


async def test_a_file_of_the_applications_that_we_cannot_see_is_not_judged(tmp_path: Path) -> None:
    pod = await an_app(tmp_path, {TOKEN: "x", TOKEN_FILE: "/var/run/elsewhere/token"})

    assert outcome(application_authorization.authorization(pod)) == ("app-authorization", "skip")


@pytest.mark.parametrize(
    ("changed", "level", "words"),
    [
        ({}, "pass", "would use the sidecar"),
        ({"AWS_WEB_IDENTITY_TOKEN_FILE": "/token", "AWS_ROLE_ARN": "arn"}, "fail", "the token itself"),
        ({"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}, "fail", "keys in the environment"),
        ({"AWS_WEB_IDENTITY_TOKEN_FILE": "/token"}, "fail", "would fail before"),
        ({FULL_URI: None, "AWS_EC2_METADATA_DISABLED": None}, "fail", "the node's role"),
        ({FULL_URI: None}, "fail", "no credentials"),
    ],
)
async def test_a_real_sdks_own_chain_is_asked(
    tmp_path: Path, changed: dict[str, str | None], level: str, words: str
) -> None:
    finding = application_sdk.sdk(await an_app(tmp_path, changed))

    assert outcome(finding) == ("app-sdk", level)
    assert finding is not None
    assert words in finding.message
