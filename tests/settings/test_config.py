"""Settings: from environment and flags to a `Config`, or to every complaint there is."""

import contextlib
import io
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sidecar.core.arns import RoleArn
from sidecar.core.session_request import SessionRequest
from sidecar.faces.registry import CONTAINER, ECS, FACES, IMDS
from sidecar.http.addresses import TcpAddress, UnixAddress
from sidecar.settings.catalogue import SETTINGS
from sidecar.settings.complaints import BadConfig
from sidecar.settings.config import Config, load
from sidecar.settings.roles import RoleSet, RoleSettings, StsConnection, WebIdentitySettings
from tests.doubles import KEY_CANARY, ROLE_ARN

TOKEN_FILE = "/var/run/secrets/eks.amazonaws.com/serviceaccount/token"
ENOUGH = {"AWS_ROLE_ARN": ROLE_ARN, "AWS_WEB_IDENTITY_TOKEN_FILE": TOKEN_FILE, "AWS_REGION": "eu-central-1"}
"""The least that a sidecar runs with."""
PASSWORD = "canary-in-the-password"
AUTH_TOKEN = "the-pods-own-authorization-token"


def config(*argv: str, **environ: str) -> Config:
    return load(ENOUGH | environ, argv)


def proxy_of(loaded: Config) -> str | None:
    sts = loaded.roles.default_role.sts
    assert sts is not None
    return sts.proxy


def complaints(*argv: str, without: str = "", **environ: str) -> list[str]:
    """What is said against settings that are enough, but for these."""
    given = {name: text for name, text in ENOUGH.items() if name != without} | environ
    with pytest.raises(BadConfig) as caught:
        load(given, argv)
    return [str(complaint) for complaint in caught.value.complaints]


# --- what is good ----------------------------------------------------------------------------------------------


def test_three_variables_are_enough_and_the_rest_has_safe_defaults() -> None:
    found = config()
    assert found == Config(
        role_arn=RoleArn.parse(ROLE_ARN),
        token_file=Path(TOKEN_FILE),
        session_name=None,
        config_file=None,
        profiles=None,
        default_profile=None,
        role_loader=found.role_loader,
        container_uri=None,
        container_path=None,
        container_token=None,
        container_token_file=None,
        roles=RoleSet("default", {"default": PLAIN_ROLE}),
        ca_bundle=None,
        listen=LISTEN,
        admin_listen=(TcpAddress("0.0.0.0", 9912),),
        auth_token=None,
        auth_token_file=None,
        duration=3600,
        log_level="info",
        log_format="json",
        grace=25.0,
        region="eu-central-1",
        endpoint_url=None,
        fips=False,
        dualstack=False,
        sts_http=False,
        imds_v1=False,
        imds_min_life=900.0,
        availability_zone=None,
        fallback_regions=(),
        socket_mode=None,
        socket_group=None,
        socket_owner=None,
        credentials_file=None,
        credentials_profile="default",
        credentials_mode=0o600,
        credentials_removed=False,
    )


PLAIN_ROLE = RoleSettings(
    name="default",
    required=True,
    source=WebIdentitySettings(
        role_arn=RoleArn.parse(ROLE_ARN),
        token_file=Path(TOKEN_FILE),
        session=SessionRequest(name=None, duration=3600),
        sts=StsConnection(endpoint="https://sts.eu-central-1.amazonaws.com", region="eu-central-1"),
    ),
)
LISTEN = dict.fromkeys(FACES, ()) | {CONTAINER: (TcpAddress("127.0.0.1", 9911),)}
TWO_ADDRESSES = (TcpAddress("::1", 1), TcpAddress("169.254.170.2", 80))
GOVCLOUD_ROLE = "arn:aws-us-gov:iam::111122223333:role/a"
AGENT = "http://169.254.170.23/v1/credentials"
ACCEPTED: list[tuple[str, str, str, Any]] = [
    ("AWS_ROLE_ARN", GOVCLOUD_ROLE, "role_arn", RoleArn.parse(GOVCLOUD_ROLE)),
    ("AWS_WEB_IDENTITY_TOKEN_FILE", "/t", "token_file", Path("/t")),
    ("AWS_ROLE_SESSION_NAME", "shop.checkout", "session_name", "shop.checkout"),
    ("AWS_CONTAINER_CREDENTIALS_FULL_URI", AGENT, "container_uri", AGENT),
    ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/credentials", "container_path", "/v2/credentials"),
    ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "/agent/token", "container_token_file", Path("/agent/token")),
    ("AWS_REGION", "cn-north-1", "sts_endpoint", "https://sts.cn-north-1.amazonaws.com.cn"),
    ("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:9000/sts", "sts_endpoint", "http://127.0.0.1:9000/sts"),
    ("AWS_USE_FIPS_ENDPOINT", "True", "sts_endpoint", "https://sts-fips.eu-central-1.amazonaws.com"),
    ("SIDECAR_STS_HTTP", "true", "sts_http", True),
    ("SIDECAR_STS_FALLBACK_REGIONS", "eu-west-1,us-east-1", "fallback_regions", ("eu-west-1", "us-east-1")),
    ("AWS_USE_DUALSTACK_ENDPOINT", "true", "sts_endpoint", "https://sts.eu-central-1.api.aws"),
    (
        "SIDECAR_LISTEN",
        "[::1]:1, 169.254.170.2:80",
        "listen",
        LISTEN | {CONTAINER: TWO_ADDRESSES},
    ),
    (
        "SIDECAR_LISTEN",
        "unix:/run/a.sock",
        "listen",
        LISTEN | {CONTAINER: (UnixAddress(Path("/run/a.sock")),)},
    ),
    ("SIDECAR_ADMIN_LISTEN", "10.0.0.7:9000", "admin_listen", (TcpAddress("10.0.0.7", 9000),)),
    ("SIDECAR_DURATION", "900", "duration", 900),
    ("SIDECAR_LOG_LEVEL", "DEBUG", "log_level", "debug"),
    ("SIDECAR_LOG_FORMAT", "Text", "log_format", "text"),
    ("SIDECAR_GRACE", "0", "grace", 0.0),
    ("SIDECAR_ECS_LISTEN", "169.254.170.2:80", "listen", LISTEN | {ECS: (TcpAddress("169.254.170.2", 80),)}),
    ("SIDECAR_IMDS_LISTEN", "127.0.0.1:0", "listen", LISTEN | {IMDS: (TcpAddress("127.0.0.1", 0),)}),
    ("SIDECAR_IMDS_V1", "true", "imds_v1", True),
    ("SIDECAR_IMDS_MIN_LIFE", "60", "imds_min_life", 60.0),
    ("SIDECAR_IMDS_AVAILABILITY_ZONE", "us-west-2-lax-1a", "availability_zone", "us-west-2-lax-1a"),
    ("SIDECAR_CREDENTIALS_FILE", "/aws/credentials", "credentials_file", Path("/aws/credentials")),
    ("SIDECAR_CREDENTIALS_FILE_PROFILE", "registry", "credentials_profile", "registry"),
    ("SIDECAR_SOCKET_MODE", "660", "socket_mode", 0o660),
    ("SIDECAR_SOCKET_GROUP", "2000", "socket_group", 2000),
    ("SIDECAR_SOCKET_OWNER", "1000", "socket_owner", 1000),
    ("SIDECAR_CREDENTIALS_FILE_MODE", "640", "credentials_mode", 0o640),
    ("SIDECAR_CREDENTIALS_FILE_REMOVE", "true", "credentials_removed", True),
]
FLAGS = {setting.variable: setting.flag or "" for setting in SETTINGS}


@pytest.mark.parametrize(("variable", "text", "attribute", "value"), ACCEPTED)
def test_each_setting_is_read_from_its_variable(variable: str, text: str, attribute: str, value: object) -> None:
    assert getattr(config(**{variable: text}), attribute) == value


@pytest.mark.parametrize(("variable", "text", "attribute", "value"), [each for each in ACCEPTED if FLAGS[each[0]]])
def test_each_setting_is_read_from_its_flag(variable: str, text: str, attribute: str, value: object) -> None:
    assert getattr(config(FLAGS[variable], text), attribute) == value


WITH_A_FILE = {"AWS_CONFIG_FILE", "SIDECAR_PROFILES", "SIDECAR_DEFAULT_PROFILE"}
"""Tested in test_profiles."""


def test_every_setting_has_a_row_above_or_a_test_below() -> None:
    with_their_own_tests = {
        *WITH_A_FILE,
        "AWS_CONTAINER_AUTHORIZATION_TOKEN",
        "AWS_CA_BUNDLE",
        "SIDECAR_AUTH_TOKEN",
        "SIDECAR_AUTH_TOKEN_FILE",
    }
    assert {variable for variable, *_ in ACCEPTED} | with_their_own_tests == {setting.variable for setting in SETTINGS}


def test_a_flag_wins_over_its_variable() -> None:
    assert config("--duration", "1800", SIDECAR_DURATION="900").duration == 1800


def test_a_flag_hides_a_bad_variable() -> None:
    assert config("--duration=1800", SIDECAR_DURATION="soon").duration == 1800


@pytest.mark.parametrize(
    ("environ", "endpoint"),
    [
        ({"AWS_DEFAULT_REGION": "us-east-2"}, "https://sts.us-east-2.amazonaws.com"),
        ({"AWS_DEFAULT_REGION": "us-east-2", "AWS_REGION": "us-west-2"}, "https://sts.us-west-2.amazonaws.com"),
        ({"AWS_DEFAULT_REGION": "us-east-2", "AWS_REGION": ""}, "https://sts.us-east-2.amazonaws.com"),
        ({"AWS_ENDPOINT_URL": "https://vpce.example"}, "https://vpce.example"),
        (
            {"AWS_ENDPOINT_URL": "https://all.example", "AWS_ENDPOINT_URL_STS": "https://sts.example"},
            "https://sts.example",
        ),
        ({"AWS_ENDPOINT_URL_STS": "https://sts.example", "AWS_REGION": "us-west-2"}, "https://sts.example"),
    ],
)
def test_awss_own_name_wins_over_its_older_or_wider_alias(environ: dict[str, str], endpoint: str) -> None:
    needed = {name: ENOUGH[name] for name in ("AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE")}
    assert load(needed | environ, []).sts_endpoint == endpoint


@pytest.mark.parametrize(
    "setting", [s for s in SETTINGS if s.variable not in ENOUGH and s.empty_is_unset], ids=lambda s: s.variable
)
def test_an_empty_variable_counts_as_unset(setting: Any) -> None:
    environ = {"AWS_ENDPOINT_URL_STS": "https://sts.example"} if setting.variable == "AWS_REGION" else {}
    unset = {name: text for name, text in (ENOUGH | environ).items() if name != setting.variable}
    assert load(unset | {setting.variable: ""}, []) == load(unset, [])


def test_a_ca_bundle_is_tried_before_it_is_needed(tmp_path: Path) -> None:
    bundle = tmp_path / "ca.pem"
    bundle.write_text("not a certificate")
    (complaint,) = complaints(AWS_CA_BUNDLE=str(bundle))
    assert complaint.startswith(f"AWS_CA_BUNDLE: '{bundle}' is not usable (")
    assert complaint.endswith("; use a readable PEM file.")
    assert complaints(AWS_CA_BUNDLE="/nowhere") == [
        "AWS_CA_BUNDLE: '/nowhere' is not usable (No such file or directory); use a readable PEM file."
    ]


def test_a_good_ca_bundle_is_taken() -> None:
    import botocore

    bundle = Path(botocore.__file__).with_name("cacert.pem")
    assert config("--ca-bundle", str(bundle)).ca_bundle == bundle


def test_an_authorization_token_may_come_from_variable_and_file(tmp_path: Path) -> None:
    file = tmp_path / "auth"
    file.write_text(f"{AUTH_TOKEN}\n")
    both = config(SIDECAR_AUTH_TOKEN=AUTH_TOKEN, SIDECAR_AUTH_TOKEN_FILE=str(file))
    assert (both.auth_token, both.auth_token_file) == (AUTH_TOKEN, file)
    assert config("--auth-token-file", str(file)).auth_token_file == file


def test_a_proxy_comes_from_curls_variables_and_is_never_shown() -> None:
    proxied = config(HTTPS_PROXY=f"http://me:{PASSWORD}@proxy.example:3128")
    assert proxy_of(proxied) == f"http://me:{PASSWORD}@proxy.example:3128"
    assert proxy_of(config(HTTPS_PROXY="http://proxy.example:3128", NO_PROXY="amazonaws.com")) is None
    assert PASSWORD not in repr(proxied)


def test_the_authorization_token_is_never_shown() -> None:
    assert AUTH_TOKEN not in repr(config(SIDECAR_AUTH_TOKEN=AUTH_TOKEN))


# --- what is bad -----------------------------------------------------------------------------------------------

SESSION_NAMES = "use 2 to 64 of A-Z a-z 0-9 _ + = , . @ -"
ROLE_ARNS = "arn:<partition>:iam::<12-digit account>:role/<path and name> is allowed"
ADDRESSES = "use IP:PORT, [IPv6]:PORT, localhost:PORT or unix:/PATH, several separated by commas"
DURATIONS = "use 900 to 43200 (seconds), up to the role's MaxSessionDuration"
ENDPOINTS = "use http(s)://host[:port][/path], without user and query"

REFUSED = [
    ("AWS_ROLE_ARN", "role/checkout", f"is not the ARN of an IAM role; {ROLE_ARNS}."),
    ("AWS_WEB_IDENTITY_TOKEN_FILE", "run/token", "is not an absolute path."),
    ("AWS_WEB_IDENTITY_TOKEN_FILE", "/", "names no file."),
    ("SIDECAR_CREDENTIALS_FILE", "//", "names no file."),
    ("SIDECAR_CREDENTIALS_FILE", "/aws/..", "names no file."),
    ("AWS_ROLE_SESSION_NAME", "shop/checkout", f"is not a role session name; {SESSION_NAMES}."),
    ("AWS_REGION", "EU_1", "is not a region; use a name such as eu-central-1."),
    ("AWS_ENDPOINT_URL_STS", "sts.example:443", f"is not an endpoint; {ENDPOINTS}."),
    ("AWS_USE_FIPS_ENDPOINT", "maybe", "is neither true nor false."),
    ("AWS_USE_DUALSTACK_ENDPOINT", "2", "is neither true nor false."),
    ("SIDECAR_LISTEN", "9911", f"is not an address to listen on; {ADDRESSES}."),
    ("SIDECAR_ADMIN_LISTEN", "0.0.0.0:99999", f"is not an address to listen on; {ADDRESSES}."),
    ("SIDECAR_DURATION", "1h", f"is not a duration; {DURATIONS}."),
    ("SIDECAR_LOG_LEVEL", "loud", "is not one of debug, info, warning, error."),
    ("SIDECAR_LOG_FORMAT", "xml", "is not one of json, text."),
    ("SIDECAR_GRACE", "-1", "is not a time; use 0 to 3600 (seconds)."),
]


@pytest.mark.parametrize(("variable", "text", "why"), REFUSED)
def test_a_complaint_names_variable_value_and_what_is_allowed(variable: str, text: str, why: str) -> None:
    assert complaints(**{variable: text}) == [f"{variable}: {text!r} {why}"]


@pytest.mark.parametrize(("variable", "text", "why"), REFUSED)
def test_a_complaint_about_a_flag_names_the_flag(variable: str, text: str, why: str) -> None:
    assert complaints(f"{FLAGS[variable]}={text}") == [f"{FLAGS[variable]}: {text!r} {why}"]


def test_a_complaint_names_the_alias_that_was_used() -> None:
    assert complaints(without="AWS_REGION", AWS_DEFAULT_REGION="EU_1") == [
        "AWS_DEFAULT_REGION: 'EU_1' is not a region; use a name such as eu-central-1."
    ]


MINIO_ROLE = "arn:minio:iam:::role/nOybJqMNzNmroqEKq5D0EUsRZw0"


def test_another_servers_role_needs_that_servers_endpoint() -> None:
    (complaint,) = complaints(AWS_ROLE_ARN=MINIO_ROLE)
    assert complaint.startswith(f"AWS_ROLE_ARN: {MINIO_ROLE!r} is not the ARN of an IAM role; {ROLE_ARNS}")
    assert "AWS_ENDPOINT_URL_STS" in complaint
    taken = config(AWS_ROLE_ARN=MINIO_ROLE, AWS_ENDPOINT_URL_STS="https://minio.example:9000")
    assert str(taken.role_arn) == MINIO_ROLE


def test_an_empty_flag_is_a_mistake_and_not_a_default() -> None:
    assert complaints("--duration", "") == [f"--duration: '' is not a duration; {DURATIONS}."]


def test_what_settings_mean_together_is_told_by_the_name_that_was_typed() -> None:
    url = "http://minio.example"
    assert [each.partition(" ")[0] for each in complaints("--region", "eu-west-1a")] == ["--region:"]
    assert [each.partition(" ")[0] for each in complaints("--endpoint-url-sts", url)] == ["--endpoint-url-sts:"]
    assert [each.partition(" ")[0] for each in complaints("--profiles", "a")] == ["--profiles:"]
    by_alias = complaints(without="AWS_REGION", AWS_DEFAULT_REGION="eu-west1")
    assert by_alias == ["AWS_DEFAULT_REGION: 'eu-west1' is not a region of AWS; did you mean eu-west-1?"]


@pytest.mark.parametrize("variable", ["AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE"])
@pytest.mark.parametrize("how", ["absent", "empty"])
def test_a_required_setting_that_is_not_there_is_named_and_explained(variable: str, how: str) -> None:
    environ = {} if how == "absent" else {variable: ""}
    (complaint,) = complaints(without=variable, **environ)
    meaning = next(setting.meaning for setting in SETTINGS if setting.variable == variable)
    assert complaint == f"{variable}: required. {meaning}"


def test_without_region_and_endpoint_it_refuses_rather_than_go_global() -> None:
    assert complaints(without="AWS_REGION") == [
        "AWS_REGION: required, to call that region's STS (the global endpoint is never used); "
        "or set AWS_ENDPOINT_URL_STS."
    ]


def test_a_pseudo_region_is_refused() -> None:
    (complaint,) = complaints(AWS_REGION="aws-global")
    assert complaint.startswith("AWS_REGION: 'aws-global' means the global endpoint;")


@pytest.mark.parametrize(
    ("region", "why"),
    [
        ("eu-west1", "is not a region of AWS; did you mean eu-west-1?"),
        ("eu-west-1a", "is an availability zone, not a region; did you mean eu-west-1?"),
        ("us-gov-west1", "is not a region of AWS; did you mean us-gov-west-1?"),
        ("euwest1", "is not a region of AWS; use a name such as eu-central-1."),
        ("ireland", "is not a region of AWS; use a name such as eu-central-1."),
    ],
)
def test_a_misspelt_region_is_refused_and_not_resolved(region: str, why: str) -> None:
    assert complaints(AWS_REGION=region) == [f"AWS_REGION: {region!r} {why}"]
    assert config(AWS_REGION=region, AWS_ENDPOINT_URL_STS="https://sts.example").region == region


@pytest.mark.parametrize(
    "region", ["eu-central-1", "us-gov-east-1", "eusc-de-east-1", "us-isob-east-1", "ap-southeast-12"]
)
def test_a_region_that_may_be_is_taken(region: str) -> None:
    assert f".{region}." in config(AWS_REGION=region).sts_endpoint


@pytest.mark.parametrize(
    ("container", "other", "taken"),
    [
        ("127.0.0.1:9913", "127.0.0.1:9913", "127.0.0.1:9913"),
        ("localhost:9913", "127.0.0.1:9913", "localhost:9913"),
        ("127.0.0.1:9911,[::1]:9913", "localhost:9913", "[::1]:9913"),
    ],
)
def test_two_listeners_at_one_address_are_named(container: str, other: str, taken: str) -> None:
    assert complaints(SIDECAR_LISTEN=container, SIDECAR_IMDS_LISTEN=other) == [
        f"SIDECAR_IMDS_LISTEN: {other!r} is taken by SIDECAR_LISTEN ({taken}) already; choose another port."
    ]


def test_all_addresses_of_a_family_leave_nothing_for_others() -> None:
    (complaint,) = complaints(SIDECAR_LISTEN="127.0.0.1:9912")
    assert complaint.startswith("SIDECAR_ADMIN_LISTEN: '0.0.0.0:9912' is taken by SIDECAR_LISTEN (127.0.0.1:9912)")


@pytest.mark.parametrize("listen", ["[::1]:9912", "127.0.0.1:0,127.0.0.1:0", "127.0.0.1:9911,[::1]:9911"])
def test_listeners_that_do_not_meet_are_taken(listen: str) -> None:
    assert config(SIDECAR_LISTEN=listen).listen


@pytest.mark.parametrize("switch", ["AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT"])
def test_an_endpoint_of_ones_own_cannot_be_made_fips_or_dual_stack(switch: str) -> None:
    assert complaints(AWS_ENDPOINT_URL_STS="https://sts.example", **{switch: "true"}) == [
        "AWS_ENDPOINT_URL_STS: 'https://sts.example' cannot be combined with FIPS or dual-stack; set only one of them."
    ]


BAD_HOSTS = ("a..b", ".", "x" * 64, "a." * 127 + "ab", "127.1", "1.2.3.4.5", "0", "-a", "a-", "h|x", "a\\b", "a\udce9")


@pytest.mark.parametrize(
    "proxy",
    [
        f"socks5://me:{PASSWORD}@proxy.example:1080",
        f"http://me:12/{PASSWORD}@proxy.example:3128",
        f"http://me:12?{PASSWORD}@proxy.example:3128",
        f"http://me:12#{PASSWORD}@proxy.example:3128",
        "http:/proxy.example:3128",
        "http://proxy.example:٣",
        *(f"http://{host}:3128" for host in BAD_HOSTS),
    ],
)
def test_a_proxy_that_is_none_is_complained_about_without_being_quoted(proxy: str) -> None:
    assert complaints(HTTPS_PROXY=proxy) == [
        "HTTPS_PROXY: the value (not shown) is not the address of an HTTP proxy; http://proxy.example:3128 is one."
    ]


@pytest.mark.parametrize("host", BAD_HOSTS)
def test_an_endpoint_whose_host_cannot_be_is_refused(host: str) -> None:
    (complaint, *_) = complaints(AWS_ENDPOINT_URL_STS=f"https://{host}")
    assert complaint.startswith("AWS_ENDPOINT_URL_STS: ")


@pytest.mark.parametrize(
    "host",
    ["proxy", "proxy.example.", "pröxy.example", "xn--prxy-5qa.example", "a_b", "10.0.0.7", "[fd00::7]"],
)
def test_a_proxy_may_have_any_name_or_address(host: str) -> None:
    assert proxy_of(config(HTTPS_PROXY=f"http://{host}:3128/")) == f"http://{host}:3128/"


# --- who could reach us ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("address", ["0.0.0.0:9911", "[::]:9911", "10.0.0.7:9911", "169.254.1.1:80", "[fd00::1]:80"])
def test_an_address_that_others_can_reach_is_refused_without_a_token(address: str) -> None:
    assert complaints(SIDECAR_LISTEN=f"127.0.0.1:9910,{address}") == [
        f"SIDECAR_LISTEN: '{address}' can be reached from outside the pod; "
        "set SIDECAR_AUTH_TOKEN or SIDECAR_AUTH_TOKEN_FILE, or listen on 127.0.0.1."
    ]
    assert config(SIDECAR_LISTEN=address, SIDECAR_AUTH_TOKEN=AUTH_TOKEN).listen


OUR_OWN = (
    *("127.0.0.1:0", "127.8.8.8:1", "localhost:1", "[::1]:9911", "[0:0:0:0:0:0:0:1]:80", "unix:/run/s.sock"),
    *("169.254.170.2:80", "169.254.170.23:80", "169.254.169.254:80", "[fd00:ec2::23]:80", "[FD00:EC2::23]:80"),
    *("[fd00:ec2::254]:80", "[fd00:0ec2:0::0254]:80", "[::ffff:127.0.0.1]:80", "[::ffff:169.254.170.2]:80"),
)


@pytest.mark.parametrize("address", OUR_OWN)
def test_an_address_of_the_pods_own_needs_no_token(address: str) -> None:
    assert config(SIDECAR_LISTEN=address).auth_token is None


@pytest.mark.parametrize(
    ("listen", "names"),
    [
        *[(f"{host}:9911", set()) for host in ("127.0.0.1", "localhost", "[::1]", "[0:0:0:0:0:0:0:1]")],
        ("127.0.0.9:9911,169.254.170.2:80", {"127.0.0.9", "169.254.170.2"}),
        ("[FD00:EC2:0::23]:80", {"fd00:ec2::23"}),
        ("[::ffff:127.0.0.1]:80", set()),
        ("unix:/run/s.sock", set()),
    ],
)
def test_requests_may_name_the_listeners_own_addresses_and_localhost_as_anybody_spells_it(
    listen: str, names: set[str]
) -> None:
    assert config(SIDECAR_LISTEN=listen).host_names == frozenset({"localhost", "127.0.0.1", "::1"} | names)


@pytest.mark.parametrize("listen", ["0.0.0.0:9911", "[::]:9911", "[0::0]:9911", "127.0.0.1:9911,0.0.0.0:9913"])
def test_on_all_of_a_pods_addresses_no_name_is_known(listen: str) -> None:
    assert config(SIDECAR_LISTEN=listen, SIDECAR_AUTH_TOKEN=AUTH_TOKEN).host_names is None


# --- authorization tokens --------------------------------------------------------------------------------------


def test_a_bad_authorization_token_is_not_shown() -> None:
    assert complaints(SIDECAR_AUTH_TOKEN=f"{KEY_CANARY}\n") == [
        "SIDECAR_AUTH_TOKEN: the value (not shown) is not usable: "
        "it begins or ends with white space, which clients do not send."
    ]


@pytest.mark.parametrize("variable", ["SIDECAR_AUTH_TOKEN", "SIDECAR_AUTH_TOKEN_FILE"])
def test_an_emptied_authorization_token_does_not_silently_open_the_door(variable: str) -> None:
    assert complaints(**{variable: ""}) == [f"{variable}: empty, which protects nothing; set a token, or unset it."]


def test_a_token_file_that_cannot_be_used_is_named_but_not_quoted(tmp_path: Path) -> None:
    file = tmp_path / "auth"
    file.write_text(f"{KEY_CANARY}\n{KEY_CANARY}")
    assert complaints(SIDECAR_AUTH_TOKEN_FILE=str(file)) == [
        f"SIDECAR_AUTH_TOKEN_FILE: '{file}' does not hold a usable token: "
        "it contains characters that HTTP headers do not allow."
    ]
    assert complaints(SIDECAR_AUTH_TOKEN_FILE="/nowhere") == [
        "SIDECAR_AUTH_TOKEN_FILE: '/nowhere' cannot be read (No such file or directory); "
        "use a file that holds the token."
    ]


@pytest.mark.parametrize(
    "argv",
    [
        ["--auth-token", KEY_CANARY],
        [f"--auth-token={KEY_CANARY}"],
        ["--auth-token", f"-{KEY_CANARY}"],  # base64 tokens may begin with a hyphen
        [f"--auth-token=-{KEY_CANARY}"],
    ],
)
def test_a_token_on_the_command_line_is_refused_and_not_repeated(argv: list[str]) -> None:
    assert complaints(*argv) == [
        "--auth-token: every process on the node could read it; use SIDECAR_AUTH_TOKEN or --auth-token-file."
    ]


@pytest.mark.parametrize("password", [PASSWORD, KEY_CANARY, f"{PASSWORD}@home"])
def test_a_password_in_an_endpoint_is_refused_and_not_repeated(password: str) -> None:
    assert complaints(AWS_ENDPOINT_URL_STS=f"https://me:{password}@sts.example") == [
        f"AWS_ENDPOINT_URL_STS: 'https://(not shown)@sts.example' is not an endpoint; {ENDPOINTS}."
    ]


# --- names that mean nothing -----------------------------------------------------------------------------------


def test_an_unknown_variable_of_ours_is_refused_with_the_nearest_name() -> None:
    assert complaints(SIDECAR_LISTEM="127.0.0.1:1", SIDECAR_ROLE_ARN=ROLE_ARN, SIDECAR_XYZZY="1") == [
        "SIDECAR_LISTEM: unknown setting; did you mean SIDECAR_LISTEN?",
        "SIDECAR_ROLE_ARN: unknown setting; did you mean AWS_ROLE_ARN?",
        "SIDECAR_XYZZY: unknown setting; see --help for a list.",
    ]


def test_an_unknown_flag_is_refused_with_the_nearest_name() -> None:
    assert complaints("--lissten", "127.0.0.1:1", "--xyzzy") == [
        "--lissten: unknown flag; did you mean --listen?",
        "--xyzzy: unknown flag; see --help for a list.",
    ]


def test_a_flag_is_not_guessed_from_its_beginning() -> None:
    assert complaints("--dur=900") == ["--dur: unknown flag; did you mean --duration?"]


def test_arguments_that_belong_to_no_flag_are_counted_but_not_shown() -> None:
    assert complaints(KEY_CANARY, "x") == ["arguments: 2 unexpected (not shown); see --help."]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SIDECAR_SERVICE_HOST", "10.96.0.7"),
        ("SIDECAR_SERVICE_PORT", "80"),
        ("SIDECAR_SERVICE_PORT_HTTP", "80"),
        ("SIDECAR_PORT", "tcp://10.96.0.7:80"),
        ("SIDECAR_PORT_80_TCP", "tcp://10.96.0.7:80"),
        ("SIDECAR_PORT_80_TCP_PROTO", "tcp"),
        ("SIDECAR_PORT_80_TCP_PORT", "80"),
        ("SIDECAR_PORT_80_TCP_ADDR", "10.96.0.7"),
        ("SIDECAR_LISTEN_SERVICE_HOST", "10.96.0.7"),
        ("SIDECAR_LISTEN_PORT", "tcp://10.96.0.7:80"),
        ("SIDECAR_LISTEN_PORT_80_TCP_ADDR", "10.96.0.7"),
        ("SIDECAR_DNS_PORT_53_UDP", "udp://10.96.0.7:53"),
    ],
)
def test_variables_that_kubernetes_writes_for_a_service_called_sidecar_are_tolerated(name: str, value: str) -> None:
    assert config(**{name: value}) == config()


def test_a_port_of_ones_own_invention_is_not_taken_for_a_kubernetes_variable() -> None:
    (complaint,) = complaints(SIDECAR_PORT="9911")
    assert complaint.startswith("SIDECAR_PORT: unknown setting;")


def test_the_rest_of_the_environment_is_nobodys_business() -> None:
    assert config(PATH="/bin", AWS_PROFILE="x", SIDECARS="y") == config()


# --- all of it at once -----------------------------------------------------------------------------------------


def test_all_complaints_come_together() -> None:
    with pytest.raises(BadConfig) as caught:
        load(
            {"AWS_ROLE_ARN": "x", "SIDECAR_DURATION": "y", "SIDECAR_LISTEN": "0.0.0.0:1", "SIDECAR_GRASE": "1"},
            ["--log-level=z", "--nonsense"],
        )
    assert [complaint.setting for complaint in caught.value.complaints] == [
        "AWS_WEB_IDENTITY_TOKEN_FILE",  # what is not there comes first
        "AWS_REGION",
        "AWS_ROLE_ARN",
        "SIDECAR_DURATION",
        "SIDECAR_LOG_LEVEL",
        "SIDECAR_LISTEN",
        "--nonsense",
        "SIDECAR_GRASE",
    ]


def test_help_explains_every_setting_and_hides_the_secret_one(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        load({}, ["--help"])
    assert ended.value.code == 0
    page = "".join(capsys.readouterr().out.split())  # argparse breaks lines at hyphens too
    for setting in SETTINGS:
        assert setting.variable in page
        assert setting.secret or "".join(setting.meaning.split()) in page
    assert "--auth-tokenVALUE" not in page


TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=()), max_size=30)  # as surrogateescape gives
SECRETS = st.just(KEY_CANARY) | TEXTS.map(lambda text: f"{text}{KEY_CANARY}{text}")
OUR_NAMES = {name for setting in SETTINGS for name in (setting.variable, *setting.aliases)} - {"SIDECAR_AUTH_TOKEN"}
OTHER_NAMES = {
    "HTTPS_PROXY",
    "https_proxy",
    "HTTP_PROXY",
    "NO_PROXY",
    "SIDECAR_PORT",
    "SIDECAR_SERVICE_PORT",
    "SIDECAR_",
}
VARIABLES = st.sampled_from(sorted(OUR_NAMES | OTHER_NAMES))
LIKELY = TEXTS | st.sampled_from(
    (
        *(ROLE_ARN, TOKEN_FILE, "true", "900", "0", "eu-west-1", "123", "https://sts.example", "http://[::1]:1"),
        *("http://a b", "127.0.0.1:0", "0.0.0.0:1", "unix:/a", ":", "[::", "1" * 5000, "debug", "text", "--listen"),
        *("*", "/dev/null"),
    )
)
ENVIRONMENTS = st.dictionaries(VARIABLES, LIKELY) | st.dictionaries(VARIABLES, LIKELY).map(lambda more: ENOUGH | more)
ARGUMENTS = st.lists(st.sampled_from([flag for flag in FLAGS.values() if flag] + ["--xyzzy", "--", "-v"]) | LIKELY)


@settings(max_examples=300)
@given(environ=ENVIRONMENTS, argv=ARGUMENTS | st.just([]), secret=SECRETS, exposed=st.booleans())
def test_whatever_is_given_the_answer_is_a_config_or_complaints_and_never_a_secret(
    environ: dict[str, str], argv: list[str], secret: str, exposed: bool
) -> None:
    argv += ["--auth-token", secret] if exposed else []
    environ = {"HTTPS_PROXY": f"http://me:{PASSWORD}@proxy:1", "SIDECAR_AUTH_TOKEN": secret} | environ
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        try:
            shown = repr(load(environ, argv))
        except (BadConfig, SystemExit) as error:
            shown = str(error)
    assert KEY_CANARY not in shown + printed.getvalue()
    assert PASSWORD not in shown + printed.getvalue()
