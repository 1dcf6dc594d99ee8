"""The settings in force as labels: closed and without secrets. No address, name or path is among them."""

from sidecar.faces.registry import FACES, IMDS_V1
from sidecar.observe.labels import CHAIN_CODES, ENDPOINT_CODES, ENDPOINTS, FAILURE_CODES, FILE, OFF, ON, WAYS
from sidecar.settings.config import Config
from sidecar.settings.roles import ChainSettings, ContainerSettings, RoleSettings, WebIdentitySettings
from sidecar.sts.endpoints import sts_endpoint

REGIONAL, FIPS, DUALSTACK, FIPS_DUALSTACK, CUSTOM = ENDPOINTS


def config_labels(config: Config) -> dict[str, str]:
    """The labels of `families.CONFIG`."""
    on = _ways(config)
    return {
        "duration": str(config.duration),
        "region": config.region or "",
        "sts": _endpoint(config),
        **{label: ON if way in on else OFF for label, way in WAYS.items()},
    }


def codes_of(role: RoleSettings) -> tuple[str, ...]:
    """The failures that a role's source knows."""
    match role.source:
        case WebIdentitySettings():
            return FAILURE_CODES
        case ChainSettings():
            return CHAIN_CODES
        case ContainerSettings():
            return ENDPOINT_CODES


def _ways(config: Config) -> set[str]:
    """The ways to the credentials that are on."""
    on = {protocol for face in FACES if config.listen[face] for protocol in face.protocols}
    if not config.imds_v1:
        on.discard(IMDS_V1)
    return on | {FILE} if config.credentials_file else on


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
