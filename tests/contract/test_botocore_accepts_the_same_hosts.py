"""botocore judges which hosts a container-credentials endpoint may have."""

from pathlib import Path

import pytest
from botocore.utils import ContainerMetadataFetcher

from sidecar.settings.container_source import unusable_endpoint
from sidecar.settings.roles import ContainerSettings, RoleSettings

HOSTS = (
    *("127.0.0.1", "127.0.0.2", "127.255.255.254", "localhost", "[::1]", "169.254.170.2", "169.254.170.23"),
    *("[fd00:ec2::23]", "169.254.169.254", "169.254.170.24", "[fd00:ec2::254]", "10.0.0.1", "0.0.0.0", "[::]"),
    *("example.com", "localhost.example.com", "127.0.0.1.example.com", "[fe80::1]", "169.254.170.2.example.com"),
)


def botocore_accepts(url: str) -> bool:
    fetcher = ContainerMetadataFetcher()
    try:
        fetcher._validate_allowed_url(url)
    except ValueError:
        return False
    return True


def we_accept(url: str) -> bool:
    source = ContainerSettings(url=url, token_file=Path("/token"))
    return not list(unusable_endpoint(RoleSettings(name="default", source=source), ()))


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("host", HOSTS)
def test_botocore_and_we_accept_the_same_hosts(host: str, scheme: str) -> None:
    url = f"{scheme}://{host}:8080/v1/credentials"
    assert we_accept(url) == botocore_accepts(url)
