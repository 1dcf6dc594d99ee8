"""Where something listens: an IP address with a port, or a Unix socket."""

import ipaddress
from dataclasses import dataclass
from pathlib import Path

LINK_LOCAL = frozenset({"169.254.169.254", "169.254.170.2", "169.254.170.23", "fd00:ec2::23"})
"""Addresses that SDKs know and that never leave the pod's or the node's network namespace."""
WILDCARDS = frozenset({"0.0.0.0", "::"})  # noqa: S104 (recognised, not bound)


@dataclass(frozen=True, slots=True)
class TcpAddress:
    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def private(self) -> bool:
        """Reachable from nowhere but this pod (or this node, for the link-local addresses)."""
        return self.host in LINK_LOCAL or is_loopback(self.host)


@dataclass(frozen=True, slots=True)
class UnixAddress:
    path: Path
    private = True

    def __str__(self) -> str:
        return f"unix:{self.path}"


Address = TcpAddress | UnixAddress


def is_loopback(host: str) -> bool:
    """Whether this IP address or name means the machine itself. RFC 6761, 6.3: so do all names under `localhost`."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def canonical_host(host: str) -> str:
    """The one spelling of an IP address, or `localhost`; `""` for anything else. A Host header is compared with it."""
    try:
        return host if host == "localhost" else str(ipaddress.ip_address(host))
    except ValueError:
        return ""
