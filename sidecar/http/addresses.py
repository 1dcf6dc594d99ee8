"""Where something listens: an IP address with a port, or a Unix socket.

A probe imports this each second: importing `dataclasses`, `typing` and `pathlib` would cost as much as the probe.
"""

import ipaddress
from collections import namedtuple
from collections.abc import Sequence
from functools import lru_cache

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path
    from typing import NamedTuple

    class _Tcp(NamedTuple):
        host: str
        port: int

    class _Unix(NamedTuple):
        path: Path
        mode: int | None = None
        group: int | None = None
        owner: int | None = None

else:
    _Tcp = namedtuple("_Tcp", ("host", "port"))  # noqa: PYI024
    _Unix = namedtuple("_Unix", ("path", "mode", "group", "owner"), defaults=(None, None, None))  # noqa: PYI024

LINK_LOCAL = frozenset({"169.254.169.254", "169.254.170.2", "169.254.170.23", "fd00:ec2::23", "fd00:ec2::254"})
"""Addresses that SDKs know and that never leave the pod's or the node's network namespace."""
LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
"""What people and SDKs call the machine itself. A request to one of our listeners may name any of them: a web page that
rebinds DNS can only name its own domain."""
WILDCARDS = frozenset({"0.0.0.0", "::"})  # noqa: S104 (recognised, not bound)


class TcpAddress(_Tcp):
    __slots__ = ()

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def private(self) -> bool:
        """Reachable from nowhere but this pod (or this node, for the link-local addresses)."""
        return is_private(self.host)

    @property
    def needs_ipv6(self) -> bool:
        return ":" in self.host


class UnixAddress(_Unix):
    """`mode`, `group` (a gid) and `owner` (a uid): who may connect. None leaves what umask and process give."""

    __slots__ = ()
    private = True
    needs_ipv6 = False

    def __str__(self) -> str:
        return f"unix:{self.path}"


Address = TcpAddress | UnixAddress


def nearest(addresses: Sequence[Address]) -> Address:
    """The one to ask of those that one server listens on: not one of IPv6, which the node may lack, if there is a
    choice.
    """
    return min(addresses, key=lambda address: address.needs_ipv6)


MAXIMUM_NAME_LENGTH, MAXIMUM_LABEL_LENGTH = 253, 63
"""Characters of a host name, and of each part between its dots (RFC 1035)."""


def is_host(text: str) -> bool:
    """Whether this can be the host in a URL: an IP address without brackets, or a name, which may be international."""
    try:
        return bool(ipaddress.ip_address(text))
    except ValueError:
        return _is_name(text)


def _is_name(text: str) -> bool:
    try:
        name = text.removesuffix(".").encode("idna").decode()
    except UnicodeError:  # an empty label, one that is too long, or characters that no name has
        return False
    if not text.isascii() and name.encode().decode("idna") != text.removesuffix(".").lower():
        return False  # signs that one cannot see, or that stand for others: it would be another name
    *_, last = labels = name.split(".")
    fits = len(name) <= MAXIMUM_NAME_LENGTH and all(map(_is_label, labels))
    return fits and not last.isdigit()  # half an IPv4 address


def _is_label(text: str) -> bool:
    """No regular expression: a health check's process would load `re` for it."""
    signs = text.replace("-", "").replace("_", "")
    return 0 < len(text) <= MAXIMUM_LABEL_LENGTH and text.strip("-") == text and (not signs or signs.isalnum())


def is_private(host: str) -> bool:
    """Whether this IP address or name is the pod's own, however it is written."""
    return canonical_host(host) in LINK_LOCAL or is_loopback(host)


def is_loopback(host: str) -> bool:
    """Whether this IP address or name means the machine itself. RFC 6761, 6.3: so do all names under `localhost`."""
    try:
        return ipaddress.ip_address(canonical_host(host)).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def is_of_this_machine(peer: object) -> bool:
    """Whether a socket's peer, as `getpeername` gives it, is in this pod: on loopback, or by a Unix socket."""
    return _is_near(str(peer[0])) if isinstance(peer, tuple) else True


_is_near = lru_cache(maxsize=64)(is_loopback)
"""Of addresses alone, which the kernel gives: names in requests would be any number, and long."""


def canonical_host(host: str) -> str:
    """The one spelling of an IP address, or `localhost`; `""` for anything else. A Host header is compared with it."""
    if host in {"localhost", "localhost."}:
        return "localhost"
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return ""
    return str(getattr(address, "ipv4_mapped", None) or address)
