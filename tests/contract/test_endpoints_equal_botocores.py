"""Which URL and which proxy: botocore's rule set and urllib's habits are the judges of our small table."""

import itertools
from collections.abc import Callable

import pytest
from botocore.endpoint_provider import EndpointProvider
from botocore.exceptions import EndpointResolutionError, InvalidRegionError
from botocore.loaders import create_loader
from botocore.utils import get_environ_proxies, validate_region_name
from hypothesis import example, given
from hypothesis import strategies as st

from sidecar.sts.endpoints import BadProxy, partition_of, proxy_for, sts_endpoint

LOADER = create_loader()
PARTITIONS = LOADER.load_data("partitions")
RULES = EndpointProvider(LOADER.load_service_model("sts", "endpoint-rule-set-1"), PARTITIONS)
KNOWN = sorted(region for partition in PARTITIONS["partitions"] for region in partition["regions"])
PSEUDO = [name for name in KNOWN if name.endswith("-global")]
REGIONS = [name for name in KNOWN if name not in PSEUDO]
AREAS = sorted({name.rsplit("-", 2)[0] for name in REGIONS})
FUTURE = [
    f"{area}-{rest}" for area in AREAS for rest in ("moon-1", "southnorth-27", "west-x", "west-1x", "", "-1", "a-b-3")
]
ODD = [
    "x",
    "mars-base-9",
    "xx-us-gov-east-1",
    "us-isox-east-1",
    "aws-global-1",
    "CN-NORTH-1",
    "Eu-West-1",
    "9-9-9",
    "a" * 63,
]
NOT_NAMES = ["", "eu_west_1", "eu-west-1\n", " eu-west-1", "-eu-west-1", "123", "eu.west", "a" * 64, "eu-wést-1"]
COMBINATIONS = list(itertools.product([False, True], repeat=2))


def botocores(region: str, *, fips: bool, dualstack: bool) -> str | None:
    """botocore's regional URL; None where it refuses."""
    try:
        validate_region_name(region)
        return str(
            RULES.resolve_endpoint(Region=region, UseFIPS=fips, UseDualStack=dualstack, UseGlobalEndpoint=False).url
        )
    except (InvalidRegionError, EndpointResolutionError):
        return None


def ours(region: str, *, fips: bool, dualstack: bool) -> str | None:
    try:
        return sts_endpoint(region, fips=fips, dualstack=dualstack)
    except ValueError:
        return None


@pytest.mark.parametrize(("fips", "dualstack"), COMBINATIONS)
def test_every_region_of_botocores_data_has_botocores_endpoint(fips: bool, dualstack: bool) -> None:
    assert len(REGIONS) >= 40
    assert {name: ours(name, fips=fips, dualstack=dualstack) for name in REGIONS} == {
        name: botocores(name, fips=fips, dualstack=dualstack) for name in REGIONS
    }


@pytest.mark.parametrize(("fips", "dualstack"), COMBINATIONS)
def test_the_partition_behind_every_endpoint_is_botocores(fips: bool, dualstack: bool) -> None:
    partitions = {name: each["id"] for each in PARTITIONS["partitions"] for name in each["regions"] if name in REGIONS}
    assert partitions == {name: partition_of(ours(name, fips=fips, dualstack=dualstack) or "") for name in partitions}


@pytest.mark.parametrize(
    ("url", "partition"),
    [
        ("https://sts.amazonaws.com", "aws"),
        ("https://vpce-1-2.sts.us-gov-west-1.vpce.amazonaws.com", "aws-us-gov"),
        ("https://sts.eu-west-1.internal.example", ""),
        ("http://127.0.0.1:9922", ""),
    ],
)
def test_the_partition_behind_other_names(url: str, partition: str) -> None:
    assert partition_of(url) == partition


@pytest.mark.parametrize(("fips", "dualstack"), COMBINATIONS)
def test_regions_yet_to_come_get_the_partition_that_botocore_gives_them(fips: bool, dualstack: bool) -> None:
    made_up = [*FUTURE, *ODD]
    assert {name: ours(name, fips=fips, dualstack=dualstack) for name in made_up} == {
        name: botocores(name, fips=fips, dualstack=dualstack) for name in made_up
    }


LABELS = st.text("abzAZ09-", max_size=70)
NEAR_MISSES = st.builds("-".join, st.tuples(st.sampled_from(AREAS), LABELS, st.text("0123456789x", max_size=4)))


@given(region=LABELS.filter(bool) | NEAR_MISSES | st.sampled_from(KNOWN), fips=st.booleans(), dualstack=st.booleans())
@example(region="9" * 63, fips=False, dualstack=False)
def test_any_name_is_accepted_or_refused_as_by_botocore(region: str, fips: bool, dualstack: bool) -> None:
    if region not in PSEUDO:
        assert ours(region, fips=fips, dualstack=dualstack) == botocores(region, fips=fips, dualstack=dualstack)


@given(st.text() | NEAR_MISSES)
def test_an_endpoint_is_always_https_and_names_its_region(region: str) -> None:
    endpoint = ours(region, fips=False, dualstack=False)
    assert endpoint is None or endpoint.startswith(f"https://sts.{region}.")


@pytest.mark.parametrize(
    ("region", "fips", "dualstack", "host"),
    [
        ("us-east-1", False, False, "sts.us-east-1.amazonaws.com"),
        ("eu-west-1", True, False, "sts-fips.eu-west-1.amazonaws.com"),
        ("eu-west-1", False, True, "sts.eu-west-1.api.aws"),
        ("us-gov-west-1", True, False, "sts.us-gov-west-1.amazonaws.com"),
        ("us-gov-west-1", True, True, "sts-fips.us-gov-west-1.api.aws"),
        ("cn-north-1", False, False, "sts.cn-north-1.amazonaws.com.cn"),
        ("cn-north-1", False, True, "sts.cn-north-1.api.amazonwebservices.com.cn"),
        ("us-isob-east-1", False, False, "sts.us-isob-east-1.sc2s.sgov.gov"),
        ("eusc-de-east-1", False, False, "sts.eusc-de-east-1.amazonaws.eu"),
    ],
)
def test_endpoints_that_one_can_read(region: str, fips: bool, dualstack: bool, host: str) -> None:
    assert sts_endpoint(region, fips=fips, dualstack=dualstack) == f"https://{host}"


@pytest.mark.parametrize("region", NOT_NAMES)
def test_what_cannot_be_part_of_a_host_name_is_refused_with_an_example_of_what_can(region: str) -> None:
    with pytest.raises(ValueError, match=r"is not a region name.*such as eu-west-1"):
        sts_endpoint(region, fips=False, dualstack=False)


@pytest.mark.parametrize("region", PSEUDO)
def test_a_pseudo_region_is_refused_rather_than_taken_to_the_global_endpoint(region: str) -> None:
    with pytest.raises(ValueError, match="global endpoint; set the region that the pod runs in"):
        sts_endpoint(region, fips=False, dualstack=False)


# --- proxies ---------------------------------------------------------------------------------------------------

STS = "https://sts.eu-west-1.amazonaws.com"
LAB = "http://sts.lab.example:8080"
PROXY = "http://proxy.example:3128"


@pytest.mark.parametrize(
    "no_proxy",
    [
        "",
        "amazonaws.com",
        ".amazonaws.com",
        " other.example , .eu-west-1.AMAZONAWS.com",
        "sts.eu-west-1.amazonaws.com",
        "sts.us-east-1.amazonaws.com",
        "east-1.amazonaws.com,naws.com",
        "*",
        "lab.example:8080",
        "sts.lab.example:8080",
        "sts.lab.example:9090",
        "10.0.0.0/8,169.254.169.254",
    ],
)
@pytest.mark.parametrize("url", [STS, LAB])
@pytest.mark.parametrize("spelling", [str.lower, str.upper])
def test_a_name_takes_the_same_way_as_with_botocore(
    url: str, no_proxy: str, spelling: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    environ = {"HTTPS_PROXY": PROXY, "HTTP_PROXY": "http://plain.example:80", "NO_PROXY": no_proxy}
    environ = {spelling(name): value for name, value in environ.items()}
    for name in ("https_proxy", "http_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)

    assert proxy_for(url, environ) == get_environ_proxies(url).get(url.partition(":")[0])


def test_without_a_proxy_in_the_environment_the_way_is_direct() -> None:
    assert proxy_for(STS, {"HTTP_PROXY": PROXY, "NO_PROXY": ""}) is None


def test_the_lower_case_spelling_wins_even_when_it_is_empty() -> None:
    assert proxy_for(STS, {"https_proxy": PROXY, "HTTPS_PROXY": "http://other.example"}) == PROXY
    assert proxy_for(STS, {"https_proxy": "", "HTTPS_PROXY": PROXY}) is None
    assert proxy_for(STS, {"https_proxy": PROXY, "no_proxy": "", "NO_PROXY": "*"}) == PROXY


@pytest.mark.parametrize("host", ["localhost", "sts.localhost", "127.0.0.1", "127.8.8.8", "[::1]", "LOCALHOST:4566"])
def test_a_loopback_host_is_never_reached_through_a_proxy(host: str) -> None:
    assert proxy_for(f"http://{host}/", {"HTTP_PROXY": PROXY}) is None


@pytest.mark.parametrize(
    ("host", "no_proxy", "direct"),
    [
        ("10.1.2.3", "10.0.0.0/8", True),
        ("10.1.2.3", "example.com, 10.1.2.99/24", True),
        ("10.1.2.3", "10.1.2.3", True),
        ("10.1.2.3", "10.1.2.3:443", True),
        ("10.1.2.3", "10.1.2.3:8443", False),
        ("11.1.2.3", "10.0.0.0/8", False),
        ("11.1.2.3", "fd00::/8,nonsense/99", False),
        ("[fd00:ec2::23]", "fd00:ec2::/32", True),
        ("[fd00:ec2::23]", "FD00:0EC2::23", True),
        ("[fe00::1]", "fd00::/8", False),
    ],
)
def test_an_address_is_exempt_by_itself_or_by_its_network(host: str, no_proxy: str, direct: bool) -> None:
    expected = None if direct else PROXY
    assert proxy_for(f"https://{host}", {"HTTPS_PROXY": PROXY, "NO_PROXY": no_proxy}) == expected


def test_a_port_in_no_proxy_means_the_port_that_the_scheme_implies_too() -> None:
    assert proxy_for(STS, {"HTTPS_PROXY": PROXY, "NO_PROXY": "amazonaws.com:443"}) is None
    assert proxy_for("http://sts.example", {"HTTP_PROXY": PROXY, "NO_PROXY": "sts.example:80"}) is None


@pytest.mark.parametrize(
    ("proxy", "url"), [("proxy:3128", "http://proxy:3128"), (" https://p.example ", "https://p.example")]
)
def test_a_proxy_without_a_scheme_speaks_http(proxy: str, url: str) -> None:
    assert proxy_for(STS, {"HTTPS_PROXY": proxy}) == url


@pytest.mark.parametrize(
    "proxy", ["socks5://u:hunter2@p:1080", "http://", "http://u:hunter2@p:port", "http://u:hunter2@[::1", "http://p:0"]
)
def test_a_proxy_that_cannot_be_used_is_named_by_its_variable_and_not_quoted(proxy: str) -> None:
    with pytest.raises(BadProxy, match="is not the address of an HTTP proxy") as refused:
        proxy_for(STS, {"https_proxy": proxy})
    assert refused.value.variable == "https_proxy"
    assert "hunter2" not in str(refused.value)
