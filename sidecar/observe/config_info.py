"""The settings in force as labels: closed and without secrets. No address, name or path is among them."""

from sidecar.observe.labels import ENDPOINTS, OFF, ON
from sidecar.settings.config import Config
from sidecar.sts.endpoints import sts_endpoint

REGIONAL, FIPS, DUALSTACK, FIPS_DUALSTACK, CUSTOM = ENDPOINTS


def config_labels(config: Config) -> dict[str, str]:
    """The labels of `families.CONFIG`."""
    ways = {
        "face_container": config.listen,
        "face_ecs": config.ecs_listen,
        "face_imds": config.imds_listen,
        "face_imds_v1": config.imds_listen and config.imds_v1,
        "face_file": config.credentials_file,
    }
    return {
        "duration": str(config.duration),
        "region": config.region or "",
        "sts": _endpoint(config),
        **{name: ON if way else OFF for name, way in ways.items()},
    }


def _endpoint(config: Config) -> str:
    """Which of the region's endpoints is called, `custom` for any other."""
    return _of_the_region(config.region).get(config.sts_endpoint, CUSTOM)


def _of_the_region(region: str | None) -> dict[str, str]:
    if region is None:
        return {}
    try:
        return {
            sts_endpoint(region, fips=True, dualstack=True): FIPS_DUALSTACK,
            sts_endpoint(region, fips=False, dualstack=True): DUALSTACK,
            sts_endpoint(region, fips=True, dualstack=False): FIPS,
            # Last: in us-gov the plain endpoint is the FIPS one as well.
            sts_endpoint(region, fips=False, dualstack=False): REGIONAL,
        }
    except ValueError:  # a pseudo-region, which only an endpoint of the operator's own can serve
        return {}
