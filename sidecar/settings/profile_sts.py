"""Which STS a profile's role is asked for: its own keys, and the plain variables where it does not say."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sidecar.faces.registry import CONTAINER, ECS, IMDS
from sidecar.settings import rules
from sidecar.settings.complaints import BadSetting
from sidecar.settings.fallback_regions import VARIABLE as FALLBACKS
from sidecar.settings.profile import Profile
from sidecar.settings.roles import StsConnection
from sidecar.settings.sts_connection import sts_connection
from sidecar.sts.endpoints import is_of_aws

KEY_OF = {
    "AWS_ROLE_ARN": "role_arn",
    "AWS_REGION": "region",
    "AWS_ENDPOINT_URL_STS": "endpoint_url",
    "AWS_USE_FIPS_ENDPOINT": "use_fips_endpoint",
    "AWS_USE_DUALSTACK_ENDPOINT": "use_dualstack_endpoint",
    CONTAINER.setting: "sidecar_listen",
    ECS.setting: "sidecar_ecs_listen",
    IMDS.setting: "sidecar_imds_listen",
}
"""The key that stands in for a variable."""


@dataclass(frozen=True, slots=True)
class PlainSettings:
    """The values of the plain variables, by variable; the environment itself, for proxies alone."""

    values: rules.Values = field(repr=False)
    environ: Mapping[str, str] = field(repr=False)


def asked_sts(profile: Profile, plain: PlainSettings) -> StsConnection:
    """Raises `BadSetting`."""
    values = _sts_values(profile, plain)
    try:
        sts = sts_connection(values, plain.environ)
        for complaint in (*rules.unencrypted(values), *rules.foreign_role(values)):
            raise complaint
    except BadSetting as complaint:
        raise placed(complaint, profile) from None
    return sts


def signed_sts(profile: Profile, plain: PlainSettings) -> StsConnection:
    """The same for a call that is signed, and a signature names a region. Raises `BadSetting`."""
    sts = asked_sts(profile, plain)
    if sts.region is None:
        raise profile.complaint("region", "required, also with an endpoint of one's own: the call is signed for it.")
    return sts


def _sts_values(profile: Profile, plain: PlainSettings) -> dict[str, Any]:
    """As if the profile's own values stood in the variables."""
    keys, values = profile.keys, plain.values
    endpoint = None if keys.no_endpoint_urls else profile.endpoint_url or values.get("AWS_ENDPOINT_URL_STS")
    return {
        **values,
        "AWS_ROLE_ARN": keys.role_arn,
        "AWS_REGION": keys.region or values.get("AWS_REGION"),
        "AWS_ENDPOINT_URL_STS": endpoint,
        "AWS_USE_FIPS_ENDPOINT": _first(keys.fips, values.get("AWS_USE_FIPS_ENDPOINT")),
        "AWS_USE_DUALSTACK_ENDPOINT": _first(keys.dualstack, values.get("AWS_USE_DUALSTACK_ENDPOINT")),
        "AWS_CA_BUNDLE": keys.ca_bundle or values.get("AWS_CA_BUNDLE"),
        FALLBACKS: () if endpoint and not is_of_aws(str(endpoint)) else values.get(FALLBACKS, ()),
    }


def _first(own: bool | None, plain: bool | None) -> bool | None:
    return plain if own is None else own


def placed(complaint: BadSetting, profile: Profile) -> BadSetting:
    """A complaint about a variable, told of the profile: its key, or the variable that stands in for it."""
    key = KEY_OF.get(complaint.setting, complaint.setting)
    return profile.complaint(key, complaint.problem, complaint.value)
