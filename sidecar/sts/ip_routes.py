"""Which families of IP addresses packets could leave this machine by."""

import socket

SOMEWHERE = {socket.AF_INET: "192.0.2.1", socket.AF_INET6: "2001:db8::1"}
"""Addresses for documentation (RFC 5737, RFC 3849): whatever has a default route has a route to them."""


def ipv6_only() -> bool:
    """Whether there is a route for IPv6 and none for IPv4."""
    return _has_route(socket.AF_INET6) and not _has_route(socket.AF_INET)


def _has_route(family: socket.AddressFamily) -> bool:
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as asking:
            asking.connect((SOMEWHERE[family], 53))  # of a datagram socket: nothing is sent
    except OSError:
        return False
    return True
