"""Which URL STS has in a region, and which proxy stands on the way there. Pure: the environment is an argument.

The rules are AWS's own: the STS endpoint rule set and the partition table of its SDKs, as botocore 1.44 ships them in
`data/sts/2011-06-15/endpoint-rule-set-1.json` and `data/partitions.json`. botocore is not imported here; it judges this
table in the contract tests, over every region that it knows. There no partition lacks FIPS or dual-stack, so no
combination is refused; whether the name then resolves is up to AWS's DNS.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit
from urllib.request import proxy_bypass_environment  # type: ignore[attr-defined] # typeshed lacks it

from sidecar.http.addresses import is_host, is_loopback


class BadProxy(ValueError):
    """What `variable` holds is no http:// or https:// proxy. It is not quoted, as it may hold a password."""

    def __init__(self, variable: str) -> None:
        super().__init__("is not the address of an HTTP proxy; http://proxy.example:3128 is one")
        self.variable = variable


_HOST_LABEL = re.compile(r"(?![0-9]+$)(?!-)[a-zA-Z0-9-]{1,63}(?<!-)")
_IN_NAME = re.compile(r"(?:^|\.)sts(?:-fips)?\.(?P<region>[a-z]+(?:-[a-z]+)+-\d+)\.")
_PSEUDO_REGION = re.compile(r"aws(-[a-z-]+)?-global")
_REGION = re.compile(r"(?P<area>.+)-\w+-\d+")


@dataclass(frozen=True, slots=True)
class _Partition:
    """What one partition's host names end with, and what a FIPS one begins with when it is not dual-stack."""

    name: str
    """As ARNs have it."""
    suffix: str
    dualstack_suffix: str
    fips_service: str = "sts-fips"


_AWS = _Partition("aws", "amazonaws.com", "api.aws")
_BY_AREA = {
    "cn": _Partition("aws-cn", "amazonaws.com.cn", "api.amazonwebservices.com.cn"),
    "eusc-de": _Partition("aws-eusc", "amazonaws.eu", "api.amazonwebservices.eu"),
    # The plain endpoints of GovCloud are FIPS already.
    "us-gov": _Partition("aws-us-gov", "amazonaws.com", "api.aws", fips_service="sts"),
    "us-iso": _Partition("aws-iso", "c2s.ic.gov", "api.aws.ic.gov"),
    "us-isob": _Partition("aws-iso-b", "sc2s.sgov.gov", "api.aws.scloud"),
    "eu-isoe": _Partition("aws-iso-e", "cloud.adc-e.uk", "api.cloud-aws.adc-e.uk"),
    "us-isof": _Partition("aws-iso-f", "csp.hci.ic.gov", "api.aws.hci.ic.gov"),
}


def sts_endpoint(region: str, *, fips: bool, dualstack: bool) -> str:
    """The regional STS endpoint, never the global one.

    A region that is not in the table yet gets its partition by the form of its name, as in AWS's SDKs; the commercial
    partition is the last resort. Raises ValueError where `region` cannot be part of a host name, or names a
    partition's pseudo-region (`aws-global`), which only the global endpoint serves.
    """
    _refuse_no_region(region)
    partition = _partition(region)
    suffix = partition.dualstack_suffix if dualstack else partition.suffix
    return f"https://{_service(partition, fips=fips, dualstack=dualstack)}.{region}.{suffix}"


def same_partition(region: str, other: str) -> bool:
    """Whether a role of one region is known in the other: no partition shares its accounts with another."""
    return _partition(region) is _partition(other)


def is_of_aws(url: str) -> bool:
    """Whether AWS answers at `url`, a VPC endpoint's name included: the domain is one of AWS's."""
    return bool(partition_of(url))


def partition_of(url: str) -> str:
    """The partition whose STS answers at `url`, as ARNs have it: `aws-cn`; "" for a server that is not AWS's."""
    host = (urlsplit(url).hostname or "").removesuffix(".")
    for each in (_AWS, *_BY_AREA.values()):
        if host.endswith((f".{each.suffix}", f".{each.dualstack_suffix}")):
            named = _IN_NAME.search(host)  # two partitions share their domains
            return _partition(named["region"]).name if named else each.name
    return ""


def signing_region(url: str, region: str | None) -> str:
    """The region that a signed call to `url` is for: the one in the endpoint's name, a VPC endpoint's included.

    Where the name tells none, it is the setting's, and without one us-east-1, as for the global endpoint.
    """
    named = _IN_NAME.search(urlsplit(url).hostname or "")
    return named["region"] if named else region or "us-east-1"


def _refuse_no_region(region: str) -> None:
    if not _HOST_LABEL.fullmatch(region):
        raise ValueError(f"{region!r} is not a region name: letters, digits and hyphens, such as eu-west-1.")
    if _PSEUDO_REGION.fullmatch(region):
        raise ValueError(
            f"{region!r} means the global endpoint; set the region that the pod runs in, such as eu-west-1."
        )


def _partition(region: str) -> _Partition:
    match = _REGION.fullmatch(region)
    return _BY_AREA.get(match["area"], _AWS) if match else _AWS


def _service(partition: _Partition, *, fips: bool, dualstack: bool) -> str:
    if not fips:
        return "sts"
    return "sts-fips" if dualstack else partition.fips_service


# --- the way there ---------------------------------------------------------------------------------------------


def proxy_for(url: str, environ: Mapping[str, str]) -> str | None:
    """The proxy for `url` by `HTTPS_PROXY` or `HTTP_PROXY` and `NO_PROXY`; None to go direct. It may hold a password.

    The lower-case spelling wins, even when it is empty, and `NO_PROXY` is read as curl and urllib read it: names
    with all that end in them, `host:port`, a lone `*`; besides, addresses and CIDR blocks for a URL with an address.
    A loopback host is never reached through a proxy. Raises `BadProxy`.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    variable = _spelling(f"{parts.scheme}_proxy", environ)
    proxy = environ.get(variable, "").strip()
    if not proxy or is_loopback(host) or _is_exempt(host, parts.port or _port(parts.scheme), environ):
        return None
    return _checked(proxy, variable)


def _spelling(variable: str, environ: Mapping[str, str]) -> str:
    return variable if variable in environ else variable.upper()


def _port(scheme: str) -> int:
    return 443 if scheme == "https" else 80


def _is_exempt(host: str, port: int, environ: Mapping[str, str]) -> bool:
    no_proxy = environ.get(_spelling("no_proxy", environ), "")
    if proxy_bypass_environment(f"{host}:{port}", {"no": no_proxy}):
        return True
    address = _address(host)
    return address is not None and any(address in network for network in _networks(no_proxy))


def _address(host: str) -> IPv4Address | IPv6Address | None:
    with suppress(ValueError):
        return ip_address(host)
    return None


def _networks(no_proxy: str) -> Iterator[IPv4Network | IPv6Network]:
    for entry in no_proxy.split(","):
        with suppress(ValueError):
            yield ip_network(entry.strip(), strict=False)


def _checked(proxy: str, variable: str) -> str:
    """`proxy` as a URL. The complaint does not quote it: it may hold a password."""
    address = proxy if "://" in proxy else f"http://{proxy}"
    if not _is_http(address):
        raise BadProxy(variable)
    return address


def _is_http(url: str) -> bool:
    try:
        parts = urlsplit(url)
        # More would be a password's piece behind an unescaped / or ?, or what is left of `http:/proxy`.
        alone = not (parts.path.strip("/") or parts.query or parts.fragment)
        return parts.scheme in {"http", "https"} and is_host(parts.hostname or "") and parts.port != 0 and alone
    except ValueError:  # a port that is no number, half an IPv6 address
        return False
