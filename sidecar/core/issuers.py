"""Issuers that AWS can never reach: their names say so, without a look at any network.

STS fetches the discovery document and the keys from the public internet, and IAM takes providers for https:// alone.
"""

from ipaddress import ip_address
from urllib.parse import urlsplit

GITHUB = "token.actions.githubusercontent.com"
"""Of GitHub Actions, without scheme."""
_INTERNAL = (".svc", ".local", ".internal", ".localhost", ".localdomain", ".lan", ".home.arpa", ".test", ".invalid")
"""Endings of names that no public name server knows: a cluster's own, and those that RFC 2606, 6761, 6762 and 8375 set
aside."""


def unreachable(url: str) -> str:
    """Why AWS cannot fetch from this URL, as a clause; "" if nothing about its name forbids it."""
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").rstrip(".")
    except ValueError:
        return "it is not a URL"
    if not parts.scheme or not host:
        return "it is not an https:// URL"
    if parts.scheme != "https":
        return f"it begins with {parts.scheme}://, and AWS fetches from https:// alone"
    if not url.startswith("https://"):
        return "https:// must be written in small letters: IAM and STS compare issuers letter by letter"
    return _internal(host)


def is_on_loopback(url: str) -> bool:
    """Whether only programs on this machine can reach it, as the lab's issuer."""
    try:
        host = urlsplit(url).hostname or ""
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _internal(host: str) -> str:
    try:
        address = ip_address(host)
    except ValueError:
        inside = "." not in host or host.casefold().endswith(_INTERNAL)
        return f"{host} is a name that only the cluster or the local network knows" if inside else ""
    return "" if address.is_global else f"{host} is a private address"
