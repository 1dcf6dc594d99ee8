"""The regions whose STS stands in for the home region's: what may be named, and where each is called."""

from pathlib import Path

import pytest

from sidecar.settings.complaints import BadConfig
from sidecar.settings.config import load
from sidecar.settings.roles import FallbackRegion, WebIdentitySettings

NEEDED = {"AWS_ROLE_ARN": "arn:aws:iam::111122223333:role/app", "AWS_WEB_IDENTITY_TOKEN_FILE": "/token"}


def fallbacks(regions: str, **environ: str) -> tuple[FallbackRegion, ...]:
    given = {"AWS_REGION": "eu-west-1", "SIDECAR_STS_FALLBACK_REGIONS": regions} | environ
    source = load(NEEDED | given, []).roles.default_role.source
    assert isinstance(source, WebIdentitySettings)
    return source.sts.fallbacks


def complaint(regions: str, **environ: str) -> str:
    with pytest.raises(BadConfig) as refused:
        fallbacks(regions, **environ)
    return str(refused.value)


def test_there_are_none_unless_they_are_named() -> None:
    source = load(NEEDED | {"AWS_REGION": "eu-west-1"}, []).roles.default_role.source
    assert isinstance(source, WebIdentitySettings)
    assert source.sts.fallbacks == ()
    assert fallbacks("") == ()


def test_they_are_asked_in_the_order_in_which_they_are_named() -> None:
    assert [(each.region, each.endpoint) for each in fallbacks("eu-central-1, us-east-1")] == [
        ("eu-central-1", "https://sts.eu-central-1.amazonaws.com"),
        ("us-east-1", "https://sts.us-east-1.amazonaws.com"),
    ]


@pytest.mark.parametrize(
    ("switch", "endpoint"),
    [
        ("AWS_USE_FIPS_ENDPOINT", "https://sts-fips.us-west-2.amazonaws.com"),
        ("AWS_USE_DUALSTACK_ENDPOINT", "https://sts.us-west-2.api.aws"),
    ],
)
def test_they_are_called_as_home_is(switch: str, endpoint: str) -> None:
    (fallback,) = fallbacks("us-west-2", AWS_REGION="us-east-1", **{switch: "true"})
    assert fallback.endpoint == endpoint


def test_each_goes_its_own_way() -> None:
    by_proxy, direct = fallbacks(
        "eu-central-1,eu-west-2", HTTPS_PROXY="http://proxy:3128", NO_PROXY="sts.eu-west-2.amazonaws.com"
    )
    assert (by_proxy.proxy, direct.proxy) == ("http://proxy:3128", None)
    assert "proxy:3128" not in repr(by_proxy), "a proxy's URL may hold a password"


def test_a_vpc_endpoint_for_home_may_have_regional_ones_behind_it() -> None:
    (fallback,) = fallbacks("eu-central-1", AWS_ENDPOINT_URL_STS="https://vpce-1.sts.eu-west-1.vpce.amazonaws.com")
    assert fallback.endpoint == "https://sts.eu-central-1.amazonaws.com"


@pytest.mark.parametrize(
    ("regions", "environ", "words"),
    [
        ("cn-north-1", {}, "another partition"),
        ("us-gov-west-1", {}, "another partition"),
        ("eu-central-1", {"AWS_REGION": "us-gov-west-1"}, "another partition"),
        ("aws-global", {}, "global endpoint"),
        ("eu-central-1,eu-central-1", {}, "named twice"),
        ("eu-west-1", {}, "AWS_REGION itself"),
        ("eu-central-1a", {}, "availability zone"),
        ("eu_central_1", {}, "not a region"),
        ("eu-central-1,", {}, "not a region"),
        ("eu-central-1", {"AWS_ENDPOINT_URL_STS": "https://minio.example:9000"}, "its tokens"),
        (
            "eu-central-1",
            {"AWS_REGION": "", "AWS_ENDPOINT_URL_STS": "https://sts.eu-west-1.amazonaws.com"},
            "set both",
        ),
    ],
)
def test_what_cannot_stand_in_is_refused_by_name(regions: str, environ: dict[str, str], words: str) -> None:
    text = complaint(regions, **environ)
    assert words in text
    assert text.startswith("SIDECAR_STS_FALLBACK_REGIONS")


PROFILE = "[profile reports]\nrole_arn = arn:aws:iam::111122223333:role/reports\nweb_identity_token_file = /token\n"


@pytest.mark.parametrize("name", ["eu-central-1a", "aws-global", "eu-west-2,eu-west-2"])
def test_a_bad_name_is_refused_once_where_profiles_alone_name_roles(tmp_path: Path, name: str) -> None:
    file = tmp_path / "config"
    file.write_text(f"{PROFILE}region = eu-west-1\n\n{PROFILE.replace('reports', 'audit')}region = cn-north-1\n")
    environ = {"AWS_CONFIG_FILE": str(file), "SIDECAR_PROFILES": "*", "SIDECAR_DEFAULT_PROFILE": "reports"}
    with pytest.raises(BadConfig) as refused:
        load(environ | {"SIDECAR_STS_FALLBACK_REGIONS": name}, [])
    assert str(refused.value).count("SIDECAR_STS_FALLBACK_REGIONS") == 1


def test_each_profile_has_those_of_its_own_partition(tmp_path: Path) -> None:
    file = tmp_path / "config"
    china = PROFILE.replace("reports", "audit").replace("arn:aws:", "arn:aws-cn:")
    file.write_text(f"{PROFILE}region = eu-west-1\n\n{china}region = cn-north-1\n")
    environ = {"AWS_CONFIG_FILE": str(file), "SIDECAR_PROFILES": "*", "SIDECAR_DEFAULT_PROFILE": "reports"}
    roles = load(environ | {"SIDECAR_STS_FALLBACK_REGIONS": "eu-central-1,cn-northwest-1"}, []).roles
    assert {role.name: role.regions for role in roles} == {
        "reports": ("eu-west-1", "eu-central-1"),
        "audit": ("cn-north-1", "cn-northwest-1"),
    }
