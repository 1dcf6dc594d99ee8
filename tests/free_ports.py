"""TCP ports on loopback for servers that must be told theirs, and for clients that shall find none."""

import os
import re
import socket
from itertools import cycle

PORTS_OF_A_WORKER = 2000
_worker = int(re.sub(r"\D", "", os.environ.get("PYTEST_XDIST_WORKER", "")) or 0)
_first = 10_000 + PORTS_OF_A_WORKER * (_worker % 11)
# Below the kernel's own range, from which any other test's connection could take one before it is listened on; each
# worker has its own, and begins where its process number says: the next run shall not meet the ports of the last.
_ports = cycle([_first + (os.getpid() * 37 + number) % PORTS_OF_A_WORKER for number in range(PORTS_OF_A_WORKER)])


def free_ports(count: int) -> list[int]:
    """Ports that nothing listens on right now."""
    return [free_port() for _ in range(count)]


def free_port() -> int:
    return next(port for port in _ports if _is_free(port))


def _is_free(port: int) -> bool:
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True
