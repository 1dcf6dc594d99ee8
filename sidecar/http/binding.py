"""Binds an address: the sockets that listen on it, or the reason why there are none."""

import contextlib
import errno
import os
import socket
from collections.abc import Iterator, Sequence

from sidecar.core.daemon_thread import in_daemon_thread
from sidecar.core.errors import SidecarError
from sidecar.core.model import Seconds
from sidecar.http.addresses import LOOPBACK_NAMES, WILDCARDS, Address, TcpAddress, UnixAddress, is_of_this_machine
from sidecar.http.platform import prepare_listening

BACKLOG = 4096
"""Connections that the kernel keeps while we are busy: a burst of cron jobs and forked workers waits, none fails.
The kernel's own limit, net.core.somaxconn, is 4096 where nobody has changed it."""
FIRST_BYTES_WITHIN: Seconds = 1
"""How long the kernel waits for a client's first bytes before it shows us the connection all the same."""
GROUP_FIX = (
    "SIDECAR_SOCKET_GROUP must be a group of the sidecar's own process: the pod's fsGroup, or one of its "
    "supplementalGroups."
)
MODE_FIX = "Leave SIDECAR_SOCKET_MODE away, or put the socket on a volume that keeps permissions, such as an emptyDir."
OWNER_FIX = (
    "SIDECAR_SOCKET_OWNER must be the sidecar's own user unless its container has the capability CHOWN: run both "
    "containers as one user, or share the socket by SIDECAR_SOCKET_GROUP and the pod's fsGroup."
)
ABSENT = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)
"""`localhost` is often said to be ::1 as well where there is no IPv6."""


class CannotListen(SidecarError):
    """An address cannot be bound."""


class Ipv6Absent(CannotListen):
    """An address that every pod with IPv6 has cannot be bound, because this one has none."""


async def bind(address: Address) -> Sequence[socket.socket]:
    """The sockets that listen on `address`. Raises `CannotListen`, naming it."""
    try:
        if isinstance(address, UnixAddress):
            return [_bind_unix(address)]
        return await _bind_tcp(address)
    except OSError as error:
        raise _cannot_listen(address, error) from None


async def _bind_tcp(address: TcpAddress) -> Sequence[socket.socket]:
    """One socket, or two for `localhost` where there is IPv6."""
    named = await in_daemon_thread(
        socket.getaddrinfo, address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )
    found = list(dict.fromkeys(named))  # a hosts file may name an address twice
    if address.host == "localhost" and not all(is_of_this_machine(place) for *_, place in found):
        raise CannotListen(
            f"Cannot listen on {address}: localhost is another machine's address here.",
            fix="Use 127.0.0.1 or [::1], and look at /etc/hosts and the pod's hostAliases.",
        )
    bound: list[socket.socket] = []
    with contextlib.ExitStack() as closing:
        for family, _, _, _, place in found:
            try:
                bound += [closing.enter_context(socket.create_server(place, family=family, backlog=BACKLOG))]
            except OSError as error:
                if error.errno not in ABSENT or (not bound and place is found[-1][4]):
                    raise
        for each in bound:
            prepare_listening(each, FIRST_BYTES_WITHIN)
        closing.pop_all()
    return bound


def _bind_unix(address: UnixAddress) -> socket.socket:
    """Takes the place of a socket that a killed predecessor left."""
    if address.path.is_socket():
        _refuse_if_alive(address)
        address.path.unlink()
    with contextlib.ExitStack() as undoing:
        bound = undoing.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
        bound.bind(str(address.path))
        undoing.callback(address.path.unlink, missing_ok=True)
        _let_in(address)  # before it listens: until then the kernel refuses everybody
        bound.listen(BACKLOG)
        undoing.pop_all()
        return bound


def _refuse_if_alive(address: UnixAddress) -> None:
    """A socket is only taken from a process that has gone."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
        asking.setblocking(False)
        try:
            asking.connect(str(address.path))
        except (ConnectionRefusedError, FileNotFoundError):
            return
        except OSError:  # it is alive, and busy or closed to us
            pass
    raise CannotListen(
        f"Cannot listen on {address}: another process listens there.",
        fix="Give each process a socket of its own; if an old sidecar still runs, end it first.",
    )


def _let_in(address: UnixAddress) -> None:
    """The owner last: whoever gives a file away may no longer change it."""
    if address.group is not None:
        with _refused(address, f"group {address.group}", GROUP_FIX):
            os.chown(address.path, -1, address.group)
    if address.mode is not None:
        with _refused(address, f"mode {address.mode:04o}", MODE_FIX):
            address.path.chmod(address.mode)
    if address.owner is not None:
        with _refused(address, f"user {address.owner}", OWNER_FIX):
            os.chown(address.path, address.owner, -1)


@contextlib.contextmanager
def _refused(address: UnixAddress, what: str, fix: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise CannotListen(f"{address} cannot be given {what}: {_reason(error)}.", fix=fix) from None


def _cannot_listen(address: Address, error: OSError) -> CannotListen:
    if error.errno in ABSENT and address.needs_ipv6 and _is_everywhere(address):
        return Ipv6Absent(
            f"Cannot listen on {address}: this pod has no IPv6.", fix="Leave the address out where no pod has IPv6."
        )
    return CannotListen(
        f"Cannot listen on {address}: {_reason(error)}.",
        fix="Choose an address of this pod and a free port in the SIDECAR_..._LISTEN that names it "
        "(a port below 1024 needs the pod sysctl net.ipv4.ip_unprivileged_port_start, or NET_BIND_SERVICE).",
    )


def _is_everywhere(address: Address) -> bool:
    return isinstance(address, TcpAddress) and address.host in LOOPBACK_NAMES | WILDCARDS


def _reason(error: OSError) -> str:
    return os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror or str(error)
