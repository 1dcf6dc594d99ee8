"""TCP ports on loopback for servers that must be told theirs, and for clients that shall find none."""

import socket


def free_ports(count: int) -> list[int]:
    """Ports that nothing listens on right now."""
    servers = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [server.getsockname()[1] for server in servers]
    for server in servers:
        server.close()
    return ports


def free_port() -> int:
    (port,) = free_ports(1)
    return port
