"""Which STS is asked by which way, out of variables' values, or of a profile's that stand in for them."""

from collections.abc import Mapping

from sidecar.settings import rules
from sidecar.settings.fallback_regions import fallbacks
from sidecar.settings.roles import StsConnection
from sidecar.settings.rules import Values


def sts_connection(values: Values, environ: Mapping[str, str]) -> StsConnection:
    """`environ`: for the proxies in it. Raises `BadSetting`."""
    endpoint, region = rules.endpoint(values), values.get("AWS_REGION")
    return StsConnection(
        endpoint=endpoint,
        region=region,
        proxy=rules.proxy(endpoint, environ),
        ca_bundle=values.get("AWS_CA_BUNDLE"),
        fallbacks=fallbacks(values, region, environ),
    )
